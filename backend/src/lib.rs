//! The backend: receives Twilio's webhooks and publishes the count.
//!
//! `app` builds the parts and runs them. `http` has everything that requests reach, `tasks` what
//! runs beside the requests, and `parts` what both of them use. `http` and `tasks` do not use each
//! other, and `parts` uses neither.
//!
//! A webhook is authenticated and parsed once (`http::signature`), becomes evidence, and waits in
//! the queue (`parts::queue`) of the one writer of `live_users_state` (`tasks::writer_thread`),
//! which records and applies it. The writer publishes the new value (`parts::latest`), where every
//! reader finds it (`http::count`, `tasks::publishing`). The answer to the caller is made
//! beside that line (`parts::conversation`, `parts::chat`), never behind it.

mod app;
mod config;
mod http;
mod parts;
mod tasks;
mod tools;

pub use app::{Backend, Configs};
pub use config::{Config, DEFAULT_PORT, Verification};
#[cfg(feature = "testing")]
pub use http::plan_history;
pub use parts::exchange::Reply;
pub use parts::twilio_api::{TwilioApi, TwilioApiSettings};
pub use tasks::hooks::keeper::keep_mail_command;
pub use tools::Tool;

/// Checks a value of `PUBLIC_URL`.
///
/// # Errors
/// What is expected instead, as the end of a sentence.
pub fn check_public_url(text: &str) -> Result<(), String> {
    parts::public_url::PublicUrl::parse(text).map(drop)
}
