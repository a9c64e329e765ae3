//! Plivo: forms, signed in `X-Plivo-Signature-V3`.
//!
//! Sources: the packages `plivo` 4.63.0 (Python) and 4.79.0 (Node) for signatures, and Plivo's pages on
//! XML requests, on the callbacks of `<Dial>` and on machine detection for fields.

mod read;
mod referee;
mod verify;

use crate::{Basis, Kind, Tells};

/// The row of this kind.
pub(crate) const KIND: Kind = Kind {
    name: "plivo",
    title: "Plivo",
    secret_is: verify::SECRET_IS,
    secret: verify::secret,
    read: read::read,
    by_get: true,
    referee: Some(&referee::REFEREE),
    tells: Tells {
        is_carrier: true,
        start: Basis::Event,
        answer: Basis::Event,
        hand_over: Basis::Event,
        end: Basis::Event,
        // Whatever limit is asked for, Plivo ends a call after 24 hours.
        longest_s: Some(86_400),
    },
};
