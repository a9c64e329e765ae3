//! The sources in the configuration file: who tells of calls beside Twilio's webhooks.

mod asking;

use std::collections::BTreeMap;
use std::sync::Arc;

use live_users_core::Limits;
use live_users_sources::{Basis, KINDS, Kind};
use serde::Deserialize;

pub use self::asking::RefereeSettings;

use crate::agents::{ID_BYTES_MAX, is_id};

/// The kind that is Twilio itself.
const TWILIO: &str = "twilio";

/// The most sources in one file.
const SOURCES_MAX: usize = 100;

/// The heartbeats that a call may miss, unless the file says otherwise.
const MISSED_MAX: u32 = 3;

/// How long a source says nothing of a call that goes on, in seconds, if it tells starts and ends alone:
/// few calls with an agent are longer.
const SILENT_S: u32 = 15 * 60;

/// The longest that a source may be silent about a call, and the longest call, in seconds.
const LIMIT_S_MAX: u32 = 25 * 3600;

/// A `[[source]]` of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceTable {
    /// What `/sources/ID` names: letters, digits, `-` and `_`.
    pub id: String,
    /// What it is: a name of [`KINDS`].
    pub kind: String,
    /// The name of the environment variable that has its secret, or several separated by commas.
    pub secret_env: String,
    /// The account that its calls belong to.
    #[serde(default)]
    pub account: Option<String>,
    /// It promises to be heard of each call so often, in seconds.
    #[serde(default)]
    pub heartbeat_seconds: Option<u32>,
    /// A call is over when so many heartbeats are missed; 3 unless it says otherwise.
    #[serde(default)]
    pub missed_heartbeats: Option<u32>,
    /// A call that is up for longer is over, in minutes.
    #[serde(default)]
    pub longest_call_minutes: Option<u32>,
    /// After so long a silence its calls are suspect, in seconds, if that is longer than for others.
    #[serde(default)]
    pub suspect_after_seconds: Option<u32>,
    /// The name of the environment variable that has the key with which its provider is asked.
    #[serde(default)]
    pub api_key_env: Option<String>,
    /// Where its provider is asked, without a path.
    #[serde(default)]
    pub api_url: Option<String>,
    /// The connections whose calls are asked for, at Telnyx.
    #[serde(default)]
    pub connection_ids: Vec<String>,
    /// The account whose calls are asked for, at Plivo.
    #[serde(default)]
    pub auth_id: Option<String>,
    /// The agents whose calls are asked for, at ElevenLabs; all if there are none.
    #[serde(default)]
    pub agent_ids: Vec<String>,
    /// The interval from one question to the next, in seconds.
    #[serde(default)]
    pub ask_seconds: Option<u32>,
}

/// A source, as it is needed to take in what it tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSettings {
    /// Its id.
    pub id: Arc<str>,
    /// The account that its calls belong to.
    pub account: Option<Arc<str>>,
    /// Whether the end of a call is its own word, whoever talks with the caller.
    pub is_carrier: bool,
    /// Whether it is Twilio, by another way than its forms: it tells of the calls that they tell of,
    /// and what it says means the same.
    pub is_twilio: bool,
    /// What follows from its silence.
    pub limits: Limits,
}

/// What ends the calls of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Its own word.
    pub by_word: bool,
    /// The list of calls that its provider is asked for.
    pub by_list: bool,
    /// So many seconds in which nothing is heard of a call.
    pub quiet_s: Option<u32>,
    /// So many seconds for which a call has been up.
    pub longest_s: Option<u32>,
}

impl SourceTable {
    /// One of this id and kind, which promises nothing and has no secret of its own.
    pub fn named(id: &str, kind: &str) -> Self {
        Self { id: id.to_owned(), kind: kind.to_owned(), ..Self::default() }
    }

