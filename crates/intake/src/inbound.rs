//! A webhook, read once: what it says about its call, who answers, and what the caller said.

use std::sync::Arc;

use live_users_core::{EndReason, Evidence, Said, Source};
use live_users_twilio::{
    CallEvents, FieldError, FieldProblem, Form, QueueEvent, StatusField, Webhook, check_account,
};

use crate::agents::{Agent, Agents};
use crate::evidence::{Attribution, Parties, of_webhook};
use crate::legs::with_role;
use crate::{CallerKey, Farewell, callbacks};

/// The longest id of an account, in bytes. Twilio's have 34.
const ACCOUNT_SID_BYTES_MAX: usize = 64;

/// What it takes to read a webhook.
#[derive(Clone, Copy, Debug)]
pub struct InboundRules<'a> {
    /// The agents that are configured.
    pub agents: &'a Agents,
    /// What callers are hashed with.
    pub key: &'a CallerKey,
    /// What ends a call when the caller says it.
    pub farewell: &'a Farewell,
    /// The accounts whose calls count; all of them if it is empty.
    pub accounts: &'a [String],
}

/// All that follows from one webhook. It is worked out here and nowhere else, so what is counted
/// and what the caller hears cannot differ.
#[derive(Debug)]
pub struct Inbound<'a> {
    /// What it says about its call and the calls that are tied to it, in the order in which it has to
    /// be recorded, or why it is not known which call that is. It may be nothing.
    pub evidence: Result<Vec<Evidence>, FieldError>,
    /// The agent that answers, if it is configured.
    pub answering: Option<&'a Agent>,
    /// What the caller said. It is known even if something else about the webhook is wrong.
    pub utterance: Utterance<'a>,
    /// How the call stands in the provider's words; missing if the webhook is wrong.
    pub status: StatusField,
    /// Whether it comes because the request to another URL failed. The end of a session with an
    /// error is no such request.
    pub is_fallback: bool,
    /// The URL that failed, if this is a fallback and the URL can be read.
    pub failed_url: Option<&'a str>,
    /// When the provider sent it, in milliseconds since 1970, if it says so.
    pub sent_at_ms: Option<u64>,
    /// Whether it says something beside the status of a call, so that it needs no status.
    pub has_events: bool,
    /// Whether the caller waits in a queue, and the answer is what is heard meanwhile.
    pub is_waiting: bool,
    /// Whether the caller is about to be connected with who has taken the caller out of a queue,
    /// and the answer is what is heard before that.
    pub is_taken: bool,
}

/// What a caller said.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Utterance<'a> {
    /// Nothing, or nothing that was understood.
    Nothing,
    /// Goodbye: this ends the call.
    Farewell,
    /// These words. Private.
    Words(&'a str),
}

