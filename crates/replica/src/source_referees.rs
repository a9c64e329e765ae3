//! Runs the referees of sources while this replica leads: one question at a time to each provider.
//! Evidence from the answers is recorded like a webhook.

use std::collections::BTreeMap;
use std::sync::Arc;

use live_users_core::Millis;
use live_users_intake::agents::Agents;
use live_users_intake::{Action, RefereeStatus, Referees, SourceReferee, Unanswered};
use live_users_sources::Answer;
use live_users_twilio::rest::Failure;
use log::{info, warn};

use crate::io::{Effect, Now, Ticket};
use crate::replica::{Replica, Todo};
use crate::turn::Turn;

/// The referees, and the turn of each of them.
pub(crate) struct SourceReferees {
    referees: Referees,
    turns: BTreeMap<Arc<str>, Turn>,
    /// Whom the outstanding questions are of.
    asked: BTreeMap<Ticket, Arc<str>>,
    tickets: u64,
}

impl SourceReferees {
    pub(crate) fn new(referees: Referees) -> Self {
        let mut all = Self { referees, turns: BTreeMap::new(), asked: BTreeMap::new(), tickets: 0 };
        all.take_turns();
        all
    }

    /// The agents file is another. An answer to a question of before is nobody's any more.
    pub(crate) fn learn(&mut self, agents: &Agents) {
        self.referees.learn(agents);
        self.asked.clear();
        self.referees.all_mut().iter_mut().for_each(SourceReferee::restart);
        self.take_turns();
    }

    fn take_turns(&mut self) {
        let sources = self.referees.all().iter().map(|referee| referee.source().clone());
        self.turns = sources.map(|source| (source, Turn::default())).collect();
    }

    pub(crate) fn deadline(&self) -> Option<Millis> {
        self.turns.values().filter_map(Turn::deadline).min()
    }

    pub(crate) fn wake(&mut self, now: Now) {
        self.turns.values_mut().for_each(|turn| turn.wake(now));
    }

    pub(crate) fn lead(&mut self, now: Now) {
        self.turns.values_mut().for_each(|turn| turn.resume(now));
    }
}

impl Replica {
    /// The same replica, which also asks the providers of sources.
    #[must_use]
    pub fn asking_sources(mut self, referees: Referees) -> Self {
        self.source_referees = Some(SourceReferees::new(referees));
        self
    }

    /// The status of each referee of a source. Times are the log's.
    pub fn referee_statuses(&self) -> Vec<RefereeStatus> {
        let all = self.source_referees.iter().flat_map(|it| it.referees.all());
        all.map(SourceReferee::status).collect()
    }

    pub(crate) fn on_source_provider(
        &mut self,
        now: Now,
        ticket: Ticket,
        answer: Result<Answer, Unanswered>,
    ) {
        let Some(all) = &mut self.source_referees else { return };
        let Some(source) = all.asked.remove(&ticket) else { return };
        let Some(turn) = all.turns.get_mut(&source) else { return };
        turn.answered();
        let mut referees = all.referees.all_mut().iter_mut();
        let Some(referee) = referees.find(|it| *it.source() == source) else { return };
        let before = referee.failure().cloned();
        let found = referee.receive(now.time, answer);
        log_change(&source, before.as_ref(), referee.failure());
        self.record_found(found);
    }

    /// Lets each referee of a source take one step. Returns whether there is more to do.
    pub(crate) fn ask_sources(&mut self, now: Now) -> bool {
        let count = self.source_referees.as_ref().map_or(0, |all| all.referees.all().len());
        (0..count).any(|at| self.ask_source(now, at))
    }

    fn ask_source(&mut self, now: Now, at: usize) -> bool {
        let (leads, is_fresh) = (self.leads(now), self.is_fresh(now));
        let Some(all) = &mut self.source_referees else { return false };
        let Some(referee) = all.referees.all_mut().get_mut(at) else { return false };
        let Some(turn) = all.turns.get_mut(referee.source()) else { return false };
        if !turn.has_come() {
            return false;
        }
        if !leads {
            turn.pause();
            referee.restart();
            return false;
        }
        match referee.next(now.time) {
            Action::Wait(until) => {
                turn.wait_until(now, until);
                false
            }
            Action::Ask(ask) => {
                turn.ask();
                all.tickets += 1;
                let (ticket, source) = (Ticket(all.tickets), referee.source().clone());
                all.asked.insert(ticket, source.clone());
                self.effects.push(Effect::AskSource(ticket, source, ask));
                false
            }
            Action::Compare if is_fresh => {
                let found = referee.compare(now.time, self.state.tracker());
                self.record_found(found);
                true
            }
            Action::Compare => {
                turn.wait_for_state(now);
                self.todo.push_back(Todo::Refresh(Vec::new()));
                true
            }
        }
    }
}

/// Logs when a provider begins to fail, fails for another reason, or works again.
fn log_change(source: &str, before: Option<&Failure>, now: Option<&Failure>) {
    match (before, now) {
        (_, Some(failure)) if before != now => {
            warn!("the referee of source {source} has no answer: {failure}");
        }
        (Some(_), None) => info!("the referee of source {source} is answered again"),
        (None | Some(_), _) => {}
    }
}
