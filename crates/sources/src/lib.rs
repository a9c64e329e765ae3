//! What carriers and platforms send about calls, as pure functions: one folder for each [`Kind`],
//! with its signature (`verify`), the meaning of its events (`read`), its test vectors (`fixtures`),
//! and for some how the provider is asked which calls are up (`referee`).
//!
//! There is no I/O here and no clock: bytes, headers and the time come in as arguments. What an
//! event means for the count is decided elsewhere, in `live-users-intake`.
//!
//! Errors may be logged: none of them repeats a phone number, a spoken word, a secret or a
//! signature. The values of [`CallEvent`] may hold them, so it has no `Debug`.

mod bounds;
mod compatible;
mod elevenlabs;
mod events;
mod jambonz;
mod json;
mod jwt;
mod kind;
mod livekit;
mod openai;
mod plivo;
mod reading;
mod referee;
mod request;
mod retell;
mod signalwire;
mod standard_webhooks;
mod telnyx;
mod twilio;
mod vapi;
mod verify;
mod vonage;

pub use events::FIELDS as EVENT_FIELDS;
pub use json::{NotDistinct, distinct};
pub use kind::{Basis, KINDS, Kind, Tells};
pub use reading::{CallEvent, Reading, UnknownFields, Unreadable, What};
pub use referee::{Access, Answer, Ask, ByName, Gives, Listed, Referee, Scope};
pub use request::Request;
pub use standard_webhooks::{StandardWebhooksSecret, standard_webhooks_secret};
pub use verify::{BadSecret, Rejection, Secrets, Verify};
