//! SignalWire: forms as Twilio's, signed in `X-SignalWire-Signature`.
//!
//! Sources: the packages `@signalwire/compatibility-api` 3.2.0 (Node) and `signalwire` 2.1.1 (Python)
//! for signatures, and SignalWire's pages on status callbacks for fields.

mod read;
mod verify;

use crate::{Basis, Kind, Tells};

/// The row of this kind.
pub(crate) const KIND: Kind = Kind {
    name: "signalwire",
    title: "SignalWire",
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
