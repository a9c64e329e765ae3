//! Follows what is told: the stream of the only backend, or those of all shards and their sum.

use std::sync::Arc;

use reqwest::header::HeaderValue;

use super::asked::Asked;
use super::direct::Direct;
use super::shards::Shards;
use super::stream::Stream;
use super::stream_health::StreamHealth;
use super::sum_stream::SumStream;
use crate::channels::Channels;

/// Keeps what is published true while somebody reads it.
pub(crate) struct Follower {
    channels: Arc<Channels>,
    what: What,
}

enum What {
    Only(Box<Stream<Direct>>),
    Sum(SumStream),
}

impl Follower {
    /// Of all calls. Nothing is opened yet.
    pub(crate) fn of_all(
        shards: &Shards,
        authorization: Option<HeaderValue>,
        channels: Arc<Channels>,
    ) -> Self {
        Self::new(shards, authorization, Asked::default(), channels, true)
    }

    /// Of this alone.
    pub(super) fn of(
        shards: &Shards,
        authorization: Option<HeaderValue>,
        asked: Asked,
        channels: Arc<Channels>,
    ) -> Self {
        Self::new(shards, authorization, asked, channels, false)
    }

    /// `is_watched` says whether it is the stream whose health is told of.
    fn new(
        shards: &Shards,
        authorization: Option<HeaderValue>,
        asked: Asked,
        channels: Arc<Channels>,
        is_watched: bool,
    ) -> Self {
        let what = match shards.only() {
            Some(only) => {
                let direct = Direct::new(&asked, Arc::clone(&channels));
                let health = match is_watched {
                    true => Arc::clone(&only.health),
                    false => Arc::new(StreamHealth::default()),
                };
                let stream = Stream::new(only.client.clone(), authorization, asked, health, direct);
                What::Only(Box::new(stream))
            }
            None => {
                let (shards, channels) = (shards.clone(), Arc::clone(&channels));
                What::Sum(SumStream { shards, authorization, asked, channels, is_watched })
            }
        };
        Self { channels, what }
    }

    /// Goes on for ever.
    pub(crate) async fn run(self) {
        match self.what {
            What::Only(stream) => stream.run(&self.channels).await,
            What::Sum(sum) => sum.run().await,
        }
    }

    /// Goes on until nobody listens, and returns early if the access has ended.
    pub(super) async fn run_while_read(&mut self) {
        match &mut self.what {
            What::Only(stream) => stream.run_while_read(&self.channels).await,
            What::Sum(sum) => sum.run_while_read().await,
        }
    }
}
