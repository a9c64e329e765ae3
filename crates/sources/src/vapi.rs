//! Vapi: JSON, signed by a custom credential, or with a shared secret in a header.
//!
//! Sources: the package `@vapi-ai/server-sdk` 2.0.1 (messages, statuses, reasons, and the defaults
//! of an HMAC credential; it has no code that verifies), and the documentation of server events and
//! of server authentication.

mod read;
mod verify;

use crate::{Basis, Kind, Tells};

/// The row of this kind.
pub(crate) const KIND: Kind = Kind {
    name: "vapi",
    title: "Vapi",
    secret_is: "the secret of the custom credential (Integrations, Server Configuration): of type \
                HMAC with SHA-256 and its default headers and format, or of type Bearer Token in \
                `Authorization` or in `X-Vapi-Secret`",
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
        // `maxDurationSeconds` is each assistant's own, without a limit in the types.
        longest_s: None,
    },
};
