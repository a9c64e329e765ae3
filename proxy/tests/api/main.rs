//! The proxy from outside: the real binary between a browser's requests and a backend that the
//! test plays itself.

mod account_backend;
mod accounts;
mod admin;
mod assets;
mod backend;
mod command;
mod compression;
mod connections;
mod count;
mod details;
mod doubt;
mod embed;
mod exports;
mod history;
mod languages;
mod limits;
mod links;
mod metrics;
mod openapi;
mod page;
mod paths;
mod proxy;
mod questions;
mod raw_streams;
mod scopes;
mod session;
mod shard_backend;
mod shards;
mod sharing;
mod sign_in;
mod streams;
mod summary_changes;
mod total;
mod turns;
