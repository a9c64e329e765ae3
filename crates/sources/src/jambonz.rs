//! jambonz: JSON, signed in `Jambonz-Signature`.
//!
//! Sources: the packages `@jambonz/node-client` 0.4.11 and `@jambonz/sdk` 0.10.1 (signatures), and
//! `@jambonz/schema` 0.4.15 (fields and statuses).

mod read;
mod verify;

use crate::{Basis, Kind, Tells};

/// The row of this kind.
pub(crate) const KIND: Kind = Kind {
    name: "jambonz",
    title: "jambonz",
    secret_is: "the webhook secret of the jambonz account",
    secret: verify::secret,
    read: read::read,
    by_get: false,
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
