//! How many streams may be open at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep};

use crate::authorization::Reader;
use crate::fanout::Fanout;

/// How long the end of a server waits for its streams: each may take a second for its last bytes.
const END_MAX: Duration = Duration::from_secs(2);

/// How often it looks whether they have ended.
const LOOK_EVERY: Duration = Duration::from_millis(5);

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
    /// The places for everybody.
    free: Arc<Semaphore>,
    max: usize,
    /// The places for authorized readers, so that nobody can take them all.
    reserved: Arc<Semaphore>,
    streams: Arc<[Streams; Transport::ALL.len()]>,
    fanout: Arc<Fanout>,
}

/// The streams of one transport.
#[derive(Debug, Default)]
struct Streams {
    /// Each permit holds one. So the count cannot drift, because nothing adds or subtracts.
    open: Arc<()>,
    sent: Arc<AtomicU64>,
}

/// The right to one open stream, until it is dropped.
pub(crate) struct Permit {
    _permit: OwnedSemaphorePermit,
    _open: Arc<()>,
    sent: Arc<AtomicU64>,
}

impl Permit {
    /// Counts a sent frame.
    pub(crate) fn count_frame(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }
}

impl ConnectionLimit {
    /// Allows this many streams at once.
    pub fn new(max: usize) -> Self {
        let (free, reserved) = (Arc::new(Semaphore::new(max)), Arc::new(Semaphore::new(0)));
        let (streams, fanout) = <_>::default();
        Self { free, max, reserved, streams, fanout }
    }

    /// As [`ConnectionLimit::new`], with this many more for authorized readers alone.
    #[must_use]
    pub fn reserving(self, reserved: usize) -> Self {
        Self { reserved: Arc::new(Semaphore::new(reserved)), ..self }
    }

    /// The most streams for everybody.
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

    /// A place for this reader. An authorized one that finds no reserved place takes one of
    /// everybody's.
    pub(crate) fn take(&self, by: Transport, reader: &Reader) -> Option<Permit> {
        let take = |places: &Arc<Semaphore>| Arc::clone(places).try_acquire_owned().ok();
        let reserved = match reader {
            Reader::Public | Reader::PublicWhile(_) => None,
            Reader::Authorized(_) => take(&self.reserved),
        };
        let permit = reserved.or_else(|| take(&self.free))?;
        let Streams { open, sent } = self.of(by);
        Some(Permit { _permit: permit, _open: Arc::clone(open), sent: Arc::clone(sent) })
    }

    /// Waits until no stream is open, at most two seconds. For the end of a server whose slots are
    /// closed: the streams get their last bytes from threads that end with the process.
    pub async fn ended(&self) {
        let is_over = || Transport::ALL.iter().all(|by| self.taken_by(*by) == 0);
        let until = Instant::now() + END_MAX;
        while !is_over() && Instant::now() < until {
            sleep(LOOK_EVERY).await;
        }
    }

    /// The threads that serve the streams.
    pub(crate) fn fanout(&self) -> &Fanout {
        &self.fanout
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
        let take = || connections.take(Transport::Events, &Reader::Public);
        let socket = connections.take(Transport::Socket, &Reader::Authorized(None));
        let (first, second) = (take().unwrap(), socket.unwrap());
        assert!(take().is_none());
        assert_eq!(connections.taken(), 2);
        assert_eq!(Transport::ALL.map(|by| connections.taken_by(by)), [1, 1]);
        second.count_frame();
        drop(first);
        assert_eq!(Transport::ALL.map(|by| connections.taken_by(by)), [0, 1]);
        assert_eq!(Transport::ALL.map(|by| connections.sent_by(by)), [0, 1]);
        assert!(take().is_some());
    }

    #[test]
    fn places_for_the_authorized_are_their_own_and_the_others_are_for_all() {
        let connections = ConnectionLimit::new(1).reserving(1);
        let take = |reader| connections.take(Transport::Events, &reader);
        let (public, authorized) = (|| take(Reader::Public), || take(Reader::Authorized(None)));
        let _first = public().unwrap();
        assert!(public().is_none());
        let reserved = authorized().unwrap();
        assert!(authorized().is_none());
        assert_eq!(connections.taken_by(Transport::Events), 2);
        drop((reserved, _first));
        let _both = (authorized().unwrap(), authorized().unwrap());
        assert!(public().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_waits_for_open_streams_but_not_for_ever() {
        let connections = ConnectionLimit::new(2);
        let permit = connections.take(Transport::Socket, &Reader::Public);
        tokio::select! {
            biased;
            () = connections.ended() => panic!("one is open"),
            () = std::future::ready(()) => {}
        }
        let begun = Instant::now();
        connections.ended().await;
        assert!(begun.elapsed() >= END_MAX, "it was open all the time");
        drop(permit);
        let begun = Instant::now();
        connections.ended().await;
        assert!(begun.elapsed() < END_MAX);
    }
}
