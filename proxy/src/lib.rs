//! The proxy: what browsers talk to. It asks the backend for the count, wraps the answer in the
//! envelope, and serves the page and the custom element that show it. Admins, who show
//! `ADMIN_TOKEN`, also get the details behind it; who shows the token of an account gets those of its
//! calls.
//!
//! It keeps no count of its own: an answer that says `success` is the backend's to a request that
//! was under way, and never older than that request may take. It passes on what the
//! backend reports of calls without understanding it, and knows nothing of callers or Twilio.

mod admin;
mod admin_api;
mod app;
mod assets;
mod badge;
mod channels;
mod compression;
mod config;
mod embed;
mod error;
mod health;
mod history;
mod language;
mod links;
mod metrics;
mod missing;
mod openapi;
mod page;
mod routes;
mod scope;
mod shared_sessions;
mod sign_in;
mod streams;
mod total_reader;
mod upstream;
mod view;

#[cfg(feature = "testing")]
pub use admin::is_signed_cookie;
pub use app::run;
pub use config::{Config, DEFAULT_PORT};
