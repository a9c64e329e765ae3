//! What the proxy asks the backend for: the count, shared by all who wait, and the details, for an
//! admin.

mod count;
mod details;
mod link;

pub(crate) use count::Upstream;
pub(crate) use details::{Details, NoDetails};
pub(crate) use link::Link;
