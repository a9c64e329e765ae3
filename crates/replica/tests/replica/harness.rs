//! A replica on a journal, driven by a test. The test sets the clocks, grants the lease and decides
//! when a snapshot is saved.

use live_users_core::{CallId, Direction, EndReason, Evidence, Millis, Outcome, Said, Source};
use live_users_intake::Reconciler;
use live_users_journal::Journal;
use live_users_replica::{
    Check, Deferred, Effect, FRESH_MS, Input, Keep, Node, Now, Publication, Replica, Rules, Ticket,
};
use live_users_state::{SnapshotTask, State, replay};

pub(crate) const HOUR: u64 = 3_600_000;
/// Longer than any wait for housekeeping.
const LONG_MS: u64 = 120_000;

pub(crate) struct Driver {
    node: Node,
    now: Now,
    /// Whether a request for the lease succeeds.
    gets_lease: bool,
    pub(crate) published: Vec<Publication>,
    /// The publications, reports and acknowledgements, in their order.
    pub(crate) order: Vec<&'static str>,
    snapshot: Option<SnapshotTask>,
}

impl Driver {
    /// A replica with snapshots after 100,000 records.
    pub(crate) fn on(journal: Box<dyn Journal>) -> Self {
        let keep = Keep {
            age_ms: HOUR,
            records_max: u64::MAX,
            snapshot_records: 100_000,
            settings: <_>::default(),
        };
        Self::keeping(journal, Some(keep))
    }

    /// A replica without snapshots, which recounts its calls with this function.
    pub(crate) fn auditing(journal: Box<dyn Journal>, check: Check) -> Self {
        Self::with(journal, None, |replica| replica.auditing(check))
    }

    /// A replica with a snapshot after any new record, which keeps nothing after it.
    pub(crate) fn on_short_log(journal: Box<dyn Journal>) -> Self {
        let keep =
            Keep { age_ms: 0, records_max: 0, snapshot_records: 1, settings: <_>::default() };
        Self::keeping(journal, Some(keep))
    }

    /// A replica that asks the provider.
    pub(crate) fn asking(journal: Box<dyn Journal>, reconciler: Reconciler) -> Self {
        let rules = Rules { max_call_ms: 4 * HOUR, ..Rules::default() };
        Self::made(journal, rules, Some(reconciler), |replica| replica)
    }

    /// A replica that knows nothing but what the provider answers, and for so long.
    pub(crate) fn only_asking(
        journal: Box<dyn Journal>,
        reconciler: Reconciler,
        known_ms: u64,
    ) -> Self {
        let rules = Rules { asks_only_ms: Some(known_ms), ..Rules::default() };
        Self::made(journal, rules, Some(reconciler), |replica| replica)
    }

    fn keeping(journal: Box<dyn Journal>, keep: Option<Keep>) -> Self {
        Self::with(journal, keep, |replica| replica)
    }

    fn with(
        journal: Box<dyn Journal>,
        keep: Option<Keep>,
        change: impl FnOnce(Replica) -> Replica,
    ) -> Self {
        let rules = Rules { max_call_ms: 4 * HOUR, keep, ..Rules::default() };
        Self::made(journal, rules, None, change)
    }

    fn made(
        journal: Box<dyn Journal>,
        rules: Rules,
        reconciler: Option<Reconciler>,
        change: impl FnOnce(Replica) -> Replica,
    ) -> Self {
        let replayed = replay(&*journal).expect("the journal leads to a state");
        let replica = change(Replica::new(replayed, journal.is_shared(), rules, reconciler));
        let now = Now { uptime: Millis(0), time: Millis(0), log_age_ms: 0 };
        Self {
            node: Node::new(replica, journal),
            now,
            gets_lease: false,
            published: Vec::new(),
            order: Vec::new(),
            snapshot: None,
        }
    }

