//! The answers to a caller: the built-in conversation, or a redirect to the agent's own.

mod welcomes;

use actix_web::web::Bytes;
use live_users_core::Instead;
use live_users_intake::agents::{Agent, Decision, Method};
use live_users_intake::{Farewell, Inbound, Utterance};
use live_users_twilio::twiml::{Dial, Gather, Response};

use self::welcomes::Welcomes;
use crate::parts::public_url::UrlRule;

const GREETING: &str = "Hello! How can I help you?";
const REPLY: &str = "Thank you, I have noted that. Is there anything else?";
const NO_ANSWER: &str = "Sorry, I have no answer to that just now. Could you say it again?";
const NOT_HEARD: &str = "Sorry, I did not catch that. Could you say it again?";
const NOTHING_SAID: &str = "I did not hear anything. Goodbye!";
const PLEASE_HOLD: &str = "Please hold the line.";
const CONNECTING: &str = "You are being connected.";
const GOODBYE: &str = "Goodbye! Thank you for your call.";

/// Nothing that a caller says is kept, so nothing is promised.
const UNREACHABLE: &str =
    "Sorry, we cannot be reached right now. Please call again later. Goodbye!";

/// The silence between two words to somebody who waits, in seconds.
const HOLD_SECONDS: u32 = 20;

/// The answer of the agent's chat to an utterance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// There is no chat, or no question for it.
    NotAsked,
    /// The text of the answer.
    Text(String),
    /// The chat gave no answer in time.
    Silence,
}

/// Decides how to answer. It never waits and never fails.
#[derive(Debug)]
pub(crate) struct Conversation {
    /// The path of `/speech-result` as Twilio sees it.
    speech_path: String,
    /// Where the progress of a leg is reported that we dial: a whole URL, if ours is known.
    status_url: String,
    farewell: Farewell,
    welcomes: Welcomes,
}

impl Conversation {
    pub(crate) fn new(url_rule: &UrlRule, farewell: Farewell) -> Self {
        let speech_path = format!("{}/speech-result", url_rule.path_prefix());
        let status_url = format!("{}/call-status", url_rule.base());
        Self { speech_path, status_url, farewell, welcomes: Welcomes::default() }
    }

    /// The answer to a voice request, in TwiML. `agent_id` is the id in the request's URL, which the
    /// next requests have to carry on.
    pub(crate) fn greet(&self, agent_id: Option<&str>, inbound: &Inbound<'_>) -> Bytes {
        let is_in_queue = inbound.is_waiting || inbound.is_taken;
        match inbound.answering.filter(|agent| agent.voice_url.is_none() && !is_in_queue) {
            Some(agent) => self.welcomes.of(agent, agent_id, || self.welcome(agent_id, agent)),
            None => self.greeting(agent_id, inbound).to_xml().into(),
        }
    }

    fn greeting(&self, agent_id: Option<&str>, inbound: &Inbound<'_>) -> Response {
        if let Some(response) = in_a_queue(inbound) {
            return response;
        }
        let Some(agent) = inbound.answering else {
            return self.listen(agent_id, GREETING);
        };
        match &agent.voice_url {
            Some(url) if !inbound.is_fallback => {
                Response::new().redirect(url, agent.voice_method())
            }
            Some(_) => self.stand_in(agent_id, agent, inbound.failed_url),
            None => self.welcome(agent_id, agent),
        }
    }

    /// The answer to an utterance, where the agent's own application is not in charge. After a
    /// farewell, the chat's answer is not used.
    pub(crate) fn reply(
        &self,
        agent_id: Option<&str>,
        inbound: &Inbound<'_>,
        answer: Answer,
    ) -> Bytes {
        self.replying(agent_id, inbound, answer).to_xml().into()
    }

    fn replying(&self, agent_id: Option<&str>, inbound: &Inbound<'_>, answer: Answer) -> Response {
        if let Some(response) = in_a_queue(inbound) {
            return response;
        }
        // With a chat, the built-in conversation may have taken over.
        let is_elsewhere = inbound.answering.is_some_and(|agent| {
            agent.voice_url.is_some() && (inbound.is_fallback || agent.chat_url.is_none())
        });
        if is_elsewhere && inbound.utterance != Utterance::Farewell {
            return self.greeting(agent_id, inbound);
        }
        match (inbound.utterance, answer) {
            (Utterance::Farewell, _) => Response::new().say(GOODBYE).hangup(),
            (Utterance::Words(_), Answer::NotAsked) => self.listen(agent_id, REPLY),
            (Utterance::Words(_), Answer::Text(text)) => self.listen(agent_id, &text),
            (Utterance::Words(_), Answer::Silence) => self.listen(agent_id, NO_ANSWER),
            (Utterance::Nothing, _) => self.listen(agent_id, NOT_HEARD),
        }
    }

