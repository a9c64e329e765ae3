//! What the proxy asks the backend for: the count, shared by all who wait; more than that, for an
//! admin; whose token somebody has shown; and the streams, each for all its readers. Of several shards it
//! tells the sum.

mod access;
mod admin_api;
mod asked;
mod backend_client;
mod count;
mod direct;
mod exports;
mod followed;
mod follower;
mod identity;
mod parts;
mod published;
mod receiver;
mod rows;
mod scoped_streams;
mod shards;
mod stream;
mod stream_health;
mod sum_stream;
mod summed_frames;
mod sums;
mod turns;

pub(crate) use access::{AccessLookup, LookupError};
pub(crate) use admin_api::{AdminApi, AdminApiError, Question, SHARD};
pub(crate) use asked::{AgentTotal, Asked};
pub(crate) use backend_client::{BackendClient, Failure, failure, wrong_status};
pub(crate) use count::Upstream;
pub(crate) use follower::Follower;
pub(crate) use scoped_streams::{SCOPES_MAX, ScopedStreams};
pub(crate) use shards::{Shard, Shards};
pub(crate) use stream_health::{StreamHealth, StreamNow};
