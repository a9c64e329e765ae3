//! Events in our own words, from any application: plain JSON or CloudEvents, one or a batch.
//!
//! Who sends them shows a token, or signs as Standard Webhooks do. The form of CloudEvents is that
//! of its specification, version 1.0, in JSON.

mod read;
mod verify;

use crate::{Basis, Kind, Tells};

pub use read::FIELDS;

/// The row of this kind.
pub(crate) const KIND: Kind = Kind {
    name: "events",
    title: "Events",
    secret_is: "a token of at least 16 characters, or `whsec_` and Base64 to sign with",
    secret: verify::secret,
    read: read::read,
    by_get: false,
    referee: None,
    tells: Tells {
        is_carrier: false,
        start: Basis::Event,
        answer: Basis::Event,
        hand_over: Basis::Event,
        end: Basis::Event,
        longest_s: None,
    },
};
