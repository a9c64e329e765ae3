//! What the proxy asks the backend for: the count, shared by all who wait; the details, for an
//! admin; and the stream, for all who listen.

mod count;
mod details;
mod link;
mod stream;
mod told;

pub(crate) use count::Upstream;
pub(crate) use details::{Details, NoDetails};
pub(crate) use link::Link;
pub(crate) use stream::Stream;
