//! The routes, their handlers, and the checks of signature and token.

pub(crate) mod auth;
pub(crate) mod metrics;
pub(crate) mod ready_total;
pub(crate) mod routes;
pub(crate) mod setup;
pub(crate) mod shards;
pub(crate) mod signature;
pub(crate) mod sources;
pub(crate) mod spread;
pub(crate) mod webhooks;

mod access;
mod agents;
mod alerts;
mod answer;
mod audit;
mod authorized;
mod body;
mod calls;
mod count;
mod error;
mod health;
mod history;
mod journal;
mod links;
mod named;
mod openapi;
mod rows;
mod sessions;
mod streams;
pub(crate) mod total_reader;
mod traced;

#[cfg(feature = "testing")]
pub use self::history::plan_history;
