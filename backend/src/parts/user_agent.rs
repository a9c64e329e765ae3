//! The name of this server in the requests that it sends.

/// The value of the `User-Agent` header.
pub(crate) const USER_AGENT: &str = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));
