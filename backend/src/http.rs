//! What requests reach: the routes, their handlers, and who is let in.

pub(crate) mod auth;
pub(crate) mod routes;
pub(crate) mod signature;

mod calls;
mod count;
mod error;
mod health;
mod history;
mod metrics;
mod openapi;
mod streams;
mod webhooks;
