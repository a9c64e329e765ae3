//! Stands in for Twilio: its REST API, with everything that makes it hard to ask, and the requests
//! that it makes when a number is called.
//!
//! [`CallsApi`] is the model, with the time as an argument: it is told what truly happens to calls
//! and answers what Twilio would say of them, which is late by a lag, in pages, and at times not
//! at all. [`Account`] is the model of phone numbers, TwiML applications and the debugger.
//! [`StandIn`] is both over HTTP, as Twilio speaks it, and `StandIn::dial` calls a number: it
//! requests the number's URLs, with the fallback and the retries that Twilio has.

mod account;
mod json;
mod ledger;
mod model;
mod network;
mod page;
mod server;
mod trouble;

pub use account::{Account, AccountBehaviour, Application, Change};
pub use ledger::CallFacts;
pub use model::CallsApi;
pub use network::{DialError, Dialed};
pub use server::StandIn;
pub use trouble::{Asked, Behaviour, Outage, Silence};
