//! Whether an answer is of the shard that is expected at its address, and what else it says of shards.
//!
//! Four of six shards add up to a number like any other, so each part has to say of how many it is one.

use std::sync::Arc;
use std::time::Instant;

use live_users_wire::{LACKING_HEADER, SHARD_HEADER, ShardOf, ShardSet};
use parking_lot::Mutex;
use reqwest::header::HeaderMap;
use reqwest::{Response, Url};

use crate::config::NamedBy;
use crate::missing::Mismatch;

/// What is expected at an address, and what has answered there. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Identity {
    expected: Expected,
    told: Arc<Mutex<Told>>,
}

/// Which shard is expected.
#[derive(Clone, Copy)]
struct Expected {
    number: usize,
    of: usize,
    named_by: NamedBy,
    /// The address is below `/shards/`, where nothing else than a shard can answer.
    is_below: bool,
}

/// What the last answer said.
#[derive(Default)]
struct Told {
    mismatch: Option<Mismatch>,
    /// The shards that it said others lack evidence for, and when.
    lacking: Option<(Instant, ShardSet)>,
}

impl Identity {
    /// The shard with this number, of so many, at the address.
    pub(super) fn new((number, of): (usize, usize), named_by: NamedBy, base: &Url) -> Self {
        let is_below = named_by != NamedBy::One && base.path().contains("/shards/");
        Self { expected: Expected { number, of, named_by, is_below }, told: Arc::default() }
    }

    /// Takes what the head of an answer says of shards.
    ///
    /// # Errors
    /// If it is no answer of the expected shard: none of its numbers may be in a sum. The text is for the log.
    pub(super) fn check(&self, answer: &Response) -> Result<(), (Mismatch, String)> {
        let (status, headers) = (answer.status().as_u16(), answer.headers());
        if !matches!(status, 200 | 404) {
            // No shard is told apart by it.
            return Ok(());
        }
        let mismatch = self.expected.mismatch(headers);
        let mut told = self.told.lock();
        told.mismatch = mismatch;
        if let Some(mismatch) = mismatch {
            let detail = match headers.get(SHARD_HEADER).and_then(|it| it.to_str().ok()) {
                Some(shard) => format!("it is shard {shard}"),
                None => format!("status {status}, and no `{SHARD_HEADER}` in the head"),
            };
            return Err((mismatch, detail));
        }
        if status == 200 {
            let lacking = headers.get(LACKING_HEADER).and_then(|it| it.to_str().ok());
            told.lacking = lacking.map(|it| (Instant::now(), ShardSet::read(it)));
        }
        Ok(())
    }

    /// What was wrong with the last answer.
    pub(super) fn mismatch(&self) -> Option<Mismatch> {
        self.told.lock().mismatch
    }

    /// The shards of others that lack evidence, and when it said so.
    pub(super) fn lacking(&self) -> Option<(Instant, ShardSet)> {
        self.told.lock().lacking
    }
}

impl Expected {
    fn mismatch(self, headers: &HeaderMap) -> Option<Mismatch> {
        let Self { number, of, named_by, is_below } = self;
        if named_by == NamedBy::One {
            return None;
        }
        let told = headers.get(SHARD_HEADER).and_then(|it| ShardOf::read(it.to_str().ok()?));
        match told {
            Some(told) if told.of != of => Some(Mismatch::Count(told.of, named_by)),
            Some(told) if told.number == number => None,
            Some(told) if named_by == NamedBy::List => Some(Mismatch::Shard(told.number)),
            Some(_) => Some(Mismatch::None(named_by)),
            // A backend that knows nothing of shards may be one of a list.
            None => is_below.then_some(Mismatch::None(named_by)),
        }
    }
}