    pub(crate) fn step(&mut self, input: Input) -> Vec<Effect> {
        let (now, mut effects, mut renews) = (self.now, Vec::new(), false);
        let Self { node, published, order, snapshot, .. } = self;
        node.step(|| now, input, &mut |replica, effect| match effect {
            Effect::Publish(publication) => {
                let numbers = replica.state().tracker().numbers();
                assert_eq!(publication.numbers, numbers, "published numbers are applied");
                order.push("published");
                published.push(publication);
            }
            Effect::Report(_) => order.push("reported"),
            Effect::SaveSnapshot(task) => {
                assert!(snapshot.replace(task).is_none(), "one at a time");
            }
            Effect::Renew => renews = true,
            effect => {
                if matches!(effect, Effect::Recorded(..)) {
                    order.push("acknowledged");
                }
                effects.push(effect);
            }
        });
        if renews {
            let answer = Some(self.gets_lease);
            effects.extend(self.step(Input::Lease(answer)));
        }
        effects
    }

    pub(crate) fn record(
        &mut self,
        at: Millis,
        batch: Vec<Evidence>,
    ) -> Result<Vec<Outcome>, Deferred> {
        self.now.time = at;
        let effects = self.step(Input::Record(Ticket(7), batch));
        let recorded = effects.into_iter().find_map(|effect| match effect {
            Effect::Recorded(Ticket(7), recorded) => Some(recorded),
            _ => None,
        });
        let recorded = recorded.expect("each input is acknowledged or deferred");
        recorded.map(|done| done.into_iter().map(|done| done.outcome).collect())
    }

    /// Lets time pass while this replica leads.
    pub(crate) fn sweep(&mut self, at: Millis) {
        self.pass(at, true);
    }

    /// Lets time pass while another one leads, if the log is shared.
    pub(crate) fn stand_by(&mut self, at: Millis) {
        self.pass(at, false);
    }

    fn pass(&mut self, at: Millis, leads: bool) {
        self.gets_lease = leads;
        self.now.time = at;
        // The first tick requests the lease, the second does a leader's work.
        for uptime in [LONG_MS, 1] {
            self.now.uptime.0 += uptime;
            self.step(Input::Tick);
        }
    }

    /// Applies the records of other replicas. Returns whether that was possible.
    pub(crate) fn refresh(&mut self) -> bool {
        self.now.log_age_ms = FRESH_MS;
        let effects = self.step(Input::Query(Ticket(8)));
        self.now.log_age_ms = 0;
        effects.iter().any(|effect| matches!(effect, Effect::Answer(Ticket(8), Ok(()))))
    }

    /// The snapshot that the replica requested, if there is one. It is not saved then.
    pub(crate) fn requested(&mut self) -> Option<SnapshotTask> {
        self.snapshot.take()
    }

    /// Saves the snapshot that the replica requested, if there is one, and trims after it.
    pub(crate) fn checkpoint(&mut self) {
        let Some(task) = self.requested() else { return };
        let (mut reader, mut snapshots) = (
            self.node.journal().reader().expect("a reader"),
            self.node.journal().snapshots().expect("snapshots"),
        );
        let saved = task.perform(&mut *reader, &mut *snapshots);
        self.step(Input::Snapshot(saved));
    }

    pub(crate) fn replica(&self) -> &Replica {
        self.node.replica()
    }

    pub(crate) fn journal(&self) -> &dyn Journal {
        self.node.journal()
    }

    pub(crate) fn state(&self) -> &State {
        self.node.replica().state()
    }

    pub(crate) fn users(&self) -> usize {
        self.state().tracker().numbers().users
    }

    /// The number of users in the last publication.
    pub(crate) fn shown(&self) -> usize {
        self.published.last().map_or(0, |publication| publication.numbers.users)
    }

    pub(crate) fn now(&self) -> Now {
        self.now
    }

    pub(crate) fn set_now(&mut self, now: Now) {
        self.now = now;
    }
}

pub(crate) fn evidence(sid: &str, source: Source, said: Said) -> Evidence {
    let call = CallId::parse(sid).expect("an id");
    Evidence { direction: Some(Direction::Inbound), ..Evidence::about(call, source, said) }
}

fn said(call: usize, said: Said) -> Evidence {
    let source = match said {
        Said::Dialing => Source::Voice,
        _ => Source::StatusCallback,
    };
    evidence(&format!("call-{call}"), source, said)
}

pub(crate) fn start(call: usize) -> Evidence {
    said(call, Said::Dialing)
}

pub(crate) fn end(call: usize) -> Evidence {
    said(call, Said::Over(EndReason::Completed))
}
