//! What a webhook of a source says, in words that no provider owns.

use std::collections::BTreeSet;

use live_users_core::{AnsweredBy, Direction, EndReason};

/// All that one webhook says.
#[derive(Default)]
pub struct Reading {
    /// What it says about calls, in the order in which it has to be recorded.
    pub events: Vec<CallEvent>,
    /// The types of what it tells that this version does not know, or that say nothing of who is on
    /// the line. They may be logged after they were cut and cleaned: a sender has chosen them.
    pub ignored: Vec<String>,
    /// The fields that it has and our own format has not, so that a slip of the pen can be seen.
    pub unknown: UnknownFields,
}

/// Fields that our own format does not have. They are no mistake: another version may have them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnknownFields {
    /// How many there are.
    pub count: u64,
    /// Their names, each once and at most [`UnknownFields::NAMES_MAX`]: only those of a short and plain
    /// form, since a sender has chosen them and a number may stand in one.
    pub names: BTreeSet<String>,
    /// Whether there are others, whose names are not shown.
    pub has_odd: bool,
}

impl UnknownFields {
    /// So many names are kept of one webhook.
    pub const NAMES_MAX: usize = 16;

    /// One more field. Its value is not looked at.
    pub(crate) fn add(&mut self, name: &str) {
        self.count += 1;
        if !is_plain(name) {
            self.has_odd = true;
        } else if self.names.len() < Self::NAMES_MAX && !self.names.contains(name) {
            self.names.insert(name.to_owned());
        }
    }
}

/// Whether a name can be shown: 1 to 40 of `A-Za-z0-9_.-`, of which at most 4 are digits.
fn is_plain(name: &str) -> bool {
    let is_usual = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    (1..=40).contains(&name.len())
        && name.bytes().all(is_usual)
        && name.bytes().filter(u8::is_ascii_digit).count() <= 4
}

impl Reading {
    /// One event.
    pub(crate) fn of(event: CallEvent) -> Self {
        Self { events: vec![event], ..Self::default() }
    }

    /// Nothing about who is on the line: only this type.
    pub(crate) fn ignoring(kind: String) -> Self {
        Self { ignored: vec![kind], ..Self::default() }
    }
}

/// A webhook that its source has signed, and that cannot be read. The text says which field, and
/// what was expected; never what stands in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {expected}")]
pub struct Unreadable {
    /// The field, as a path: `message.call.id`.
    pub field: &'static str,
    /// What was expected in it.
    pub expected: &'static str,
}

/// One thing that a source says about one call.
///
/// Without `Debug`: numbers are private.
#[derive(Clone, PartialEq, Eq)]
pub struct CallEvent {
    /// The source's own id of this event, the same when it is sent again, if it has one.
    pub id: Option<String>,
    /// The source's own id of the call. Trap: it must not be made of a phone number.
    pub call: String,
    /// Other ids of the same call: the carrier's.
    pub also: Vec<String>,
    /// The call that this one is a leg of.
    pub parent: Option<String>,
    /// The source's own id of the room in which the call lives, if it has rooms: all calls in it
    /// are over with it, by [`What::RoomOver`]. At a carrier, the connection that it is on.
    pub room: Option<String>,
    /// The carrier's own id of the session that its legs share, where a leg does not name the call
    /// that it is of: of two calls in one session, one that was made after the other is its leg.
    pub session: Option<String>,
    /// The provider's own id of the account that the call is of, if it says so.
    pub account: Option<String>,
    /// What happened.
    pub what: What,
    /// Which way it goes, if that is said.
    pub direction: Option<Direction>,
    /// Who calls, as the source writes it. Private.
    pub from: Option<String>,
    /// Who is called, as the source writes it. Private.
    pub to: Option<String>,
    /// The source's own id of the agent.
    pub agent: Option<String>,
    /// Who has answered, if the source tells that.
    pub answered_by: Option<AnsweredBy>,
    /// How long the conversation was, in seconds, of a call that is over.
    pub duration_s: Option<u32>,
    /// When it happened, in milliseconds since 1970.
    pub at_ms: Option<u64>,
}

/// What happened to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// It exists, and nobody is on the line yet.
    Dialing,
    /// It is up, and whatever was known of who is with the caller still holds.
    Up,
    /// A heartbeat: all is as it was. Who is dialled has not answered by that.
    StillUp,
    /// The caller is connected with the agent: answered.
    Answered,
    /// The caller is on the line and waits: in a queue, on hold, or while somebody is dialled.
    Waiting,
    /// The caller was handed over to a person.
    Transferred,
    /// The caller is back with the agent.
    Returned,
    /// No caller is there: a machine has answered.
    Machine,
    /// It is over.
    Ended(EndReason),
    /// The source has no part in it any more, because the caller was handed over. The call is over
    /// unless somebody else tells of it.
    Left,
    /// Every call in a room is over: `call` is the id of the room, no call's.
    RoomOver,
}

impl CallEvent {
    /// This happened to this call, and nothing else is said.
    pub fn new(call: impl Into<String>, what: What) -> Self {
        Self {
            id: None,
            call: call.into(),
            also: Vec::new(),
            parent: None,
            room: None,
            session: None,
            account: None,
            what,
            direction: None,
            from: None,
            to: None,
            agent: None,
            answered_by: None,
            duration_s: None,
            at_ms: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_a_plain_form_are_kept_and_not_too_many() {
        let mut unknown = UnknownFields::default();
        for odd in ["", "a b", "+14155550123", "14155550123", "x\n", "näme", &"x".repeat(41)] {
            unknown.add(odd);
        }
        assert_eq!((unknown.count, unknown.names.len(), unknown.has_odd), (7, 0, true));
        for n in 0..100 {
            unknown.add(&format!("field-{n}"));
            unknown.add("evnt_at");
        }
        assert_eq!((unknown.count, unknown.names.len()), (207, UnknownFields::NAMES_MAX));
        assert!(unknown.names.contains("evnt_at"));
    }
}
