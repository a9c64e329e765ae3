//! The replica: its parts, and the one function through which everything goes.

use std::collections::VecDeque;

use live_users_core::{Evidence, Millis};
use live_users_intake::{Reconciler, Status};
use live_users_journal::Position;
use live_users_state::record::{Change, Record};
use live_users_state::{Replayed, State};

use crate::commit::{Awaiting, Commit, Purpose, Then};
use crate::compaction::{Compaction, Keep};
use crate::io::{Deferred, Effect, Input, LogRequest, Now, Output, Publication, Stale, Ticket};
use crate::leadership::Leadership;
use crate::overdue::{MAX_CALL_MS, Sweep};
use crate::reconciliation::Reconciliation;

/// A number is told while all that the log had this long ago is known here, in milliseconds. After
/// that the log is asked first.
pub const FRESH_MS: u64 = 2_500;

/// How often a log that cannot be written, or does not answer, is tried again, in milliseconds.
pub const RETRY_EVERY_MS: u64 = 1_000;

/// Pieces of evidence in one batch, and so in one sync of the log.
pub const BATCH_MAX: usize = 1024;

/// Whether a number may be told when all that the log had this long ago is known, in milliseconds.
pub fn is_fresh(log_age_ms: u64) -> bool {
    log_age_ms < FRESH_MS
}

/// What a replica keeps to.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// A silent call older than this is over, in milliseconds.
    pub max_call_ms: u64,
    /// When a snapshot is due and how much is kept behind it; without it there are no snapshots and
    /// nothing is trimmed.
    pub keep: Option<Keep>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { max_call_ms: MAX_CALL_MS, keep: None }
    }
}

/// One replica: what it knows, and what it does next. See the crate's documentation.
pub struct Replica {
    pub(crate) rules: Rules,
    pub(crate) state: State,
    /// How far the log is in the state.
    pub(crate) applied: Position,
    /// What was published last. Never ahead of `applied`.
    pub(crate) published: (Position, Option<Stale>),
    /// Whether replicas in other processes append to the log too.
    pub(crate) is_shared: bool,

    /// What the outstanding request to the log is for.
    pub(crate) awaiting: Option<Awaiting>,
    /// What to do when the log is free, in this order.
    pub(crate) todo: VecDeque<Todo>,
    request: Option<LogRequest>,
    pub(crate) effects: Vec<Effect>,

    /// What could not be recorded yet. While there is anything in it the log is degraded.
    pub(crate) retry_buffer: VecDeque<Evidence>,
    /// The log cannot be written.
    pub(crate) is_degraded: bool,
    /// The state is none that the log leads to, and has to be read from it.
    pub(crate) is_lost: bool,
    pub(crate) is_unreadable: bool,

    pub(crate) leadership: Leadership,
    pub(crate) sweep: Sweep,
    pub(crate) compaction: Option<Compaction>,
    /// When to do what time asks for. An uptime.
    pub(crate) housekeeping_at: Millis,
    /// When the log is asked how far it is, unless something is heard of it before. An uptime.
    pub(crate) refresh_at: Millis,
    pub(crate) reconciliation: Option<Reconciliation>,
}

/// What waits until the log is free.
#[derive(Debug)]
pub(crate) enum Todo {
    Commit(Commit),
    CatchUp(Position),
    /// Make sure that what is known is fresh, and answer these.
    Refresh(Vec<Ticket>),
    Retry,
    Sweep,
    Compact,
    /// Decide when time asks for something again.
    Schedule,
}

impl Replica {
    /// A replica that knows what a log tells. It reconciles with the provider if there is a
    /// reconciler.
    pub fn new(
        replayed: Replayed,
        is_shared: bool,
        rules: Rules,
        reconciler: Option<Reconciler>,
    ) -> Self {
        let Replayed { state, at, covered } = replayed;
        let now = state.tracker().now();
        Self {
            rules,
            state,
            applied: at,
            published: (at, None),
            is_shared,
            awaiting: None,
            todo: VecDeque::new(),
            request: None,
            effects: Vec::new(),
            retry_buffer: VecDeque::new(),
            is_degraded: false,
            is_lost: false,
            is_unreadable: false,
            leadership: Leadership::new(is_shared),
            sweep: Sweep::default(),
            compaction: rules.keep.map(|keep| Compaction::new(keep, covered, now)),
            housekeeping_at: Millis(0),
            refresh_at: Millis(0),
            reconciliation: reconciler.map(Reconciliation::new),
        }
    }

    /// Takes one input in, and returns what follows from it.
    ///
    /// The answer to [`Output::log`] comes before any other input. Whatever comes in between all the
    /// same waits until the log is free.
    pub fn step(&mut self, now: Now, input: Input) -> Output {
        self.note_freshness(now);
        match input {
            Input::Log(answer) => self.on_log(now, answer),
            Input::Record(ticket, evidence) => {
                let changes = evidence.into_iter().map(Change::Evidence).collect();
                self.todo.push_back(Todo::Commit(Commit::new(Purpose::Request(ticket), changes)));
            }
            Input::Query(ticket) if is_fresh(now.log_age_ms) => self.answer_when_free(ticket),
            Input::Query(ticket) => self.todo.push_back(Todo::Refresh(vec![ticket])),
            Input::Grown(end) => self.todo.push_back(Todo::CatchUp(end)),
            Input::Lease(answer) => self.on_lease(now, answer),
            Input::Provider(answer) => self.on_provider(now, answer),
            Input::Snapshot(saved) => {
                if let Some(compaction) = &mut self.compaction {
                    compaction.end(saved);
                    // What it covers may go.
                    self.todo.push_back(Todo::Compact);
                }
            }
            Input::Agents(agents) => {
                if let Some(reconciliation) = &mut self.reconciliation {
                    reconciliation.reconciler.learn(agents);
                }
            }
            Input::Tick => self.on_tick(now),
            Input::Shutdown if self.is_degraded && !self.is_unreadable => {
                self.todo.push_back(Todo::Retry);
            }
            Input::Shutdown => {}
        }
        self.advance(now);
        debug_assert!(
            self.published.0.epoch != self.applied.epoch
                || self.published.0.seq <= self.applied.seq,
            "nothing is published before it is applied"
        );
        Output { effects: std::mem::take(&mut self.effects), log: self.request.take() }
    }

