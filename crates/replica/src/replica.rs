//! The type [`Replica`], and its one entry point [`Replica::step`].

use std::collections::VecDeque;

use live_users_core::{Evidence, Millis};
use live_users_intake::{Reconciler, Status};
use live_users_journal::{FaultKind, Position};
use live_users_state::record::{Change, Record};
use live_users_state::{Replayed, State};

use crate::audit::Audit;
use crate::commit::{Awaiting, Commit, Purpose, Then};
use crate::compaction::{Compaction, Keep};
use crate::freshness::is_heard;
use crate::held::Held;
use crate::io::{
    Deferred, Effect, Input, LogRequest, Now, Output, Publication, Stale, StaleReason, Ticket,
};
use crate::leadership::Leadership;
use crate::overdue::{MAX_CALL_MS, Sweep};
use crate::reconciliation::Reconciliation;
use crate::source_referees::SourceReferees;
use crate::turn::Turn;

/// The interval between tries when the log cannot be written or does not answer, in milliseconds.
pub const RETRY_EVERY_MS: u64 = 1_000;

/// The most pieces of evidence in one batch, and so in one sync of the log.
pub const BATCH_MAX: usize = 1024;

/// The settings of a replica.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The age at which a silent call is over, in milliseconds.
    pub max_call_ms: u64,
    /// When a snapshot is due, and how much of the log is kept after it. `None`: no snapshots and no
    /// trims.
    pub keep: Option<Keep>,
    /// Present where no webhook is expected, so that nothing but the provider's answers tells of
    /// calls. Then the numbers are unknown while its last complete answer is older than this, in
    /// milliseconds, and until a voice webhook comes after all.
    pub asks_only_ms: Option<u64>,
}

impl Default for Rules {
    fn default() -> Self {
        Self { max_call_ms: MAX_CALL_MS, keep: None, asks_only_ms: None }
    }
}

/// One replica: its state, and its decisions. See the documentation of the crate.
pub struct Replica {
    pub(crate) rules: Rules,
    pub(crate) state: State,
    /// The last record in the state.
    pub(crate) applied: Position,
    /// The last publication. It is never ahead of `applied`.
    pub(crate) published: (Position, Option<Stale>),
    /// Whether other replicas append to the log too.
    pub(crate) is_shared: bool,

    /// The purpose of the outstanding request to the log.
    pub(crate) awaiting: Option<Awaiting>,
    /// The work that follows when no request is outstanding, in this order.
    pub(crate) todo: VecDeque<Todo>,
    request: Option<LogRequest>,
    pub(crate) effects: Vec<Effect>,

    /// The retry buffer: evidence that could not be recorded yet. It is empty unless degraded.
    pub(crate) retry_buffer: VecDeque<Evidence>,
    /// Since when there is evidence that could not be recorded.
    pub(crate) unrecorded_since: Option<Millis>,
    /// The log cannot be written.
    pub(crate) is_degraded: bool,
    /// The last failure that made it so, or that came since, and its kind.
    pub(crate) degraded_by: (String, FaultKind),
    /// The state does not belong to this log, and has to be rebuilt from it.
    pub(crate) is_lost: bool,
    /// See [`Replica::is_unreadable`].
    pub(crate) is_unreadable: bool,
    /// The log has records that the state lacks, because reading them failed.
    pub(crate) is_behind: bool,
    /// The newest moment at which nothing that was known was missing in the state. An uptime.
    pub(crate) covered_at: Millis,

    pub(crate) leadership: Leadership,
    pub(crate) sweep: Sweep,
    /// When a call may be overdue at the earliest of which limits were told since the last step. By the
    /// log's time.
    pub(crate) limited: Option<Millis>,
    /// Overdue calls that wait for the provider's word.
    pub(crate) held: Held,
    pub(crate) compaction: Option<Compaction>,
    /// The uptime of the next housekeeping.
    pub(crate) housekeeping_at: Millis,
    /// The moment of the last step.
    pub(crate) last_step: Option<Now>,
    /// The uptime of the next refresh, unless there is news of the log before it.
    pub(crate) refresh_at: Millis,
    /// One for each account that the provider is asked about.
    pub(crate) reconciliations: Vec<Reconciliation>,
    /// One for each source whose provider is asked.
    pub(crate) source_referees: Option<SourceReferees>,
    /// A voice webhook has come, so the provider's answers are not the only source of calls.
    pub(crate) has_heard: bool,
    pub(crate) audit: Option<Audit>,
    /// The uptime of the first step.
    pub(crate) started: Option<Millis>,
    /// The time of the last record before it, if any call was known then.
    pub(crate) last_before: Option<Millis>,
}

