//! Other referees than Twilio: what the provider of a source says of the calls that are up, and what
//! follows from it.
//!
//! A *round* reads the whole list. What differs from what we know may be a webhook that is still on
//! its way, so it has to differ in the next round as well, which follows soon. Then a call that only
//! the list has begins, and a call that only we have is over: as our own guess
//! ([`EndReason::Unlisted`](live_users_core::EndReason)), which any later word takes back, or by the
//! provider's word where it can be asked for a call by name.
//!
//! A list is the word of one source: it ends no call of which Twilio, another carrier, or a second
//! platform tells, none that may be on another connection, and no leg. What cannot be read to its end
//! ends nothing. Where only a number can be had, it is compared and nothing follows from it.
//!
//! Like [`Reconciler`](crate::Reconciler) it neither waits nor sends nor reads a clock.

mod comparing;
mod naming;
mod reading;
mod status;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use live_users_core::{CallId, Evidence, MINUTE_MS, Millis, Tracker};
use live_users_sources::{Answer, Ask, Gives};
use live_users_twilio::rest::Failure;

use self::comparing::Differences;
use self::naming::Named;
use self::reading::{Read, Reading};
pub use self::status::{Found, RefereeStatus};
use crate::agents::Agents;
use crate::reconciler::{Action, Backoff, Bucket};
use crate::sources::RefereeSettings;
use crate::{CallerKey, ReconcilerRules};

/// Why a provider has not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unanswered {
    /// What is wrong.
    pub why: Failure,
    /// How long it wants to be left alone, in milliseconds, if it says so.
    pub again_after_ms: Option<u64>,
}

/// The longest that a provider's own word keeps us from asking again, in milliseconds.
const AGAIN_MS_MAX: u64 = 3_600_000;

/// For so long a round asks for calls by their names, in milliseconds.
const NAMING_MS_MAX: u64 = 2 * MINUTE_MS;

/// The most requests in a minute to one provider. A question for each room of a server is among them.
const REQUESTS_PER_MINUTE: u32 = 600;

/// A random number below a bound.
pub type Below = fn(u64) -> u64;

/// What all referees of sources have in common.
#[derive(Clone)]
pub struct RefereeRules {
    /// A call is suspect when nothing was heard of it for so long, in milliseconds: one that is in
    /// the list is confirmed before.
    pub suspect_after_ms: u64,
    /// For phone numbers.
    pub key: CallerKey,
    /// For pauses after failures.
    pub below: Below,
}

/// Decides what the provider of one source is asked, one question at a time.
pub struct SourceReferee {
    settings: RefereeSettings,
    rules: ReconcilerRules,
    agents: Agents,
    key: CallerKey,
    stage: Stage,
    /// What differed in the last round, if that is to be confirmed.
    differed: Option<Differences>,
    bucket: Bucket,
    backoff: Backoff,
    /// Calls that need no asking by name before this moment.
    not_again: BTreeMap<CallId, Millis>,
    failure: Option<Failure>,
    requests: u64,
    failures: u64,
    /// When the last round was complete, and what it has found.
    found: Option<status::Found>,
}

/// Where it is in its round.
enum Stage {
    Idle { until: Millis },
    Reading(Reading),
    Comparing(Read),
    Naming { calls: VecDeque<Named>, began: Millis },
}

impl SourceReferee {
    /// A referee that asks at once.
    pub fn new(settings: RefereeSettings, agents: &Agents, rules: &RefereeRules) -> Self {
        let of_source = ReconcilerRules::polling_every(settings.ask_ms, rules.suspect_after_ms)
            .at_most(REQUESTS_PER_MINUTE);
        Self {
            settings,
            rules: of_source,
            agents: agents.clone(),
            key: rules.key.clone(),
            stage: Stage::Idle { until: Millis(0) },
            differed: None,
            bucket: Bucket::new(of_source.requests_per_minute),
            backoff: Backoff::new(rules.below, false),
            not_again: BTreeMap::new(),
            failure: None,
            requests: 0,
            failures: 0,
            found: None,
        }
    }

    /// The source that it asks about.
    pub fn source(&self) -> &Arc<str> {
        &self.settings.source.id
    }

    /// What to do now.
    pub fn next(&mut self, now: Millis) -> Action<Ask> {
        if matches!(&self.stage, Stage::Idle { until } if *until <= now) {
            let asks = (self.settings.referee.round)(&self.settings.ids);
            self.stage = Stage::Reading(Reading::new(now, asks));
        }
        let ask = match &self.stage {
            Stage::Idle { until } => return Action::Wait(*until),
            Stage::Comparing(_) => return Action::Compare,
            Stage::Reading(reading) => reading.ask(),
            Stage::Naming { calls, .. } => calls.front().map(|named| &named.ask),
        };
        let Some(ask) = ask.cloned() else {
            self.restart();
            return Action::Wait(Millis(now.0 + self.rules.poll_every_ms));
        };
        let free = self.backoff.free_at().max(self.bucket.free_at(now));
        if free > now {
            return Action::Wait(free);
        }
        self.bucket.take(now);
        self.requests += 1;
        Action::Ask(ask)
    }

