//! Stands in for Twilio's REST API: its Calls resource, with everything that makes it hard to ask.
//!
//! [`CallsApi`] is the model, with the time as an argument: it is told what truly happens to calls
//! and answers what Twilio would say of them, which is late by a lag, in pages, and at times not
//! at all. [`StandIn`] is the same over HTTP, as Twilio speaks it.

mod json;
mod ledger;
mod model;
mod page;
mod server;
mod trouble;

pub use ledger::CallFacts;
pub use model::CallsApi;
pub use server::StandIn;
pub use trouble::{Asked, Behaviour, Outage, Silence};
