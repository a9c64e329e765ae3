//! The backend: takes Twilio's webhooks in, gives the count out.
//!
//! The line of data, and the file for each step of it: a webhook is authenticated and parsed once
//! (`door`), becomes evidence (`evidence`), is recorded by the one writer (`writer`) in the journal
//! (in the form of `record`) and applied to the tracker of `live_users_core`, and the new value is
//! published (`cell`), from where every reader has it (`count`). What the caller hears is decided
//! beside that line (`conversation`, `farewell`), never behind it.

mod app;
mod caller;
mod cell;
mod config;
mod conversation;
mod count;
mod door;
mod error;
mod evidence;
mod farewell;
mod health;
mod public_url;
mod record;
mod recovery;
mod routes;
mod webhooks;
mod writer;

pub use app::{Backend, backup};
pub use config::{Config, DEFAULT_PORT, Verification};
pub use farewell::Farewell;