impl<'a> Inbound<'a> {
    /// Reads the form of a webhook. `agent_id` is the id in its URL. Words are looked for in what
    /// the provider sends about speech alone: a `source` of [`Source::Speech`].
    ///
    /// ```
    /// use live_users_core::{EndReason, Said, Source};
    /// use live_users_intake::agents::Agents;
    /// use live_users_intake::{CallerKey, Farewell, Inbound, InboundRules, Utterance};
    /// use live_users_twilio::Form;
    ///
    /// let (agents, _) = Agents::parse("[[agent]]\nid = \"booking\"\nname = \"Bookings\"");
    /// let (key, farewell) = (CallerKey::derived_from("a token"), Farewell::default());
    /// let rules = InboundRules { agents: &agents, key: &key, farewell: &farewell, accounts: &[] };
    /// let form = Form::parse(b"CallSid=CA1&CallStatus=in-progress&SpeechResult=Goodbye!")?;
    ///
    /// let inbound = Inbound::read(&form, Source::Speech, Some("booking"), rules);
    /// assert!(inbound.utterance == Utterance::Farewell);
    /// assert_eq!(inbound.answering.map(|agent| agent.name.as_str()), Some("Bookings"));
    /// let evidence = inbound.evidence.expect("nothing is wrong with it");
    /// assert_eq!(evidence[0].said, Said::Over(EndReason::Goodbye));
    /// # Ok::<(), live_users_twilio::FormError>(())
    /// ```
    pub fn read(
        form: &'a Form,
        source: Source,
        agent_id: Option<&str>,
        rules: InboundRules<'a>,
    ) -> Self {
        let InboundRules { agents, key, farewell, accounts } = rules;
        let events = CallEvents::read(form);
        let source = callbacks::source(&events, source);
        let heard = match source {
            Source::Speech => form.text("SpeechResult").unwrap_or_default(),
            _ => None,
        };
        let utterance = match heard {
            None => Utterance::Nothing,
            Some(words) if farewell.is_meant(words) => Utterance::Farewell,
            Some(words) => Utterance::Words(words),
        };
        let account = account_of(form, agents);
        let attribution = |parties: &Parties<'_>| {
            Attribution::of(agent_id, parties, agents).by(account.as_ref(), parties, agents)
        };
        // Who answers is known by the URL, also of what names no call.
        let without_call = |evidence| Self {
            evidence,
            answering: attribution(&Parties::default()).configured,
            utterance,
            status: StatusField::Missing,
            is_fallback: form.has("ErrorUrl"),
            failed_url: form.text("ErrorUrl").unwrap_or_default(),
            sent_at_ms: None,
            has_events: events.is_any(),
            is_waiting: events.queue == Some(QueueEvent::Waits),
            is_taken: events.queue == Some(QueueEvent::IsTaken),
        };
        let checked = if account.is_some() { Ok(()) } else { check_account(form, accounts) };
        if let Err(mistake) = checked {
            return without_call(Err(mistake));
        }
        let twilio_account = sid_of(form).and_then(|sid| agents.accounts.digest(sid));
        let of_account = |evidence: Vec<Evidence>| -> Vec<Evidence> {
            let of_it = |it| Evidence { account: account.clone(), twilio_account, ..it };
            evidence.into_iter().map(of_it).collect()
        };
        if let Some(evidence) = callbacks::of_conference(&events, form.has("CallSid")) {
            return without_call(Ok(of_account(evidence)));
        }
        let webhook = match Webhook::parse(form) {
            Ok(webhook) => webhook,
            Err(mistake) => return without_call(Err(mistake)),
        };
        let parties = Parties::of_webhook(&webhook);
        let attribution = attribution(&parties);
        let evidence = of_webhook(&webhook, source, &parties, &attribution, (agents, key));
        let evidence = evidence.map(|evidence| match utterance {
            Utterance::Farewell => Evidence { said: Said::Over(EndReason::Goodbye), ..evidence },
            Utterance::Nothing | Utterance::Words(_) => evidence,
        });
        // Where a leg leads is needed even of an address that is too long to be kept.
        let to = form.text("To").ok().flatten();
        let evidence = evidence.map(|evidence| {
            let evidence = with_role(evidence, (webhook.from, to), agents);
            of_account(callbacks::with_events(evidence, &events))
        });
        Self {
            evidence: evidence.map_err(|error| {
                let (field, problem) = ("CallSid".to_owned(), FieldProblem::Invalid);
                FieldError { field, problem, expected: error.to_string() }
            }),
            answering: attribution.configured,
            status: webhook.status,
            sent_at_ms: webhook.sent_at_ms,
            ..without_call(Ok(Vec::new()))
        }
    }
}

/// What the account that a form comes from is called, if the agents file has it.
pub fn account_of(form: &Form, agents: &Agents) -> Option<Arc<str>> {
    agents.account_of(sid_of(form)?).cloned()
}

/// Whether a form may not speak for this agent, since both have accounts of the agents file, and two.
pub fn speaks_for_another(form: &Form, agents: &Agents, agent: &Agent) -> bool {
    let speaker = account_of(form, agents);
    agents.accounts.are_two(speaker.as_deref(), agent.account.as_deref())
}

fn sid_of(form: &Form) -> Option<&str> {
    form.text_within("AccountSid", ACCOUNT_SID_BYTES_MAX).ok().flatten()
}

/// Without the words.
impl std::fmt::Debug for Utterance<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Nothing => "Nothing",
            Self::Farewell => "Farewell",
            Self::Words(_) => "Words(hidden)",
        })
    }
}

#[cfg(test)]
mod tests {
    use live_users_core::Agent as CountedFor;

    use super::*;

    /// Reads a webhook with these fields, and gives what follows from it to a check.
    fn read(
        fields: &[(&str, &str)],
        source: Source,
        agent_id: Option<&str>,
        check: impl Fn(Inbound<'_>),
    ) {
        let (agents, _) = Agents::parse(
            "[[agent]]\nid = \"booking\"\nname = \"Bookings\"\nnumbers = [\"+15005550006\"]",
        );
        let key = CallerKey::new("0123456789abcdef").unwrap();
        let farewell = Farewell::default();
        let rules = InboundRules { agents: &agents, key: &key, farewell: &farewell, accounts: &[] };
        let form = Form::from_pairs(fields.iter().copied());
        check(Inbound::read(&form, source, agent_id, rules));
    }

    const CALL: [(&str, &str); 4] = [
        ("CallSid", "CA1"),
        ("CallStatus", "in-progress"),
        ("From", "+14155550123"),
        ("To", "+15005550006"),
    ];

    fn with<'a>(name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
        [&CALL[..], &[(name, value)]].concat()
    }

