//! Retell AI: JSON, signed in `X-Retell-Signature` with an API key.
//!
//! Sources: the packages `retell-sdk` 5.66.1 (npm) and `retell-sdk` 6.2.13 (PyPI) for signatures,
//! fields and reasons; the documentation of webhooks for the header and the order of events.

mod read;
mod referee;
mod verify;

use crate::{Basis, Kind, Tells};

/// The row of this kind.
pub(crate) const KIND: Kind = Kind {
    name: "retell",
    title: "Retell AI",
    secret_is: "the API key that has the webhook badge in the dashboard of Retell",
    secret: verify::secret,
    read: read::read,
    by_get: false,
    referee: Some(&referee::REFEREE),
    tells: Tells {
        is_carrier: false,
        // `call_started` comes when the call is up; nothing comes while it rings.
        start: Basis::Event,
        answer: Basis::Event,
        // `call_ended` says it; `transfer_*` are sent only to agents that ask for them.
        hand_over: Basis::Event,
        end: Basis::Event,
        // The greatest `max_call_duration_ms` that an agent may have.
        longest_s: Some(7_200),
    },
};
