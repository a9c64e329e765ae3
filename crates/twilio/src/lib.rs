//! Twilio's side of the wire, as pure functions: webhook forms, request signatures, call statuses,
//! voice webhooks, TwiML, and the questions to the REST API.
//!
//! There is no I/O here, no clock, no HTTP framework and no counting: bytes and headers come in as
//! arguments, values and text go out. What a webhook means for a call is decided elsewhere.
//!
//! Errors may be logged and answered, and forms, webhooks, REST answers and tokens with `Debug`:
//! none of them shows a phone number, what a caller said or pressed, a token or a signature.
//! ([`twiml::Response`] is what the caller hears, and its `Debug` shows it.)

mod call_events;
mod field;
mod form;
mod json;
mod method;
pub mod rest;
mod sid;
mod signature;
mod status;
mod timestamp;
pub mod twiml;
mod webhook;

pub use call_events::{
    AnsweredBy, CallEvents, ConferenceEvent, ConferenceReport, DialResult, QueueEvent, StreamEvent,
};
pub use field::{FieldError, FieldProblem};
pub use form::{FIELDS_MAX, Form, FormError, TEXT_BYTES_MAX};
pub use json::{JsonBody, JsonError};
pub use method::Method;
pub use sid::{check_account, is_twilio_sid};
pub use signature::{
    AuthTokens, Boundaries, FieldNames, Payload, Rejection, SETTINGS_HEADER, SIGNATURE_HEADER,
    SignedRequest, sign,
};
pub use status::{CallStatus, Direction};
pub use timestamp::unix_ms;
pub use webhook::{
    CALL_SID_BYTES_MAX, GEOGRAPHY_BYTES_MAX, Geography, PARTY_BYTES_MAX, SPEECH_BYTES_MAX,
    StatusField, Webhook,
};
