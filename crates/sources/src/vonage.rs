//! Vonage: JSON of the Voice API, signed by a token that names the hash of the body.
//!
//! Sources: the packages `vonage-jwt` 1.1.5 (Python) and `@vonage/jwt` 1.17.1 (Node) for tokens,
//! `vonage-voice` 1.5.1 for statuses, and Vonage's pages on signed webhooks and on the webhooks of
//! the Voice API for the claims and the fields.

mod read;
mod verify;

use crate::{Basis, Kind, Tells};

/// The row of this kind.
pub(crate) const KIND: Kind = Kind {
    name: "vonage",
    title: "Vonage",
    secret_is: verify::SECRET_IS,
    secret: verify::secret,
    read: read::read,
    by_get: false,
    referee: None,
    tells: Tells {
        is_carrier: true,
        start: Basis::Event,
        answer: Basis::Event,
        hand_over: Basis::Derived,
        end: Basis::Event,
        // The greatest limit that a call can be given is only of those that are dialled.
        longest_s: None,
    },
};
