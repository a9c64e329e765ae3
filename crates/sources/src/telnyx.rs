//! Telnyx: JSON of Call Control and forms of TeXML, signed in `telnyx-signature-ed25519`.
//!
//! Sources: the packages `telnyx` 4.189.0 (Python) and 7.24.0 (Node) for signatures and for the types
//! of Call Control, and Telnyx's pages on TeXML callbacks for the fields of its forms.

mod read;
mod referee;
mod verify;

use crate::{Basis, Kind, Tells};

/// The row of this kind.
pub(crate) const KIND: Kind = Kind {
    name: "telnyx",
    title: "Telnyx",
    secret_is: verify::SECRET_IS,
    secret: verify::secret,
    read: read::read,
    by_get: false,
    referee: Some(&referee::REFEREE),
    tells: Tells {
        is_carrier: true,
        start: Basis::Event,
        answer: Basis::Event,
        hand_over: Basis::Derived,
        end: Basis::Event,
        // Four hours is only the default of a call that is dialled.
        longest_s: None,
    },
};
