//! What the proxy asks the backend for: the count, shared by all who wait; more than that, for an
//! admin; whose token somebody has shown; and the streams, each for all its readers.

mod access;
mod admin_api;
mod asked;
mod backend_client;
mod count;
mod exports;
mod followed;
mod published;
mod rows;
mod scoped_streams;
mod stream;
mod stream_health;
mod turns;

pub(crate) use access::{AccessLookup, LookupError};
pub(crate) use admin_api::{AdminApi, AdminApiError, Question};
pub(crate) use asked::{AgentTotal, Asked};
pub(crate) use backend_client::{BackendClient, Failure, failure, wrong_status};
pub(crate) use count::Upstream;
pub(crate) use scoped_streams::{SCOPES_MAX, ScopedStreams};
pub(crate) use stream::Stream;
pub(crate) use stream_health::{StreamHealth, StreamNow};