/// Work that waits until no request is outstanding.
#[derive(Debug)]
pub(crate) enum Todo {
    Commit(Commit),
    CatchUp(Position),
    /// Make the state fresh if it is not, and answer these queries.
    Refresh(Vec<Ticket>),
    Retry,
    Check,
    Rewrite(Ticket),
    Sweep,
    Compact,
    Audit,
    /// Set the time of the next housekeeping.
    Schedule,
}

impl Replica {
    /// Makes a replica from a replayed log. It reconciles with the provider if there is a
    /// reconciler; there may be one for each account.
    pub fn new(
        replayed: Replayed,
        is_shared: bool,
        rules: Rules,
        reconcilers: impl IntoIterator<Item = Reconciler>,
    ) -> Self {
        let Replayed { state, at, covered } = replayed;
        let now = state.tracker().now();
        let calls = state.tracker();
        let knew_any = calls.known() > 0 || calls.remembered().count() > 0;
        let last_before = knew_any.then_some(now);
        let reconciliations: Vec<_> = reconcilers.into_iter().map(Reconciliation::new).collect();
        let asks_only = !reconciliations.is_empty() && rules.asks_only_ms.is_some();
        let unanswered =
            asks_only.then_some(Stale { age_ms: 0, reason: StaleReason::NeverAnswered });
        Self {
            rules,
            state,
            applied: at,
            published: (at, unanswered),
            is_shared,
            awaiting: None,
            todo: VecDeque::new(),
            request: None,
            effects: Vec::new(),
            retry_buffer: VecDeque::new(),
            unrecorded_since: None,
            is_degraded: false,
            degraded_by: Default::default(),
            is_lost: false,
            is_unreadable: false,
            is_behind: false,
            covered_at: Millis(0),
            leadership: Leadership::new(is_shared),
            sweep: Sweep::default(),
            limited: None,
            held: Held::default(),
            compaction: rules.keep.map(|keep| Compaction::new(keep, covered, now)),
            housekeeping_at: Millis(0),
            last_step: None,
            refresh_at: Millis(0),
            reconciliations,
            source_referees: None,
            has_heard: false,
            audit: None,
            started: None,
            last_before,
        }
    }

    /// Notes what somebody wants recorded.
    fn note_request(&mut self, ticket: Ticket, changes: Vec<Change>) {
        let commit = Commit::new(Purpose::Request(ticket), changes);
        self.todo.push_back(Todo::Commit(commit));
    }

    /// Takes one input and returns what to do.
    ///
    /// The answer to [`Output::log`] has to be the next input. The replica queues any other input
    /// until then.
    pub fn step(&mut self, now: Now, input: Input) -> Output {
        self.note_time(now);
        self.note_freshness(now);
        let is_record = matches!(input, Input::Record(..));
        match input {
            Input::Log(answer) => self.on_log(now, answer),
            Input::Record(ticket, evidence) => {
                self.note_batch(now, evidence.len());
                self.has_heard |= evidence.iter().any(|it| is_heard(it.source));
                let changes = evidence.into_iter().map(Change::Evidence).collect();
                self.note_request(ticket, changes);
            }
            Input::Change(ticket, changes) => self.note_request(ticket, changes),
            Input::Query(ticket) if self.is_fresh(now) => self.answer_when_free(ticket),
            Input::Query(ticket) => self.todo.push_back(Todo::Refresh(vec![ticket])),
            Input::Grown(end) => self.todo.push_back(Todo::CatchUp(end)),
            Input::Lease(answer) => self.on_lease(now, answer),
            Input::Provider(referee, answer) => self.on_provider(now, referee, answer),
            Input::SourceProvider(ticket, answer) => self.on_source_provider(now, ticket, answer),
            Input::Snapshot(saved) => {
                if let Some(compaction) = &mut self.compaction {
                    compaction.end(saved);
                    // The records that it covers may be trimmed.
                    self.todo.push_back(Todo::Compact);
                }
            }
            Input::Audited(result) => self.on_audited(result),
            Input::Agents(agents) => {
                for reconciliation in &mut self.reconciliations {
                    reconciliation.reconciler.learn(agents.clone());
                }
                if let Some(referees) = &mut self.source_referees {
                    referees.learn(&agents);
                }
            }
            Input::Check if self.is_degraded => {}
            Input::Check => self.todo.push_back(Todo::Check),
            Input::Rewrite(ticket) => self.todo.push_back(Todo::Rewrite(ticket)),
            Input::Tick => self.on_tick(now),
            Input::Shutdown if self.is_degraded && !self.is_unreadable => {
                self.todo.push_back(Todo::Retry);
            }
            Input::Shutdown => {}
        }
        self.advance(now);
        self.note_coverage(now, is_record);
        self.note_growth(now);
        self.note_limited(now);
        debug_assert!(
            self.published.0.epoch != self.applied.epoch
                || self.published.0.seq <= self.applied.seq,
            "nothing is published before it is applied"
        );
        Output { effects: std::mem::take(&mut self.effects), log: self.request.take() }
    }

