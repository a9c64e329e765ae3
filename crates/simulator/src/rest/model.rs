//! The model of the Calls resource.

use std::ops::RangeInclusive;

use live_users_twilio::rest::{Answer, CallPage, Failure, Request};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::ledger::{CallFacts, Ledger, Shows, View};
use super::page::PageQuery;
use super::trouble::{Asked, Behaviour, Silence};

/// Twilio's Calls resource of one account. Times are in milliseconds of any clock, and never run
/// backwards: who asks about an earlier moment is answered about the latest one seen.
#[derive(Debug)]
pub struct CallsApi {
    /// How it behaves from now on.
    pub behaviour: Behaviour,
    pub(super) account_sid: String,
    pub(super) credentials: Credentials,
    ledger: Ledger,
    asked: Asked,
    now_ms: u64,
    /// Two, so that how often somebody asks does not change how late the changes show.
    lags: ChaCha8Rng,
    troubles: ChaCha8Rng,
}

/// The user names and passwords that are accepted.
pub(super) struct Credentials(Vec<(String, String)>);

/// Whether who asks has shown the right credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    Known,
    Stranger,
}

/// A page as it shows.
pub(super) struct Listing<'a> {
    pub(super) query: PageQuery,
    pub(super) calls: Vec<View<'a>>,
    pub(super) next_page_uri: Option<String>,
}

impl CallsApi {
    /// An account without calls. The same seed, notes and questions give the same answers.
    pub fn new(account_sid: &str, auth_token: &str, seed: u64) -> Self {
        let mut troubles = ChaCha8Rng::seed_from_u64(seed);
        troubles.set_stream(1);
        Self {
            behaviour: Behaviour::default(),
            account_sid: account_sid.to_owned(),
            credentials: Credentials(vec![(account_sid.to_owned(), auth_token.to_owned())]),
            ledger: Ledger::default(),
            asked: Asked::default(),
            now_ms: 0,
            lags: ChaCha8Rng::seed_from_u64(seed),
            troubles,
        }
    }

    /// The same account behaving like this.
    #[must_use]
    pub fn with_behaviour(self, behaviour: Behaviour) -> Self {
        Self { behaviour, ..self }
    }

    /// Accepts an API key, too.
    pub fn accept_key(&mut self, key_sid: &str, secret: &str) {
        self.credentials.0.push((key_sid.to_owned(), secret.to_owned()));
    }

    /// Notes how a call stands from `at_ms` on, which may lie ahead. The changes of one call come
    /// in their order; after its end there are none.
    pub fn note(&mut self, at_ms: u64, facts: &CallFacts<'_>) {
        let Behaviour { list_lag_ms, call_lag_ms, .. } = &self.behaviour;
        let shows = Shows {
            in_lists_from_ms: at_ms.saturating_add(drawn(&mut self.lags, list_lag_ms)),
            alone_from_ms: at_ms.saturating_add(drawn(&mut self.lags, call_lag_ms)),
        };
        self.ledger.note(at_ms, facts, shows);
    }

    /// Notes what has picked up a call that was noted before: `human`, `machine_start`, `fax`. The
    /// first word stands.
    pub fn note_answered_by(&mut self, at_ms: u64, sid: &str, answered_by: &str) {
        self.ledger.note_answered_by(at_ms, sid, answered_by);
    }

    /// Answers as Twilio would at this moment to one whose credentials are right.
    ///
    /// # Errors
    /// As the behaviour has it, and [`Failure::Odd`] to a page that nobody gave the address of.
    pub fn ask(&mut self, now_ms: u64, request: &Request) -> Result<Answer, Failure> {
        match request {
            Request::List { .. } => {
                let uri = request.path_and_query(&self.account_sid);
                let query = uri.split_once('?').map_or("", |(_, query)| query);
                let listing = self.list(now_ms, query, Caller::Known);
                listing.map(|Listing { calls, next_page_uri, .. }| {
                    let calls = calls.iter().map(View::resource).collect();
                    Answer::Page(CallPage { calls, next_page_uri })
                })
            }
            Request::Call { sid } => self.call(now_ms, sid, Caller::Known).map(|view| match view {
                Some(view) => Answer::Call(view.resource()),
                None => Answer::NotFound,
            }),
        }
    }

    /// Forgets the calls that ended before this moment; asked for by itself, such a call is not
    /// found. (Twilio keeps them for months; worlds with millions of calls cannot.)
    pub fn forget(&mut self, ended_before_ms: u64) {
        self.ledger.forget(ended_before_ms);
    }

    /// How often it was asked.
    pub fn asked(&self) -> Asked {
        self.asked
    }

    /// How many calls it knows, those included that are over or do not show yet.
    pub fn n_calls(&self) -> usize {
        self.ledger.n_calls()
    }

    pub(super) fn list(
        &mut self,
        now_ms: u64,
        query: &str,
        caller: Caller,
    ) -> Result<Listing<'_>, Failure> {
        self.asked.lists += 1;
        let now_ms = self.open(now_ms, caller)?;
        let bad_query = || Failure::Odd("status 400".to_owned());
        let query = PageQuery::parse(query).ok_or_else(bad_query)?;
        let size = query.size.min(self.behaviour.page_size_max.max(1));
        self.ledger.settle(now_ms);
        let mut rest =
            self.ledger.list(now_ms, query.status, query.after.as_deref()).ok_or_else(bad_query)?;
        let calls: Vec<View<'_>> = rest.by_ref().take(size).collect();
        let last = calls.last().filter(|_| rest.next().is_some());
        let next_page_uri = last.map(|last| query.next(last.sid).uri(&self.account_sid));
        Ok(Listing { query: PageQuery { size, ..query }, calls, next_page_uri })
    }

    pub(super) fn call(
        &mut self,
        now_ms: u64,
        sid: &str,
        caller: Caller,
    ) -> Result<Option<View<'_>>, Failure> {
        self.asked.calls += 1;
        let now_ms = self.open(now_ms, caller)?;
        Ok(self.ledger.call(now_ms, sid))
    }

    /// The moment to answer about, if there is to be an answer.
    fn open(&mut self, now_ms: u64, caller: Caller) -> Result<u64, Failure> {
        self.now_ms = self.now_ms.max(now_ms);
        if let Some(silence) = self.behaviour.silence_at(self.now_ms) {
            self.asked.in_outage += 1;
            return Err(match silence {
                Silence::Status(status) => Failure::Server(status),
                Silence::NoAnswer => Failure::Timeout,
            });
        }
        if self.behaviour.refuses_credentials || caller == Caller::Stranger {
            self.asked.refused += 1;
            return Err(Failure::Refused(401));
        }
        if self.troubles.random_range(0..1000) < self.behaviour.too_many_per_mille {
            self.asked.too_many += 1;
            return Err(Failure::TooMany);
        }
        Ok(self.now_ms)
    }
}

impl Credentials {
    pub(super) fn caller(&self, user: &str, password: &str) -> Caller {
        match self.0.iter().any(|(u, p)| u == user && p == password) {
            true => Caller::Known,
            false => Caller::Stranger,
        }
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("hidden")
    }
}

/// The lower end of a range that is empty.
fn drawn(rng: &mut ChaCha8Rng, range: &RangeInclusive<u64>) -> u64 {
    if range.is_empty() { *range.start() } else { rng.random_range(range.clone()) }
}

#[cfg(test)]
mod tests;
