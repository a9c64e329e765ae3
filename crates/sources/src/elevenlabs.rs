//! ElevenLabs: JSON, signed in `ElevenLabs-Signature`. It tells ends only.
//!
//! Sources: the packages `@elevenlabs/elevenlabs-js` 2.73.0 and `elevenlabs` 2.78.0 (PyPI) for
//! signatures and fields; the documentation of post-call webhooks for `call_initiation_failure`.
//!
//! Its webhook at the start of a conversation is not signed: the types give it request headers, and
//! it wants an answer. So a start is Twilio's to tell, or nobody's.

mod read;
mod referee;
mod verify;

use crate::{Basis, Kind, Tells};

/// The row of this kind.
pub(crate) const KIND: Kind = Kind {
    name: "elevenlabs",
    title: "ElevenLabs",
    secret_is: "the secret of the webhook, which ElevenLabs shows once when the webhook is made; it \
                begins with `wsec_`",
    secret: verify::secret,
    read: read::read,
    by_get: false,
    referee: Some(&referee::REFEREE),
    tells: Tells {
        is_carrier: false,
        start: Basis::Untold,
        answer: Basis::Untold,
        // By the features that a conversation has used, once it is over.
        hand_over: Basis::Derived,
        end: Basis::Event,
        // `max_duration_seconds` is each agent's own, without a limit in the types.
        longest_s: None,
    },
};
