//! What the proxy asks the backend for: the count, shared by all who wait; more than that, for an
//! admin; the stream, for all readers; and the sessions that have
//! ended at any proxy.

mod admin_api;
mod backend_client;
mod count;
mod ended_sessions;
mod published;
mod stream;

pub(crate) use admin_api::{AdminApi, AdminApiError};
pub(crate) use backend_client::BackendClient;
pub(crate) use count::Upstream;
pub(crate) use ended_sessions::SharedSessions;
pub(crate) use stream::Stream;