    /// Its kind; `None` of an unknown one.
    pub fn kind(&self) -> Option<&'static Kind> {
        Kind::named(&self.kind)
    }

    /// What is needed to take in what it tells.
    pub fn settings(&self) -> SourceSettings {
        let kind = self.kind();
        let tells = kind.map(|kind| kind.tells);
        let configured_s = self.longest_call_minutes.map(|minutes| minutes.saturating_mul(60));
        let own_s = tells.and_then(|tells| tells.longest_s);
        let missed = self.missed_heartbeats.unwrap_or(MISSED_MAX);
        SourceSettings {
            id: Arc::from(self.id.as_str()),
            account: self.account.as_deref().map(Arc::from),
            is_carrier: tells.is_some_and(|tells| tells.is_carrier),
            is_twilio: self.kind == TWILIO,
            limits: Limits {
                quiet_s: self.heartbeat_seconds.map(|seconds| seconds.saturating_mul(missed)),
                longest_s: configured_s.or(own_s),
                silent_s: self.silent_s(),
            },
        }
    }

    /// How long nothing is heard of a call that goes on, in seconds; `None` if others are asked about
    /// it.
    fn silent_s(&self) -> Option<u32> {
        let usual_s = match self.heartbeat_seconds {
            // One may be late.
            Some(seconds) => Some(seconds.saturating_mul(2)),
            None if self.kind == TWILIO || self.lists_calls() => None,
            None => Some(SILENT_S),
        };
        self.suspect_after_seconds.or(usual_s)
    }

    /// What is wrong with it: a field, and what was expected.
    fn mistakes(&self) -> Vec<(&'static str, String)> {
        let expected_id = || format!("expected 1 to {ID_BYTES_MAX} letters, digits, '-' or '_'");
        let limits = self.settings().limits;
        let is_wrong =
            |limit_s: Option<u32>| limit_s.is_some_and(|it| !(1..=LIMIT_S_MAX).contains(&it));
        let heartbeat = match self.missed_heartbeats {
            Some(0) => "missed_heartbeats",
            _ => "heartbeat_seconds",
        };
        let is_unknown = self.kind().is_none();
        let is_reserved = ["twilio", "api"].contains(&self.id.as_str());
        let is_lone = self.missed_heartbeats.is_some() && self.heartbeat_seconds.is_none();
        // What stands in it may be the secret itself, so it is not repeated.
        let variable = "expected the name of an environment variable such as VAPI_SECRET, and never \
                        the secret itself";
        let unknown = || format!("{:?} is unknown; expected {}", self.kind, kinds());
        let lone = "there is no heartbeat_seconds; expected both or neither";
        let silence = || format!("expected 1 to {LIMIT_S_MAX} s of silence in all");
        let account = self.account.as_deref();
        let checks = [
            ("id", !is_id(&self.id), expected_id()),
            ("id", is_reserved, "is taken by our own sources; expected another one".to_owned()),
            ("kind", is_unknown, unknown()),
            ("secret_env", !is_variable(&self.secret_env), variable.to_owned()),
            ("account", account.is_some_and(|it| !is_id(it)), expected_id()),
            (heartbeat, is_wrong(limits.quiet_s), silence()),
            ("missed_heartbeats", is_lone, lone.to_owned()),
            (
                "longest_call_minutes",
                is_wrong(limits.longest_s),
                format!("expected 1 to {}", LIMIT_S_MAX / 60),
            ),
            (
                "suspect_after_seconds",
                is_wrong(self.suspect_after_seconds),
                format!("expected 1 to {LIMIT_S_MAX}"),
            ),
        ];
        let wrong = checks.into_iter().filter(|(_, is_wrong, _)| *is_wrong);
        let wrong = wrong.map(|(field, _, what)| (field, what));
        wrong.chain(self.mistakes_in_asking()).collect()
    }

    /// What ends its calls.
    pub fn ends(&self) -> Ends {
        let Limits { quiet_s, longest_s, .. } = self.settings().limits;
        let by_word = self.kind().is_none_or(|kind| kind.tells.end != Basis::Untold);
        Ends { by_word, by_list: self.lists_calls(), quiet_s, longest_s }
    }
}

/// All that is wrong with the sources of a file, but for their secrets.
pub(crate) fn mistakes_in_sources(sources: &[SourceTable]) -> Vec<String> {
    let mut mistakes = Vec::new();
    if sources.len() > SOURCES_MAX {
        mistakes.push(format!("{} sources; expected at most {SOURCES_MAX}", sources.len()));
    }
    let mut ids = BTreeMap::new();
    for (source, place) in sources.iter().zip(1..) {
        let mut wrong = |field: &str, what: String| {
            mistakes.push(format!("source {place} ({:?}): {field}: {what}", source.id));
        };
        if let Some(first) = ids.insert(&source.id, place) {
            wrong("id", format!("already the id of source {first}; expected a different one"));
        }
        source.mistakes().into_iter().for_each(|(field, what)| wrong(field, what));
    }
    mistakes
}

/// The kinds there are, for people.
fn kinds() -> String {
    let names: Vec<_> = KINDS.iter().map(|kind| kind.name).collect();
    format!("one of {}", names.join(", "))
}

/// Whether a text can be the name of an environment variable, as people write them. One that cannot is
/// repeated nowhere: it may be the secret itself.
pub fn is_variable(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
    let mut bytes = text.bytes();
    let begins = bytes.next().is_some_and(is_letter);
    begins && text.len() <= 128 && bytes.all(|byte| is_letter(byte) || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
