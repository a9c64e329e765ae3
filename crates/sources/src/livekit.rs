//! LiveKit: JSON of a protocol buffer, with a JWT in `Authorization`.
//!
//! Sources: the packages `livekit-server-sdk` 2.19.2 (npm) with `@livekit/protocol` 1.51.0 and
//! `livekit-api` 1.2.2 (PyPI) for tokens and fields; `livekit/protocol` and `livekit/sip` on GitHub
//! for how long a token lives, the names of attributes, and when a track is published.

mod read;
mod referee;
mod verify;

use crate::{Basis, Kind, Tells};

/// The row of this kind.
pub(crate) const KIND: Kind = Kind {
    name: "livekit",
    title: "LiveKit",
    secret_is: "an API key of LiveKit and its secret, as `KEY:SECRET`: the key with which the \
                webhook is signed",
    secret: verify::secret,
    read: read::read,
    by_get: false,
    referee: Some(&referee::REFEREE),
    tells: Tells {
        is_carrier: false,
        start: Basis::Event,
        // There is no event of an answer: an inbound call is taken for answered with its track, which
        // is there once it waits for the agent. An outbound call's is there before it is dialled.
        answer: Basis::Derived,
        // A transfer by SIP looks like a caller who has hung up.
        hand_over: Basis::Untold,
        end: Basis::Event,
        // `maxCallDuration` of the SIP service.
        longest_s: Some(86_400),
    },
};
