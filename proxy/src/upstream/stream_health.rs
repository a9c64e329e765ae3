//! How a stream from the backend does.

use std::time::Instant;

use live_users_http_kit::metrics::Counter;
use parking_lot::Mutex;

/// How a stream from the backend does.
#[derive(Default)]
pub(crate) struct StreamHealth {
    now: Mutex<StreamNow>,
    /// How often it has broken off, or could not be opened.
    pub(crate) losses: Counter,
}

/// The same now.
#[derive(Clone, Copy, Default)]
pub(crate) struct StreamNow {
    /// Nothing is known while nobody listens.
    pub(crate) is_up: Option<bool>,
    /// When anything came last.
    pub(crate) received: Option<Instant>,
    /// When a frame came last.
    pub(crate) framed: Option<Instant>,
}

impl StreamHealth {
    /// Bytes came, if only of a heartbeat.
    pub(crate) fn received(&self, now: Instant) {
        self.now.lock().received = Some(now);
    }

    /// A frame came.
    pub(crate) fn frame_received(&self, now: Instant) {
        let mut upstream = self.now.lock();
        (upstream.is_up, upstream.framed) = (Some(true), Some(now));
    }

    /// It has broken off, or was not opened.
    pub(crate) fn lost(&self) {
        self.now.lock().is_up = Some(false);
        self.losses.add();
    }

    /// Nobody listens, so it is closed.
    pub(crate) fn closed(&self) {
        *self.now.lock() = StreamNow::default();
    }

    /// How it does now.
    pub(crate) fn now(&self) -> StreamNow {
        *self.now.lock()
    }
}
