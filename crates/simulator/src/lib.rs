//! Plays Twilio: callers with realistic life cycles, whose webhooks are signed as Twilio signs
//! them.
//!
//! A seed makes a world (`world`), in which it is known at each moment with whom everybody talks; the
//! player (`play`) sends the world's webhooks to a running backend in real time and compares.
//! `lossy` plays a world in simulated time, loses webhooks, and scores what a system says of it.
//! `rest` stands in for Twilio's REST API, in process or over HTTP. `shards` has all calls in several
//! states, and compares their sum with the truth.

mod caller;
mod life;
pub mod lossy;
mod play;
pub mod rest;
pub mod shards;
mod truth;
mod world;

pub use play::{PlayError, Player, Report, Sent, Webhooks, is_answering};
pub use truth::{Party, Standing, Stretch};
pub use world::{Call, Webhook, World, WorldSize};
