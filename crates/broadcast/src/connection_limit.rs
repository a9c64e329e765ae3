//! How many streams may be open at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How a reader gets frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Server-sent events.
    Events,
    /// A WebSocket.
    Socket,
}

impl Transport {
    /// Both transports.
    pub const ALL: [Self; 2] = [Self::Events, Self::Socket];

    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Events => "sse",
            Self::Socket => "websocket",
        }
    }
}

/// Limits the open streams of one server, of all transports together. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ConnectionLimit {
    free: Arc<Semaphore>,
    max: usize,
    streams: Arc<[Streams; Transport::ALL.len()]>,
}

/// The streams of one transport.
#[derive(Debug, Default)]
struct Streams {
    /// Each permit holds one. So the count cannot drift, because nothing adds or subtracts.
    open: Arc<()>,
    sent: AtomicU64,
}

/// The right to one open stream, until it is dropped.
pub(crate) struct Permit {
    _permit: OwnedSemaphorePermit,
    _open: Arc<()>,
    connections: ConnectionLimit,
    by: Transport,
}

impl Permit {
    /// Counts a sent frame.
    pub(crate) fn count_frame(&self) {
        self.connections.of(self.by).sent.fetch_add(1, Ordering::Relaxed);
    }
}

impl ConnectionLimit {
    /// Allows this many streams at once.
    pub fn new(max: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(max)), max, streams: Arc::default() }
    }

    /// The most streams in all.
    pub fn max(&self) -> usize {
        self.max
    }

    /// The number of open streams.
    #[cfg(test)]
    pub(crate) fn taken(&self) -> usize {
        self.max - self.free.available_permits()
    }

    /// The number of open streams of this transport.
    pub fn taken_by(&self, by: Transport) -> usize {
        Arc::strong_count(&self.of(by).open) - 1
    }

    /// The number of frames sent by this transport.
    pub fn sent_by(&self, by: Transport) -> u64 {
        self.of(by).sent.load(Ordering::Relaxed)
    }

    pub(crate) fn take(&self, by: Transport) -> Option<Permit> {
        let permit = Arc::clone(&self.free).try_acquire_owned().ok()?;
        let open = Arc::clone(&self.of(by).open);
        Some(Permit { _permit: permit, _open: open, connections: self.clone(), by })
    }

    fn of(&self, by: Transport) -> &Streams {
        &self.streams[by as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_stream_is_gone() {
        let connections = ConnectionLimit::new(2);
        let take = || connections.take(Transport::Events);
        let (first, second) = (take().unwrap(), connections.take(Transport::Socket).unwrap());
        assert!(take().is_none());
        assert_eq!(connections.taken(), 2);
        assert_eq!(Transport::ALL.map(|by| connections.taken_by(by)), [1, 1]);
        second.count_frame();
        drop(first);
        assert_eq!(Transport::ALL.map(|by| connections.taken_by(by)), [0, 1]);
        assert_eq!(Transport::ALL.map(|by| connections.sent_by(by)), [0, 1]);
        assert!(take().is_some());
    }
}
