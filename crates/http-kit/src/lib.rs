//! What the backend and the proxy share as servers: settings, the log, metrics, tokens, routes,
//! queries, cross-origin rules, the HTTP client, listening and shutdown.
//!
//! This crate does not know what a call is.

mod accept;
mod answers;
mod bearer;
mod client;
mod client_limits;
pub mod command;
mod connections;
mod cors;
mod docs;
mod env;
mod format;
mod forwarded;
mod healthcheck;
mod listen;
mod log_throttle;
mod logging;
mod login_throttle;
pub mod metrics;
mod misspelt;
mod origin_pattern;
mod paths;
mod query;
mod read_limit;
mod ready;
mod server;
mod shard_places;
mod shutdown;
mod slips;
mod streams;
mod text;
mod trusted_proxies;
mod tuning;

pub use accept::asks_for;
pub use answers::{SVG, guard_picture, openapi, picture, whole_seconds};
pub use bearer::{BearerToken, CHALLENGE, Denied, read_secret, token_in};
pub use client::{BodyError, error_chain, http_client, http_client_of, read_body};
pub use client_limits::ClientLimits;
pub use connections::{Connections, LimitAnswers, LimitError, vouch_for};
pub use cors::{AllowedOrigins, is_own};
pub use docs::DocsPage;
pub use env::{ConfigErrors, EXIT_USAGE, Env, SettingsReader};
pub use format::{FORMAT, Format, vary_by_accept};
pub use listen::ListenAddress;
pub use log_throttle::LogThrottle;
pub use logging::{begin_lines_with, flush as flush_logging, init as init_logging};
pub use login_throttle::{Client, TokenGuard, TokenRefusal};
pub use misspelt::{misspelt, warn_of_misspelt};
pub use paths::{Methods, Parameters, Paths};
pub use query::{ParameterError, Query};
pub use read_limit::ReadLimit;
pub use ready::{Look, ReadyAnswer};
pub use server::{Application, serve};
pub use shard_places::{base_url, read_shard_addresses, read_shards};
pub use shutdown::{signal as shutdown_signal, survive_file_size_limit};
pub use streams::StreamsMax;
pub use text::acts_on_text;
pub use trusted_proxies::{ClientKey, TrustedProxies};