    /// The answer when the agent's own application has failed. A fallback that has failed itself
    /// is not tried again: the caller would go round in circles.
    fn stand_in(&self, agent_id: Option<&str>, agent: &Agent, failed: Option<&str>) -> Response {
        let has_failed = |url: &str| failed.is_some_and(|failed| is_request_to(url, failed));
        match (&agent.fallback_url, &agent.fallback_number) {
            (Some(url), _) if !has_failed(url) => {
                Response::new().redirect(url, agent.fallback_method())
            }
            (_, Some(number)) => Response::new()
                .dial(Dial { number: number.clone(), status_callback: self.status_url.clone() }),
            _ if agent.chat_url.is_some() => self.welcome(agent_id, agent),
            _ => Response::new().say(UNREACHABLE).hangup(),
        }
    }

    fn welcome(&self, agent_id: Option<&str>, agent: &Agent) -> Response {
        let name = &agent.name;
        self.listen(agent_id, &format!("Hello, this is {name}. How can I help you?"))
    }

    /// The answer after an internal error. The call goes on.
    pub(crate) fn apologise(&self, agent_id: Option<&str>) -> Bytes {
        self.listen(agent_id, NOT_HEARD).to_xml().into()
    }

    /// The phrases that end a call.
    pub(crate) fn farewell(&self) -> &Farewell {
        &self.farewell
    }

    /// Asks the caller to speak. Without input, Twilio goes on to the verbs after `<Gather>`.
    fn listen(&self, agent_id: Option<&str>, say: &str) -> Response {
        let action = match agent_id {
            Some(id) => format!("{}?agent={id}", self.speech_path),
            None => self.speech_path.clone(),
        };
        Response::new().gather(Gather::new(action).say(say)).say(NOTHING_SAID).hangup()
    }
}

/// The answer to a call for which there is no place. What was recorded of it stands: a decision that
/// the agents file has no more, or that would do something else, makes the line busy. Only a call that
/// is ringing here can be busy; any other is hung up.
pub(crate) fn turned_away(
    decision: Option<&Decision>,
    instead: Instead,
    is_ringing_here: bool,
) -> Response {
    let decision = decision.filter(|decision| decision.instead() == instead);
    match decision {
        Some(Decision::Queue(name)) => Response::new().enqueue(name),
        Some(Decision::Redirect(url)) => Response::new().redirect(url, Method::Post),
        Some(Decision::Say(text)) => Response::new().say(text).hangup(),
        Some(Decision::Busy | Decision::Unknown) | None if is_ringing_here => {
            Response::reject_busy()
        }
        Some(Decision::Busy | Decision::Unknown) | None => Response::new().hangup(),
    }
}

/// Whether this URL is the one that was requested. Fragments do not count. A request by GET may have
/// the fields behind the query, `CallSid` among them.
fn is_request_to(url: &str, requested: &str) -> bool {
    let without_fragment = |url| str::split(url, '#').next().unwrap_or_default();
    let behind = without_fragment(requested).strip_prefix(without_fragment(url));
    behind.is_some_and(|it| it.is_empty() || it.starts_with(['?', '&']) && it.contains("CallSid="))
}

/// What somebody hears who waits in a queue, or is taken out of it. Only few verbs may stand here,
/// and one that ends the document by hanging up would lose the caller. The provider asks again when
/// the silence is over.
fn in_a_queue(inbound: &Inbound<'_>) -> Option<Response> {
    if inbound.is_taken {
        return Some(Response::new().say(CONNECTING));
    }
    inbound.is_waiting.then(|| Response::new().say(PLEASE_HOLD).pause(HOLD_SECONDS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_turned_away_hears_what_was_recorded() {
        let (refuse, queue) = (Instead::Refuse, Instead::Queue);
        let said = Decision::Say("All busy.".to_owned());
        let waits = Decision::Queue("room".to_owned());
        for (decision, instead, is_ringing, inner) in [
            (Some(&Decision::Busy), refuse, true, r#"<Reject reason="busy"/>"#),
            (Some(&Decision::Busy), refuse, false, "<Hangup/>"),
            (Some(&said), refuse, true, "<Say>All busy.</Say><Hangup/>"),
            (Some(&waits), queue, true, "<Enqueue>room</Enqueue>"),
            // The file has changed since.
            (Some(&waits), refuse, true, r#"<Reject reason="busy"/>"#),
            (None, queue, false, "<Hangup/>"),
        ] {
            let xml = turned_away(decision, instead, is_ringing).to_xml();
            assert!(xml.ends_with(&format!("<Response>{inner}</Response>")), "{xml}");
        }
    }

    #[test]
    fn a_url_that_failed_is_known_with_and_without_the_fields_of_a_get() {
        let url = "https://a.example/down?x=1#rc=2";
        for failed in ["#rc=1", "", "&CallSid=CA1&From=x"] {
            assert!(is_request_to(url, &format!("https://a.example/down?x=1{failed}")), "{failed}");
        }
        for other in ["https://a.example/down", "https://a.example/down?x=1&y=2", "", "https://a"] {
            assert!(!is_request_to(url, other), "{other}");
        }
    }
}
