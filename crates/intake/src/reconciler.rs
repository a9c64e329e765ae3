//! The reconciler: what to ask the provider when webhooks are silent, and what its answers mean.
//!
//! No "answered" and no heartbeat exists for an inbound call, so no timeout is right: a short one
//! ends live conversations, a long one counts ghosts. The provider knows, and its word is evidence
//! like any other.
//!
//! A *poll* asks for the lists of calls that are in progress, ringing and queued. What differs from
//! what we know may be a webhook that is still on its way, or a list that lags behind (Twilio's
//! Calls resource is eventually consistent). So a difference has to be there in a second poll a few
//! seconds later; then a call that only the provider has is added, and of each call that only we
//! have the provider is asked by name, and ended only if it says that it is over. When there are
//! many such calls, as after an outage, the list of completed calls is read first: it says the same
//! of a thousand calls at once.
//!
//! Only what is on an agent's number is added, and legs of calls that are known. What only our own
//! guess has ended goes on again when two polls, both begun after that guess, list it. Machine
//! detection in a list counts at once: it is a result, and no absence that a lag could explain.
//!
//! Nothing here waits, sends or reads a clock: [`Reconciler::next`] says what to do, and time is an
//! argument.

mod budget;
mod checking;
mod differences;
mod held;
mod poll;
mod rules;
mod status;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use live_users_core::{CallId, Evidence, MINUTE_MS, Millis, Phase, Told, Tracker};
use live_users_twilio::CallStatus;
use live_users_twilio::rest::{Answer, CallResource, Failure, Request};

pub(crate) use self::budget::{Backoff, Bucket};
use self::differences::Differences;
use self::held::is_over;
use self::poll::Poll;
pub use self::rules::ReconcilerRules;
pub use self::status::Status;
use crate::CallerKey;
use crate::agents::Agents;
use crate::evidence::of_known;

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action<R = Request> {
    /// Ask this, and give what comes of it to `receive`.
    Ask(R),
    /// Give the state to `compare`.
    Compare,
    /// Nothing before this moment.
    Wait(Millis),
}

/// Decides what to ask, one request at a time.
pub struct Reconciler {
    rules: ReconcilerRules,
    agents: Agents,
    key: CallerKey,
    stage: Stage,
    bucket: Bucket,
    backoff: Backoff,
    /// Calls that the provider does not know by name, and when they may be asked for again.
    unknown: HashMap<CallId, Millis>,
    polled: Option<Millis>,
    /// Of the last request; of the last poll, if that was given up.
    failure: Option<Failure>,
    requests: u64,
    failures: u64,
    unlisted: usize,
    /// See [`Reconciler::with_held`].
    held: Vec<Evidence>,
    /// The account of the agents file that it asks about; `None`: the one of the settings.
    account: Option<Arc<str>>,
    /// See [`Reconciler::of_sid`].
    sid: Option<Arc<str>>,
    /// See [`Reconciler::taking`].
    takes: Option<differences::Takes>,
}

/// Where it is in its round.
enum Stage {
    /// Until the next poll.
    Idle { until: Millis },
    /// Reading the lists.
    Polling { round: Round, poll: Poll },
    /// The lists are read.
    Comparing { round: Round, listed: HashMap<CallId, CallResource>, began: Millis },
    /// Until the second poll.
    Between { round: Round, until: Millis },
    /// Reading the list of completed calls, for many that are missing.
    BulkChecking {
        round: Round,
        missing: Missing,
        pages: usize,
        next_page_uri: Option<String>,
        since: Millis,
    },
    /// Asking for calls by name.
    Checking { round: Round, calls: VecDeque<CallId>, since: Millis, is_held: bool },
}

/// One round: a first poll, and what it found.
struct Round {
    began: Millis,
    /// What differed in the first poll; `None` before its end.
    differed: Option<Differences>,
}

/// Calls that we have and the provider's lists of open calls do not. Those that are counted come
/// first.
#[derive(Default)]
struct Missing {
    live: BTreeSet<CallId>,
    dialing: BTreeSet<CallId>,
}

/// From so many missing calls on the list of completed calls is read.
const BULK_CHECK_CALLS_MIN: usize = 10;

/// Pages of it that are read. It has the newest calls first, and a call that is not on these began
/// long ago: then it is asked for by name.
const BULK_CHECK_PAGES_MAX: usize = 5;

/// What is asked by name is not asked any more when it took so long to get there, in milliseconds:
/// a new poll is better.
const CHECKING_MS_MAX: u64 = 2 * MINUTE_MS;

