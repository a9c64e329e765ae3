//! Worlds in which the sources beside Twilio tell of calls, each as its provider does: with its own
//! life cycle, retries, order, repeats and silences.
//!
//! - `plot`: what happens to a caller, whoever tells of it.
//! - `script`: the truth that follows, and the moments of which somebody may tell.
//! - `platforms`, `carriers`, `own`: what each provider sends of a moment.
//! - `worlds`: the table of worlds, with how each provider sends again what was not taken.
//! - `reader`: takes the webhooks in as the backend does, into the replica of
//!   [`super::LiveUsers`].
//! - `run`: plays a world and scores it as other worlds are scored.

mod carriers;
mod own;
mod platforms;
mod plot;
mod reader;
mod report;
mod run;
mod script;
mod worlds;

pub use report::SourceReport;
pub use run::run_source;
pub use worlds::{SOURCE_WORLDS, SourceWorld};

#[cfg(test)]
mod tests;
