//! A stream of the backend for each scope and each agent that somebody reads, shared by its readers.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use reqwest::header::HeaderValue;

use super::asked::Asked;
use super::follower::Follower;
use super::shards::Shards;
use crate::channels::Channels;

/// Scopes and agents that may have a stream at the same time: each has a connection to the backend, and a frame.
pub(crate) const SCOPES_MAX: usize = 256;

/// Who else holds the channels of a scope that nobody reads: the map, and the task twice.
const HOLDERS: usize = 3;

/// The scopes that have a stream.
pub(crate) struct ScopedStreams {
    shards: Shards,
    authorization: Option<HeaderValue>,
    open: Arc<Mutex<Open>>,
}

/// By what is asked for.
#[derive(Default)]
struct Open {
    channels: HashMap<String, Arc<Channels>>,
    /// The server stops.
    is_closed: bool,
}

impl ScopedStreams {
    /// Nothing is opened yet.
    pub(crate) fn new(shards: Shards, authorization: Option<HeaderValue>) -> Self {
        Self { shards, authorization, open: Arc::default() }
    }

    /// What is published of this, from a stream that is open or is opened now. `None` if too
    /// many are open.
    pub(crate) fn join(&self, asked: &Asked) -> Option<Arc<Channels>> {
        let (key, mut open) = (asked.key(), self.open.lock());
        if let Some(channels) = open.channels.get(&key) {
            return Some(Arc::clone(channels));
        }
        let channels = Arc::new(Channels::default());
        if open.is_closed {
            channels.close();
            return Some(channels);
        }
        if open.channels.len() >= SCOPES_MAX {
            return None;
        }
        open.channels.insert(key.clone(), Arc::clone(&channels));
        drop(open);
        let (asked, authorization) = (asked.clone(), self.authorization.clone());
        let stream = Follower::of(&self.shards, authorization, asked, Arc::clone(&channels));
        let open = Arc::clone(&self.open);
        self.shards.first().runtime.spawn(run(stream, open, key, Arc::downgrade(&channels)));
        Some(channels)
    }

    /// How many scopes have a stream.
    pub(crate) fn open(&self) -> usize {
        self.open.lock().channels.len()
    }

    /// Ends all of them, and each that is opened from now on.
    pub(crate) fn close(&self) {
        let mut open = self.open.lock();
        open.is_closed = true;
        for channels in open.channels.values() {
            channels.close();
        }
    }
}

/// Keeps the stream of a scope open until its last reader has gone.
async fn run(
    mut stream: Follower,
    open: Arc<Mutex<Open>>,
    key: String,
    channels: std::sync::Weak<Channels>,
) {
    loop {
        stream.run_while_read().await;
        let mut open = open.lock();
        let is_read = channels.upgrade().is_some_and(|channels| {
            // Beside the map, the task and this: who has joined and is about to read.
            !channels.has_ended() && Arc::strong_count(&channels) > HOLDERS + 1
        });
        if !is_read {
            open.channels.remove(&key);
            return;
        }
    }
}