    /// When the next [`Input::Tick`] is due, by [`Now::uptime`]. It may be in the past: then now.
    pub fn next_deadline(&self) -> Millis {
        let leadership = self.leadership.deadline();
        let refresh = self.is_shared.then_some(self.refresh_at);
        let reconciliation = self.reconciliation.as_ref().and_then(Reconciliation::deadline);
        let rest = [leadership, refresh, reconciliation].into_iter().flatten();
        rest.fold(self.housekeeping_at, Millis::min)
    }

    /// What the log tells.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// How far the log is in it.
    pub fn position(&self) -> Position {
        self.applied
    }

    /// Whether this replica leads: asks the provider, and times old calls out.
    pub fn leads(&self, now: Now) -> bool {
        self.leadership.is_held(now)
    }

    /// Whether the log cannot be written just now.
    pub fn is_degraded(&self) -> bool {
        self.is_degraded
    }

    /// How many pieces of evidence wait until it can.
    pub fn deferred(&self) -> usize {
        self.retry_buffer.len()
    }

    /// Whether there is something in the log that this program does not understand, so that it
    /// cannot know what is true from there on: the process has to end.
    pub fn is_unreadable(&self) -> bool {
        self.is_unreadable
    }

    /// How reconciliation stands, if there is any. Times are by the log.
    pub fn reconciler_status(&self, now: Now) -> Option<Status> {
        self.reconciliation.as_ref().map(|it| it.reconciler.status(now.time))
    }

    /// Goes on until the log has to be asked, or there is nothing left to do.
    fn advance(&mut self, now: Now) {
        while self.awaiting.is_none() {
            let Some(todo) = self.todo.pop_front() else {
                if self.reconcile(now) {
                    continue;
                }
                return;
            };
            match todo {
                Todo::Commit(commit) => self.begin_commit(now, commit),
                // A state that is not of this log is rebuilt first. A log that only cannot be
                // written is followed all the same: what it says is shown.
                Todo::CatchUp(_) if self.is_lost || self.is_unreadable => {}
                Todo::CatchUp(end) => self.read_to(now, end, Then::Nothing),
                Todo::Refresh(tickets) => self.begin_refresh(now, tickets),
                Todo::Retry => self.begin_retry(),
                Todo::Sweep => self.begin_sweep(now),
                Todo::Compact => self.compact(now),
                Todo::Schedule => self.schedule(now),
            }
        }
    }

    /// Asks the log. Its answer is for `awaiting`.
    pub(crate) fn request(&mut self, request: LogRequest, awaiting: Awaiting) {
        debug_assert!(self.request.is_none() && self.awaiting.is_none(), "one at a time");
        (self.request, self.awaiting) = (Some(request), Some(awaiting));
    }

    /// A query that is behind a batch in the same turn sees it: it waits for what came before.
    fn answer_when_free(&mut self, ticket: Ticket) {
        match self.awaiting.is_none() && self.todo.is_empty() {
            true => self.effects.push(Effect::Answer(ticket, Ok(()))),
            false => self.todo.push_back(Todo::Refresh(vec![ticket])),
        }
    }

    /// Publishes the numbers, or that they are too old to be shown.
    pub(crate) fn publish_if_fresh(&mut self, now: Now) {
        let age_ms = now.log_age_ms;
        self.publish((!is_fresh(age_ms)).then_some(Stale { age_ms }));
    }

    /// Publishes, if what is known is not what was published.
    pub(crate) fn publish(&mut self, stale: Option<Stale>) {
        let is_known =
            self.published.0 == self.applied && self.published.1.is_some() == stale.is_some();
        if is_known {
            return;
        }
        self.published = (self.applied, stale);
        let numbers = self.state.tracker().numbers();
        let (at, as_of) = (self.applied, self.state.tracker().now());
        log::debug!("{} users and {} calls live at {at}", numbers.users, numbers.calls);
        self.effects.push(Effect::Publish(Publication { numbers, at, as_of, stale }));
    }

    /// The evidence waits until the log can be written again.
    pub(crate) fn acknowledge_deferred(&mut self, purpose: Purpose) {
        match purpose {
            Purpose::Request(ticket) => {
                self.effects.push(Effect::Recorded(ticket, Err(Deferred)));
            }
            Purpose::Found => log::warn!("what the referee has found waits for the journal"),
            // The calls are overdue still, and have to be found again.
            Purpose::Overdue => self.sweep.restart(),
            Purpose::Retry => {}
        }
    }
}

/// The evidence in these records.
pub(crate) fn evidence(
    records: impl IntoIterator<Item = Record>,
) -> impl Iterator<Item = Evidence> {
    records.into_iter().filter_map(|record| match record.change {
        Change::Evidence(evidence) => Some(evidence),
        Change::Forget { .. } => None,
    })
}
