//! The table of kinds.

use crate::verify::{BadSecret, Verify};
use crate::{Reading, Referee, Request, Unreadable};

/// A kind of source. A new provider is a folder and a row in [`KINDS`].
#[derive(Clone, Copy)]
pub struct Kind {
    /// What `kind` in the configuration names it: `telnyx`.
    pub name: &'static str,
    /// What people call it: `Telnyx`.
    pub title: &'static str,
    /// What its secret is, as the end of "expected ...": where it is found, and its form.
    pub secret_is: &'static str,
    /// One secret, ready to verify with.
    pub secret: fn(&str) -> Result<Box<dyn Verify>, BadSecret>,
    /// What a webhook says that was verified.
    pub read: fn(&Request<'_>) -> Result<Reading, Unreadable>,
    /// Whether it may send a webhook by GET, with the fields in the query.
    pub by_get: bool,
    /// How its provider is asked which calls are up, or how many, if it can be.
    pub referee: Option<&'static Referee>,
    /// What it can tell.
    pub tells: Tells,
}

/// What a kind of source can tell of a call, and so how sure a number is that rests on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tells {
    /// Whether the ids of its calls are a carrier's own, the same wherever somebody names the call.
    pub is_carrier: bool,
    /// On what the start of a call rests.
    pub start: Basis,
    /// On what it rests that a call was answered.
    pub answer: Basis,
    /// On what it rests that a caller was handed over.
    pub hand_over: Basis,
    /// On what the end of a call rests.
    pub end: Basis,
    /// How long a call can last when nobody tells its end, in seconds, where the source itself has
    /// a limit; the configuration may have a shorter one.
    pub longest_s: Option<u32>,
}

/// On what a moment in the life of a call rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// An event of the source.
    Event,
    /// It follows from another event.
    Derived,
    /// The source does not tell it.
    Untold,
}

/// Every kind there is, in the order of their names.
pub const KINDS: &[Kind] = &[
    crate::elevenlabs::KIND,
    crate::events::KIND,
    crate::jambonz::KIND,
    crate::livekit::KIND,
    crate::openai::KIND,
    crate::plivo::KIND,
    crate::retell::KIND,
    crate::signalwire::KIND,
    crate::telnyx::KIND,
    crate::twilio::KIND,
    crate::vapi::KIND,
    crate::vonage::KIND,
];

impl Kind {
    /// The kind of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.name == name)
    }
}
