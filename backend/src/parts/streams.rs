//! The frames that streams send, and the limit on their number.

use live_users_broadcast::{Cell, Places};
use live_users_http_kit::AllowedOrigins;

/// The frames that streams send, and the limit on their number.
pub(crate) struct Streams {
    pub(crate) total: Cell,
    pub(crate) summary: Cell,
    pub(crate) places: Places,
    pub(crate) origins: AllowedOrigins,
}

impl Streams {
    pub(crate) fn new(streams_max: usize, origins: AllowedOrigins) -> Self {
        let places = Places::new(streams_max);
        Self { total: Cell::default(), summary: Cell::default(), places, origins }
    }

    /// Ends all streams.
    pub(crate) fn close(&self) {
        self.total.close();
        self.summary.close();
    }
}
