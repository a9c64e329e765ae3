//! What requests reach: the routes, their handlers, and who is let in.

pub(crate) mod auth;
pub(crate) mod metrics;
pub(crate) mod routes;
pub(crate) mod signature;
pub(crate) mod webhooks;

mod authorized;
mod calls;
mod count;
mod error;
mod health;
mod history;
mod openapi;
mod streams;
