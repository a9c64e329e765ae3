//! The backend: takes Twilio's webhooks in, gives the count out.
//!
//! The line of data, and the file for each step of it: a webhook is authenticated and parsed once
//! (`door`), becomes evidence, waits in the queue (`queue`) of the one writer of
//! `live_users_state`, which records and applies it, and the new value is published (`cell`), from
//! where every reader has it (`count`, `streams`). What the caller hears is decided beside that
//! line (`conversation`, `chat`), never behind it.

mod app;
mod calls;
mod cell;
mod chat;
mod clock;
mod config;
mod conversation;
mod count;
mod door;
mod error;
mod gate;
mod health;
mod history;
mod lead;
mod metrics;
mod openapi;
mod public_url;
mod queue;
mod referee;
mod roster;
mod routes;
mod streams;
mod tools;
mod twilio_api;
mod webhooks;

/// What this server calls itself when it sends requests.
const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));

pub use app::Backend;
pub use config::{Config, DEFAULT_PORT, Verification};
pub use tools::Tool;
