//! Twilio, where it tells of calls beside `/voice` and `/call-status`: Event Streams and Studio's JSON,
//! whose URL has the hash of the body, and forms. What it tells is of the calls that the forms tell of:
//! each counts once, by its CallSid.
//!
//! Sources: the packages `twilio` 6.3.1 (npm) and `twilio` 9.13.0 (PyPI) for signatures, and Twilio's
//! pages on the webhook sink of Event Streams.

mod read;
mod verify;

use crate::{Basis, Kind, Tells};

/// The row of this kind.
pub(crate) const KIND: Kind = Kind {
    name: "twilio",
    title: "Twilio Event Streams",
    secret_is: verify::SECRET_IS,
    secret: verify::secret,
    read: read::read,
    by_get: true,
    referee: None,
    tells: Tells {
        is_carrier: true,
        start: Basis::Event,
        answer: Basis::Event,
        hand_over: Basis::Event,
        end: Basis::Event,
        longest_s: None,
    },
};
