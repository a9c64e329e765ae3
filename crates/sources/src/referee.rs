//! What a provider is asked about the calls of a source that are up, and what its answers say: as
//! data, without a socket and without a clock.
//!
//! One *round* reads the whole list: it begins with the questions of [`Referee::round`], and an
//! answer may lead to more of them. What cannot be read is a failure of the round and never a
//! shorter list, because a call that a list lacks may be over.

use std::fmt;

use live_users_twilio::rest::Failure;
use serde::de::DeserializeOwned;

use crate::CallEvent;
use crate::json::parse;

/// How the provider of a kind is asked, and how its answers are read.
pub struct Referee {
    /// Where it is asked, unless the configuration says otherwise; `None` if everybody has an
    /// address of their own.
    pub api_url: Option<&'static str>,
    /// What signs in, as the end of "expected ...".
    pub key_is: &'static str,
    /// Whether a text can be what signs in.
    pub is_key: fn(&str) -> bool,
    /// Whether the secret of the webhooks signs in, where no key of its own is named.
    pub takes_secret: bool,
    /// About which calls it can be asked.
    pub scope: Scope,
    /// What it answers.
    pub gives: Gives,
    /// The questions that a round begins with, about these ids of the [`Scope`].
    pub round: fn(&[String]) -> Vec<Ask>,
    /// The headers of a question.
    pub headers: fn(&Access<'_>, &Ask) -> Vec<(&'static str, String)>,
    /// What an answer with this status says.
    ///
    /// # Errors
    /// Why it is no answer, or only a part of one.
    pub read: fn(&Ask, u16, &[u8]) -> Result<Answer, Failure>,
    /// How it is asked about one call, if it is.
    pub by_name: Option<ByName>,
    /// The room that the calls of an id of the scope are in, as their webhooks name it. Then a call
    /// of which no such room is known is not missing in any list.
    pub room: Option<fn(&str) -> String>,
}

/// Questions about one call, which is named as the provider names it.
pub struct ByName {
    /// What there is to know of a call that is up. An answer without a call says that it is not.
    pub live: fn(&[String], &str) -> Ask,
    /// How a call has ended. An answer without a call says that it is not known to be over.
    pub over: fn(&[String], &str) -> Ask,
}

/// What signs in, and what for.
pub struct Access<'a> {
    /// The key.
    pub key: &'a str,
    /// The ids of the [`Scope`].
    pub ids: &'a [String],
    /// The time, in seconds since 1970.
    pub now_s: u64,
}

/// About which calls a provider can be asked, and so which field of the configuration says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All that the key reaches.
    Key,
    /// Those of connections, which have to be named: `connection_ids`.
    Connections,
    /// Those of one account: `auth_id`.
    Account,
    /// All, or those of agents that are named: `agent_ids`.
    Agents,
}

/// What a provider answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    /// The ids of the calls that are up.
    Calls,
    /// How many there are, and not which.
    Number,
}

/// One question: `GET`, or `POST` of JSON if there is a body.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Ask {
    /// The path and query, below the address of the provider. Its ids are encoded.
    pub path: String,
    /// JSON to send.
    pub body: Option<String>,
    /// What the question is about: a connection, a room. Private, since the name of a room may be
    /// a phone number.
    pub about: String,
    /// The provider's own id of that.
    pub id: String,
    /// How many calls were read before, on the pages of this list.
    pub read: usize,
}

/// What an answer says.
#[derive(Default)]
pub struct Answer {
    /// Calls that are up; of a question by name, that call.
    pub calls: Vec<Listed>,
    /// How many calls are up.
    pub number: Option<u64>,
    /// What has to be asked until the round is complete.
    pub more: Vec<Ask>,
}

/// A call in a list.
pub struct Listed {
    /// Which call, and what is said of it: [`What::Answered`](crate::What::Answered) of one that is
    /// answered, [`What::Up`](crate::What::Up) if only that it is there,
    /// [`What::Dialing`](crate::What::Dialing) of one that is not.
    pub event: CallEvent,
    /// What all legs of one conversation have in common, if the provider tells that.
    pub session: Option<String>,
    /// How long it has been up, in seconds, as far as that is told.
    pub up_s: u32,
}

impl Listed {
    /// A call of which nothing else is said.
    pub(crate) fn new(event: CallEvent) -> Self {
        Self { event, session: None, up_s: 0 }
    }
}

impl Answer {
    /// These calls.
    pub(crate) fn of(calls: Vec<Listed>) -> Self {
        Self { calls, ..Self::default() }
    }
}

/// Without what it is about.
impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ask").field("path", &self.path).field("read", &self.read).finish()
    }
}

/// Without who is on the line.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("calls", &self.calls.len())
            .field("number", &self.number)
            .field("more", &self.more.len())
            .finish()
    }
}

/// The body of an answer with status 200.
pub(crate) fn body<T: DeserializeOwned>(status: u16, body: &[u8]) -> Result<T, Failure> {
    match status {
        200 => parse(body).map_err(|unreadable| Failure::Odd(unreadable.to_string())),
        // Codes are Twilio's alone, so the body does not count.
        _ => Err(Failure::of(status, b"")),
    }
}

/// A list that lacks calls, for this reason.
pub(crate) fn incomplete(why: &str) -> Failure {
    Failure::Odd(format!("the list is not complete: {why}"))
}

/// The header of a key that is shown as it is.
pub(crate) fn bearer(access: &Access<'_>, _ask: &Ask) -> Vec<(&'static str, String)> {
    vec![("Authorization", format!("Bearer {}", access.key))]
}

/// Whether a text can stand in a header as a key.
pub(crate) fn is_token(text: &str) -> bool {
    (1..=1024).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A text as a segment of a path, or a value in a query.
pub(crate) fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().fold(String::new(), |all, byte| match plain(byte) {
        true => all + std::str::from_utf8(&[byte]).unwrap_or_default(),
        false => format!("{all}%{byte:02X}"),
    })
}