    #[test]
    fn a_goodbye_ends_the_call_and_other_words_do_not() {
        read(&with("SpeechResult", "Goodbye!"), Source::Speech, None, |inbound| {
            assert_eq!(inbound.utterance, Utterance::Farewell);
            assert_eq!(inbound.evidence.unwrap()[0].said, Said::Over(EndReason::Goodbye));
        });
        read(&with("SpeechResult", "don't hang up"), Source::Speech, None, |inbound| {
            assert_eq!(inbound.utterance, Utterance::Words("don't hang up"));
            assert_eq!(inbound.evidence.unwrap()[0].said, Said::InProgress);
        });
        read(&CALL, Source::Speech, None, |inbound| {
            assert_eq!(inbound.utterance, Utterance::Nothing);
        });
    }

    #[test]
    fn words_count_only_where_the_provider_sends_what_was_said() {
        for source in [Source::Voice, Source::StatusCallback] {
            read(&with("SpeechResult", "goodbye"), source, None, |inbound| {
                assert_eq!(inbound.utterance, Utterance::Nothing);
                assert_eq!(inbound.evidence.unwrap()[0].said, Said::InProgress);
            });
        }
    }

    #[test]
    fn one_attribution_says_who_answers_and_for_whom_it_counts() {
        read(&CALL, Source::Voice, None, |inbound| {
            assert_eq!(inbound.answering.unwrap().id, "booking");
            assert_eq!(inbound.evidence.unwrap()[0].agent, CountedFor::Id("booking".into()));
        });
        // An id that nobody configured counts, and the agent of the number answers.
        read(&CALL, Source::Voice, Some("x"), |inbound| {
            assert_eq!(inbound.answering.unwrap().id, "booking");
            assert_eq!(inbound.evidence.unwrap()[0].agent, CountedFor::Id("x".into()));
        });
    }

    #[test]
    fn of_a_webhook_that_is_wrong_the_words_and_the_agent_in_the_url_are_known() {
        let fields = [("SpeechResult", "bye, I mean goodbye"), ("From", "+14155550123")];
        read(&fields, Source::Speech, Some("booking"), |inbound| {
            assert_eq!(inbound.evidence.unwrap_err().field, "CallSid");
            assert_eq!(inbound.utterance, Utterance::Farewell);
            assert_eq!(inbound.answering.unwrap().id, "booking");
            assert_eq!(inbound.status, StatusField::Missing);
        });
    }

    #[test]
    fn a_request_that_names_the_url_that_failed_is_a_fallback() {
        let failed = with("ErrorUrl", "https://a.example/voice");
        read(&failed, Source::Voice, None, |it| assert!(it.is_fallback));
        // A session of <Connect> that ended with an error.
        read(&with("ErrorCode", "64105"), Source::Voice, None, |it| assert!(!it.is_fallback));
        read(&CALL, Source::Voice, None, |it| assert!(!it.is_fallback));
    }

    #[test]
    fn who_waits_in_a_queue_is_known_to_the_answer() {
        read(&with("QueueSid", "QU1"), Source::Voice, None, |it| assert!(!it.is_waiting));
        let waits = [&CALL[..], &[("QueueSid", "QU1"), ("QueuePosition", "1")]].concat();
        read(&waits, Source::Voice, None, |it| assert!(it.is_waiting && it.has_events));
        read(&CALL, Source::Voice, None, |it| assert!(!it.is_waiting && !it.has_events));
    }

    #[test]
    fn a_webhook_says_when_it_was_sent() {
        read(&with("Timestamp", "2018-03-25T09:53:19Z"), Source::StatusCallback, None, |it| {
            assert_eq!(it.sent_at_ms, Some(1_521_971_599_000));
        });
    }

    #[test]
    fn what_was_said_is_not_shown_by_debug() {
        read(&with("SpeechResult", "my secret"), Source::Speech, None, |inbound| {
            assert!(!format!("{inbound:?}").contains("secret"));
        });
    }
}