impl Reconciler {
    /// A reconciler that polls at once. `jitter` gives a random number below its argument. It
    /// decides how long to wait after a failure, so that many replicas do not come back at once.
    pub fn new(
        rules: ReconcilerRules,
        agents: Agents,
        key: CallerKey,
        jitter: impl FnMut(u64) -> u64 + Send + 'static,
    ) -> Self {
        Self {
            rules,
            agents,
            key,
            stage: Stage::Idle { until: Millis(0) },
            bucket: Bucket::new(rules.requests_per_minute),
            backoff: Backoff::new(jitter, rules.is_only_source),
            unknown: HashMap::new(),
            polled: None,
            failure: None,
            requests: 0,
            failures: 0,
            unlisted: 0,
            held: Vec::new(),
            account: None,
            sid: None,
            takes: None,
        }
    }

    /// The same for an account of the agents file: the other ones' calls are no business of it.
    #[must_use]
    pub fn of_account(mut self, account: Arc<str>) -> Self {
        self.account = Some(account);
        self
    }

    /// The account of the agents file that it asks about.
    pub fn account(&self) -> Option<&Arc<str>> {
        self.account.as_ref()
    }

    /// The same where this is the id of the account that it asks about, which the settings have.
    #[must_use]
    pub fn of_sid(mut self, sid: &str) -> Self {
        self.sid = Some(Arc::from(sid));
        self
    }

    /// Whether it asks about calls of which this is known. By Twilio's own id of the account, whatever
    /// it is called by now; else by the name that was told.
    pub fn is_responsible_for(&self, told: Option<&Told>) -> bool {
        let accounts = &self.agents.accounts;
        let digest = told.and_then(|told| told.twilio_account.as_ref()).map(|it| it.digest);
        match (&self.account, digest, told.and_then(Told::teller)) {
            (Some(own), Some(digest), _) => accounts.digest_of(own) == Some(digest),
            (None, Some(digest), _) => !accounts.has_digest(digest),
            (Some(own), None, account) => account == Some(own),
            (None, None, None) => true,
            (None, None, Some(account)) => !accounts.has(account),
        }
    }

    /// The agents are others from now on.
    pub fn learn(&mut self, agents: Agents) {
        self.agents = agents;
    }

    /// What to do now.
    pub fn next(&mut self, now: Millis) -> Action {
        self.begin_what_is_due(now);
        let request = match &self.stage {
            Stage::Idle { until } | Stage::Between { until, .. } => return Action::Wait(*until),
            Stage::Comparing { .. } => return Action::Compare,
            Stage::Polling { poll, .. } => poll.request(),
            Stage::BulkChecking { next_page_uri, .. } => Request::List {
                status: CallStatus::Completed,
                next_page_uri: next_page_uri.clone(),
            },
            Stage::Checking { calls, .. } => match calls.front() {
                Some(call) => Request::Call { sid: call.to_string() },
                None => return Action::Compare,
            },
        };
        let free = self.backoff.free_at().max(self.bucket.free_at(now));
        if free > now {
            return Action::Wait(free);
        }
        self.bucket.take(now);
        self.requests += 1;
        Action::Ask(request)
    }

    /// Takes in what came of a request, and says what follows for the count.
    pub fn receive(&mut self, now: Millis, answer: Result<Answer, Failure>) -> Vec<Evidence> {
        let found = self.take_in(now, answer);
        self.with_held(found)
    }

    fn take_in(&mut self, now: Millis, answer: Result<Answer, Failure>) -> Vec<Evidence> {
        let answer = match answer {
            Ok(answer) => answer,
            Err(failure) => {
                self.fail(now, failure);
                self.go_on_after_failure(now);
                return Vec::new();
            }
        };
        if !matches!(self.failure, Some(Failure::Endless(_))) {
            self.backoff.succeed();
            self.failure = None;
        }
        let idle = Stage::Idle { until: now };
        match (std::mem::replace(&mut self.stage, idle), answer) {
            (Stage::Polling { round, mut poll }, Answer::Page(page)) => {
                self.stage = match poll.turn(now, page) {
                    Ok(None) => Stage::Polling { round, poll },
                    Ok(Some(listed)) => {
                        self.backoff.succeed();
                        self.failure = None;
                        Stage::Comparing { round, listed, began: poll.began }
                    }
                    // The next poll is a whole one, after a pause.
                    Err(failure) => {
                        self.fail(now, failure);
                        Stage::Idle { until: self.next_poll(&Round { began: now, ..round }) }
                    }
                };
                Vec::new()
            }
            (Stage::BulkChecking { round, missing, pages, since, .. }, Answer::Page(page)) => {
                self.bulk_check((now, since), round, missing, pages + 1, page)
            }
            (Stage::Checking { round, mut calls, since, is_held }, answer) => {
                let asked = calls.pop_front();
                self.stage = match calls.is_empty() {
                    true => Stage::Idle { until: self.next_poll(&round) },
                    false => Stage::Checking { round, calls, since, is_held },
                };
                asked.and_then(|call| self.resolve(now, call, answer)).into_iter().collect()
            }
            // An answer that fits to nothing that was asked: begin again.
            (_, _) => Vec::new(),
        }
    }

