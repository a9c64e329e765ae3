//! Reading a list to its end.

use std::collections::{BTreeMap, HashSet, VecDeque};

use live_users_core::{CallId, MINUTE_MS, Millis};
use live_users_sources::{Answer, Ask, Listed};
use live_users_twilio::rest::Failure;

use super::Stage;
use crate::source_event::name;
use crate::sources::SourceSettings;

/// The most questions of one round.
const ASKS_MAX: usize = 5_000;

/// The most calls of one round.
const CALLS_MAX: usize = 100_000;

/// So many pages in a row without a new call come from a list that repeats itself.
const PAGES_WITHOUT_NEWS_MAX: usize = 3;

/// How long one round may take, in milliseconds. What was read first is too old after that.
const ROUND_MS_MAX: u64 = 5 * MINUTE_MS;

/// A round that goes on.
pub(super) struct Reading {
    asks: VecDeque<Ask>,
    /// Where it was asked, so that no page leads back.
    asked: HashSet<(String, Option<String>)>,
    /// Pages in a row without a new call.
    without_news: usize,
    read: Read,
}

/// What a round has read.
pub(super) struct Read {
    /// When it began: what happened since may or may not be in it.
    pub(super) began: Millis,
    /// Each call under each of its names.
    pub(super) places: BTreeMap<CallId, usize>,
    pub(super) calls: Vec<Listed>,
    pub(super) number: Option<u64>,
}

impl Reading {
    pub(super) fn new(now: Millis, asks: Vec<Ask>) -> Self {
        let read = Read { began: now, places: BTreeMap::new(), calls: Vec::new(), number: None };
        let asked = asks.iter().map(key).collect();
        Self { asks: asks.into(), asked, without_news: 0, read }
    }

    /// The next question.
    pub(super) fn ask(&self) -> Option<&Ask> {
        self.asks.front()
    }

    /// Takes in the answer to it, and says whether that was the last one.
    ///
    /// # Errors
    /// If the list does not come to its end.
    pub(super) fn turn(
        mut self,
        now: Millis,
        answer: Answer,
        source: &SourceSettings,
    ) -> Result<(Stage, bool), Failure> {
        drop(self.asks.pop_front());
        let (known, has_calls) = (self.read.calls.len(), !answer.calls.is_empty());
        for listed in answer.calls {
            self.read.add(listed, source);
        }
        if let Some(number) = answer.number {
            self.read.number = Some(self.read.number.unwrap_or_default().saturating_add(number));
        }
        // One page may: calls that end move the others on, while the pages are read.
        let is_old = has_calls && self.read.calls.len() == known && !answer.more.is_empty();
        self.without_news = if is_old { self.without_news + 1 } else { 0 };
        for ask in answer.more {
            if !self.asked.insert(key(&ask)) {
                return Err(Failure::Endless("a page leads back to one before it"));
            }
            self.asks.push_back(ask);
        }
        let why = match () {
            () if self.without_news >= PAGES_WITHOUT_NEWS_MAX => {
                "pages repeat the calls of those before them"
            }
            () if self.asked.len() > ASKS_MAX => "it takes more than 5,000 questions",
            () if self.read.calls.len() > CALLS_MAX => "it has more than 100,000 calls",
            () if now.since(self.read.began) > ROUND_MS_MAX => {
                "reading it takes more than 5 minutes"
            }
            () if self.asks.is_empty() => return Ok((Stage::Comparing(self.read), true)),
            () => return Ok((Stage::Reading(self), false)),
        };
        Err(Failure::Endless(why))
    }
}

impl Read {
    /// A call that moves while pages are read may be on two of them.
    fn add(&mut self, listed: Listed, source: &SourceSettings) {
        let ids = std::iter::once(&listed.event.call).chain(&listed.event.also);
        let names: Vec<_> = ids.filter_map(|id| name(source, id)).collect();
        if names.first().is_some_and(|call| self.places.contains_key(call)) {
            return;
        }
        let place = self.calls.len();
        for name in names {
            self.places.entry(name).or_insert(place);
        }
        self.calls.push(listed);
    }
}

fn key(ask: &Ask) -> (String, Option<String>) {
    (ask.path.clone(), ask.body.clone())
}
