//! The answers to a caller: the built-in conversation, or a redirect to the agent's own.

use live_users_intake::agents::Agent;
use live_users_intake::{Farewell, Utterance};
use live_users_twilio::twiml::{Gather, Response};

const GREETING: &str = "Hello! How can I help you?";
const REPLY: &str = "Thank you, I have noted that. Is there anything else?";
const NO_ANSWER: &str = "Sorry, I have no answer to that just now. Could you say it again?";
const NOT_HEARD: &str = "Sorry, I did not catch that. Could you say it again?";
const NOTHING_SAID: &str = "I did not hear anything. Goodbye!";
const PLEASE_HOLD: &str = "Please hold the line.";
const GOODBYE: &str = "Goodbye! Thank you for your call.";

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
    farewell: Farewell,
}

impl Conversation {
    pub(crate) fn new(path_prefix: &str, farewell: Farewell) -> Self {
        Self { speech_path: format!("{path_prefix}/speech-result"), farewell }
    }

    /// The answer to a voice request. `agent_id` is the id in the request's URL, which the next
    /// requests have to carry on. Twilio sends a fallback after another request failed. It is
    /// answered here, because the agent's own application may have failed.
    pub(crate) fn greet(
        &self,
        agent_id: Option<&str>,
        agent: Option<&Agent>,
        is_fallback: bool,
    ) -> Response {
        let Some(agent) = agent else { return self.listen(agent_id, GREETING) };
        match &agent.voice_url {
            Some(url) if !is_fallback => Response::new().redirect(url.as_str()),
            Some(_) | None => {
                let name = &agent.name;
                self.listen(agent_id, &format!("Hello, this is {name}. How can I help you?"))
            }
        }
    }

    /// The answer to an utterance. After a farewell, the chat's answer is not used.
    pub(crate) fn reply(
        &self,
        agent_id: Option<&str>,
        utterance: Utterance<'_>,
        answer: Answer,
    ) -> Response {
        match (utterance, answer) {
            (Utterance::Farewell, _) => Response::new().say(GOODBYE).hangup(),
            (Utterance::Words(_), Answer::NotAsked) => self.listen(agent_id, REPLY),
            (Utterance::Words(_), Answer::Text(text)) => self.listen(agent_id, &text),
            (Utterance::Words(_), Answer::Silence) => self.listen(agent_id, NO_ANSWER),
            (Utterance::Nothing, _) => self.listen(agent_id, NOT_HEARD),
        }
    }

    /// What somebody hears who waits in a queue. The provider asks again when it is over. Only few
    /// verbs may stand here, and one that ends the document by hanging up would lose the caller.
    pub(crate) fn hold(&self) -> Response {
        Response::new().say(PLEASE_HOLD).pause(HOLD_SECONDS)
    }

    /// The answer after an internal error. The call goes on.
    pub(crate) fn apologise(&self, agent_id: Option<&str>) -> Response {
        self.listen(agent_id, NOT_HEARD)
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