    /// Compares the lists with what we know, and says what follows for the count.
    pub fn compare(&mut self, now: Millis, calls: &Tracker) -> Vec<Evidence> {
        let found = self.take_lists(now, calls);
        self.with_held(found)
    }

    fn take_lists(&mut self, now: Millis, calls: &Tracker) -> Vec<Evidence> {
        let idle = Stage::Idle { until: now };
        let Stage::Comparing { round, listed, began } = std::mem::replace(&mut self.stage, idle)
        else {
            return Vec::new();
        };
        self.polled = Some(now);
        self.unlisted = self.count_unlisted(&listed, calls);
        self.unknown.retain(|_, again| *again > now);
        let (differences, mut evidence) = self.differences(now, began, &listed, calls);
        let Some(first) = round.differed else {
            let agreed = differences.missing.is_empty() && differences.unheard.is_empty();
            self.stage = if agreed {
                Stage::Idle { until: self.next_poll(&round) }
            } else {
                let until = Millis(now.0 + self.rules.confirm_poll_ms);
                Stage::Between { round: Round { differed: Some(differences), ..round }, until }
            };
            return evidence;
        };
        let unheard = differences.unheard.intersection(&first.unheard);
        let unheard = unheard.filter_map(|call| listed.get(call));
        evidence.extend(unheard.filter_map(|call| self.missed(calls, began, call)));
        let missing = differences.missing.into_iter().filter(|call| first.missing.contains(call));
        let phase = |call: &CallId| calls.call(call).map(|call| call.phase);
        let (live, dialing) = missing.partition(|call| phase(call) == Some(Phase::Live));
        let (missing, round) =
            (Missing { live, dialing }, Round { began: round.began, differed: None });
        self.stage = if missing.live.len() < BULK_CHECK_CALLS_MIN {
            self.checking(now, round, missing)
        } else {
            Stage::BulkChecking { round, missing, pages: 0, next_page_uri: None, since: now }
        };
        evidence
    }

    /// Whether the provider was asked for this call by name of late, and did not know it.
    pub fn is_unknown(&self, call: &CallId) -> bool {
        self.unknown.contains_key(call)
    }

    /// How it stands.
    pub fn status(&self, now: Millis) -> Status {
        let next = match &self.stage {
            Stage::Idle { until } | Stage::Between { until, .. } => *until,
            Stage::Polling { .. }
            | Stage::Comparing { .. }
            | Stage::BulkChecking { .. }
            | Stage::Checking { .. } => now,
        };
        Status {
            polled: self.polled,
            next: next.max(self.backoff.free_at()).max(self.bucket.free_at(now)),
            failure: self.failure.clone(),
            requests: self.requests,
            failures: self.failures,
            unlisted: self.unlisted,
            account: self.account.clone(),
        }
    }

    /// What the last request has failed with, or the last poll. `None` if it has not failed.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    fn fail(&mut self, now: Millis, failure: Failure) {
        self.backoff.fail(now, &failure);
        self.failures += 1;
        self.failure = Some(failure);
    }

    fn begin_what_is_due(&mut self, now: Millis) {
        let checking_ms_max = self.checking_ms_max();
        let round = match &mut self.stage {
            Stage::Idle { until } if *until <= now => Round { began: now, differed: None },
            Stage::Between { round, until } if *until <= now => {
                Round { began: round.began, differed: round.differed.take() }
            }
            Stage::BulkChecking { since, .. } | Stage::Checking { since, .. }
                if now.since(*since) > checking_ms_max =>
            {
                self.held.retain(is_over);
                Round { began: now, differed: None }
            }
            _ => return,
        };
        self.stage = Stage::Polling { round, poll: Poll::new(now) };
    }

    fn next_poll(&self, round: &Round) -> Millis {
        Millis(round.began.0 + self.rules.poll_every_ms)
    }

    /// What follows from what the provider says about one call that its lists do not have.
    fn resolve(&mut self, now: Millis, call: CallId, answer: Answer) -> Option<Evidence> {
        match answer {
            Answer::Call(resource) => of_known(call, &resource),
            // It may be a sub-account's, or another provider's. That nobody knows it is no proof
            // that it is over: it stays suspect.
            Answer::NotFound => {
                let again = Millis(now.0 + self.rules.unknown_again_ms);
                self.unknown.insert(call, again);
                None
            }
            Answer::Page(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
