//! What the proxy asks the backend for: the count, shared by all who wait; more than that, for an
//! admin; and the stream, for all readers.

mod admin_api;
mod backend_client;
mod count;
mod published;
mod stream;

pub(crate) use admin_api::{AdminApi, AdminApiError};
pub(crate) use backend_client::BackendClient;
pub(crate) use count::Upstream;
pub(crate) use stream::Stream;
