//! The proxy: what browsers talk to. It asks the backend for the count, wraps the answer in the
//! envelope, and serves the page and the custom element that show it.
//!
//! It keeps no count of its own: an answer that says `success` is the backend's to a request that
//! was under way, and never older than that request may take. It knows nothing of calls, callers or
//! Twilio.

mod app;
mod assets;
mod config;
mod error;
mod health;
mod page;
mod routes;
mod upstream;

pub use app::run;
pub use config::{Config, DEFAULT_PORT};
