//! OpenAI: JSON, signed by Standard Webhooks. It announces calls, and tells no end.
//!
//! Sources: the packages `openai` 7.59.0 (npm) and `openai` 3.57.0 (PyPI) for signatures and
//! events; the documentation of the Realtime and the Live API for how long a session may last.

mod read;
mod verify;

use crate::{Basis, Kind, Tells};

/// The row of this kind.
pub(crate) const KIND: Kind = Kind {
    name: "openai",
    title: "OpenAI",
    secret_is: "the signing secret of the webhook, which OpenAI shows once when it is made or \
                rotated: `whsec_` and Base64",
    secret: verify::secret,
    read: read::read,
    by_get: false,
    referee: None,
    tells: Tells {
        is_carrier: false,
        start: Basis::Event,
        // The event announces a call that waits to be accepted, which applications do at once.
        answer: Basis::Derived,
        hand_over: Basis::Untold,
        end: Basis::Untold,
        // A call by telephone of the Live API; a session of the Realtime API has half of it. The
        // two announce one call alike, and only the application knows which of them it has taken.
        longest_s: Some(7_200),
    },
};
