//! The frames that streams send, and the limit on their number.

use live_users_broadcast::{ConnectionLimit, Latest};
use live_users_http_kit::{AllowedOrigins, StreamsMax};

/// The frames that streams send, and the limit on their number.
pub(crate) struct Streams {
    pub(crate) total: Latest,
    pub(crate) summary: Latest,
    pub(crate) connections: ConnectionLimit,
    pub(crate) origins: AllowedOrigins,
}

impl Streams {
    pub(crate) fn new(max: StreamsMax, origins: AllowedOrigins) -> Self {
        let connections = ConnectionLimit::new(max.public).reserving(max.reserved);
        Self { total: Latest::default(), summary: Latest::default(), connections, origins }
    }

    /// Ends all streams.
    pub(crate) fn close(&self) {
        self.total.close();
        self.summary.close();
    }
}