    /// Takes in what came of a question, and says what follows for the count.
    pub fn receive(&mut self, now: Millis, answer: Result<Answer, Unanswered>) -> Vec<Evidence> {
        let idle = Stage::Idle { until: now };
        let (stage, answer) = match (std::mem::replace(&mut self.stage, idle), answer) {
            (stage, Err(unanswered)) => {
                self.fail(now, unanswered);
                self.stage = self.after_failure(now, stage);
                return Vec::new();
            }
            (stage, Ok(answer)) => (stage, answer),
        };
        match stage {
            Stage::Reading(reading) => match reading.turn(now, answer, &self.settings.source) {
                Ok((stage, is_complete)) => {
                    if is_complete {
                        self.succeed();
                    }
                    self.stage = stage;
                }
                Err(why) => {
                    self.fail(now, Unanswered { why, again_after_ms: None });
                    self.stage = Stage::Idle { until: self.next_round(now) };
                }
            },
            Stage::Naming { mut calls, began } => {
                self.succeed();
                let named = calls.pop_front();
                self.stage = self.naming(now, calls, began);
                return named
                    .and_then(|named| self.resolve(now, &named, answer))
                    .into_iter()
                    .collect();
            }
            // An answer that fits to nothing that was asked.
            Stage::Idle { .. } | Stage::Comparing(_) => {}
        }
        Vec::new()
    }

    /// Compares the list with what we know, and says what follows for the count.
    pub fn compare(&mut self, now: Millis, calls: &Tracker) -> Vec<Evidence> {
        let idle = Stage::Idle { until: now };
        let Stage::Comparing(read) = std::mem::replace(&mut self.stage, idle) else {
            return Vec::new();
        };
        self.not_again.retain(|_, again| *again > now);
        self.found = Some(self.found(now, &read, calls));
        if self.settings.referee.gives == Gives::Number {
            self.stage = Stage::Idle { until: self.next_round(read.began) };
            return Vec::new();
        }
        let (differences, mut evidence) = self.differences(now, &read, calls);
        let Some(first) = self.differed.take() else {
            let is_same = differences.missing.is_empty() && differences.unheard.is_empty();
            let until = match is_same {
                true => self.next_round(read.began),
                false => Millis(now.0 + self.rules.confirm_poll_ms),
            };
            self.differed = (!is_same).then_some(differences);
            self.stage = Stage::Idle { until };
            return evidence;
        };
        let both = |now: BTreeSet<CallId>, before: &BTreeSet<CallId>| -> BTreeSet<CallId> {
            now.into_iter().filter(|call| before.contains(call)).collect()
        };
        let missing = both(differences.missing, &first.missing);
        let unheard = both(differences.unheard, &first.unheard);
        let (named, found) = self.confirmed(&read, calls, missing, unheard);
        evidence.extend(found);
        self.stage = self.naming(now, named, read.began);
        evidence
    }

    /// Begins anew, and forgets what is to be confirmed: another replica has asked meanwhile.
    pub fn restart(&mut self) {
        self.differed = None;
        self.stage = Stage::Idle { until: Millis(0) };
    }

    /// What the last question has failed with. `None` if it has not failed.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// How it stands.
    pub fn status(&self) -> RefereeStatus {
        RefereeStatus {
            source: self.source().clone(),
            found: self.found,
            failure: self.failure.clone(),
            requests: self.requests,
            failures: self.failures,
        }
    }

    fn succeed(&mut self) {
        self.backoff.succeed();
        self.failure = None;
    }

    fn fail(&mut self, now: Millis, Unanswered { why, again_after_ms }: Unanswered) {
        self.backoff.fail(now, &why);
        let again_ms = again_after_ms.unwrap_or_default().min(AGAIN_MS_MAX);
        self.backoff.not_before(Millis(now.0 + again_ms));
        self.failures += 1;
        self.failure = Some(why);
    }

    /// The pages that were read are too old to go on with. A call that there is trouble with by its
    /// name waits for the next round.
    fn after_failure(&self, now: Millis, stage: Stage) -> Stage {
        match stage {
            Stage::Naming { mut calls, began } => {
                drop(calls.pop_front());
                self.naming(now, calls, began)
            }
            Stage::Reading(_) => Stage::Idle { until: self.backoff.free_at() },
            Stage::Idle { .. } | Stage::Comparing(_) => Stage::Idle { until: self.next_round(now) },
        }
    }

    /// Asks for these by their names. After a while a new list is better.
    fn naming(&self, now: Millis, calls: VecDeque<Named>, began: Millis) -> Stage {
        match calls.is_empty() || now.since(began) > NAMING_MS_MAX {
            true => Stage::Idle { until: self.next_round(began) },
            false => Stage::Naming { calls, began },
        }
    }

    fn next_round(&self, began: Millis) -> Millis {
        Millis(began.0 + self.rules.poll_every_ms)
    }
}

/// The referees of all sources whose providers are asked.
pub struct Referees {
    rules: RefereeRules,
    agents: Agents,
    all: Vec<SourceReferee>,
}

impl Referees {
    /// Those of these agents' file.
    pub fn new(agents: &Agents, rules: RefereeRules) -> Self {
        let mut referees = Self { rules, agents: Agents::default(), all: Vec::new() };
        referees.learn(agents);
        referees
    }

    /// The file is another from now on. What is known of sources that stay as they were is kept.
    pub fn learn(&mut self, agents: &Agents) {
        let mut before = std::mem::take(&mut self.all);
        for table in agents.sources() {
            let Some(settings) = table.referee() else { continue };
            let is_same = self.agents.sources().contains(table);
            let known = before.iter().position(|it| is_same && **it.source() == *table.id);
            self.all.push(match known.map(|at| before.swap_remove(at)) {
                Some(known) => SourceReferee { agents: agents.clone(), ..known },
                None => SourceReferee::new(settings, agents, &self.rules),
            });
        }
        self.agents = agents.clone();
    }

    /// All of them.
    pub fn all(&self) -> &[SourceReferee] {
        &self.all
    }

    /// All of them, to be worked with.
    pub fn all_mut(&mut self) -> &mut [SourceReferee] {
        &mut self.all
    }
}

#[cfg(test)]
mod tests;