    /// The uptime at which the next [`Input::Tick`] is due. A time in the past means now.
    pub fn next_deadline(&self) -> Millis {
        let leadership = self.leadership.deadline();
        let refresh = self.is_shared.then_some(self.refresh_at);
        let turns = self.reconciliations.iter().map(|it| &it.turn);
        let reconciliation = turns.filter_map(Turn::deadline).min();
        let sources = self.source_referees.as_ref().and_then(SourceReferees::deadline);
        let rest =
            [leadership, refresh, reconciliation, sources, self.audit_due(), self.unanswered_at()];
        rest.into_iter().flatten().fold(self.housekeeping_at, Millis::min)
    }

    /// The state.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The position of the last record in the state.
    pub fn position(&self) -> Position {
        self.applied
    }

    /// The numbers before the first step, which publishes nothing unless something changes. `as_of`
    /// is the log's time.
    pub fn first_publication(&self, as_of: Millis) -> Publication {
        let numbers = self.state.tracker().numbers();
        Publication { numbers, at: self.published.0, as_of, stale: self.published.1 }
    }

    /// Whether this replica leads: it asks the provider and times out old calls.
    pub fn leads(&self, now: Now) -> bool {
        self.leadership.is_held(now)
    }

    /// Whether the log cannot be written now.
    pub fn is_degraded(&self) -> bool {
        self.is_degraded
    }

    /// The kind of the failure because of which the log cannot be written now.
    pub fn fault(&self) -> Option<FaultKind> {
        self.is_degraded.then_some(self.degraded_by.1)
    }

    /// The number of pieces of evidence in the retry buffer.
    pub fn deferred(&self) -> usize {
        self.retry_buffer.len()
    }

    /// Whether the log contains something that this program does not understand. Then the replica
    /// cannot follow the log any more, and the process has to end.
    pub fn is_unreadable(&self) -> bool {
        self.is_unreadable
    }

    /// The status of each reconciler, in their order. Times are the log's.
    pub fn reconciler_statuses(&self, now: Now) -> Vec<Status> {
        self.reconciliations.iter().map(|it| it.reconciler.status(now.time)).collect()
    }

    /// Works until a request to the log is outstanding or nothing is left to do.
    fn advance(&mut self, now: Now) {
        while self.awaiting.is_none() {
            let Some(todo) = self.todo.pop_front() else {
                if self.reconcile(now) || self.ask_sources(now) {
                    continue;
                }
                return;
            };
            match todo {
                Todo::Commit(commit) => self.begin_commit(now, commit),
                // A state of another log has to be rebuilt first. A log that only cannot be written
                // is followed all the same.
                Todo::CatchUp(_) if self.is_lost || self.is_unreadable => {}
                Todo::CatchUp(end) => self.read_to(now, end, Then::Nothing),
                Todo::Refresh(tickets) => self.begin_refresh(now, tickets),
                Todo::Retry => self.begin_retry(),
                Todo::Check => self.request(LogRequest::Check, Awaiting::Check),
                Todo::Rewrite(ticket) => self.begin_rewrite(ticket),
                Todo::Sweep => self.begin_sweep(now),
                Todo::Compact => self.compact(now),
                Todo::Audit => self.begin_audit(now),
                Todo::Schedule => self.schedule(now),
            }
        }
    }

    /// Makes a request to the log, with its purpose.
    pub(crate) fn request(&mut self, request: LogRequest, awaiting: Awaiting) {
        debug_assert!(self.request.is_none() && self.awaiting.is_none(), "one request at a time");
        (self.request, self.awaiting) = (Some(request), Some(awaiting));
    }

    /// Answers a query after all work that came before it, so that it sees an earlier batch.
    fn answer_when_free(&mut self, ticket: Ticket) {
        match self.awaiting.is_none() && self.todo.is_empty() {
            true => self.effects.push(Effect::Answer(ticket, Ok(()))),
            false => self.todo.push_back(Todo::Refresh(vec![ticket])),
        }
    }

    /// Reports that the evidence of a commit was deferred.
    pub(crate) fn acknowledge_deferred(&mut self, purpose: Purpose) {
        match purpose {
            Purpose::Request(ticket) => {
                self.effects.push(Effect::Recorded(ticket, Err(Deferred)));
            }
            Purpose::Found => log::warn!("what the referee has found waits for the journal"),
            // The calls are still overdue, and a new sweep finds them again.
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
        Change::Forget { .. }
        | Change::EndSession(_)
        | Change::Told(_)
        | Change::PassOn(_)
        | Change::PassedOn(_)
        | Change::Forward(_)
        | Change::Forwarded(_)
        | Change::Alert(_)
        | Change::Link(_)
        | Change::Shard(_) => None,
    })
}
