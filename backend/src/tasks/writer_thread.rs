//! The writer thread: the backend's driver of the replica. It passes the work in the queue to the
//! replica, wakes it at its deadlines, and carries out its effects.

mod audit;
mod callbacks;
mod gathering;
mod pending;
mod status;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use live_users_core::{CallId, EndReason, Evidence, Millis, Phase, Said, Source};
use live_users_replica::{BATCH_MAX, Effect, Input, Node, Now, Replica, Ticket};
use live_users_state::record::Change;
use live_users_twilio::rest::Request;
use tokio::runtime;
use tokio::sync::mpsc;

use self::audit::audit;
use self::callbacks::acknowledge;
use self::gathering::Gathering;
use self::pending::{Evicting, Pending};
use super::snapshots::Snapshots;
use super::source_asking::Question;
use super::total_frames::CountOutlet;
use crate::parts::clock::Clock;
use crate::parts::latest::LatestCount;
use crate::parts::not_recorded::NotRecorded;
use crate::parts::queue::{Acknowledge, Evicted, Growth, QUEUE_MAX, Queue, View, Work};
use crate::parts::replica_status::{StatusReader, StatusWriter};
use crate::parts::telemetry::{Mark, Times};

/// The interval between two looks at the files of the journal, and the longest wait of the thread,
/// in milliseconds. The clock may be set, or the machine may sleep, while nothing happens: [`Clock`]
/// and the replica notice that at the next step.
const LOOK_EVERY_MS: u64 = 1_000;

/// The receivers of the effects that answer nobody.
pub(crate) struct Outlets {
    pub(crate) latest: CountOutlet,
    /// Whether the latest count has the numbers of the agents.
    pub(crate) gives_agents: bool,
    /// To `tasks::reconciliation`.
    pub(crate) requests: mpsc::UnboundedSender<(usize, Request)>,
    /// To `tasks::source_asking`.
    pub(crate) questions: mpsc::UnboundedSender<Question>,
    /// Of one of several shards the log lines of the thread begin with it.
    pub(crate) shard: Option<usize>,
    /// To `tasks::leadership`.
    pub(crate) renewals: mpsc::UnboundedSender<()>,
}

/// The queue to the thread, the status that it publishes, and the thread.
pub(crate) type Started = (Queue, StatusReader, JoinHandle<()>);

/// Starts the replica on a thread of its own, because a durable journal blocks it at every sync.
///
/// # Errors
/// If the system gives no thread, or the journal gives no handles for snapshots.
pub(crate) fn start(node: Node, clock: Clock, outlets: Outlets) -> io::Result<Started> {
    let (sender, inbox) = mpsc::channel(QUEUE_MAX);
    let (status, status_reader) = StatusReader::new();
    let queue = Queue::through(sender, clock.clone(), status_reader.clone());
    let snapshots = Snapshots::start(node.journal(), queue.clone())?;
    // Only its timer is used. The thread waits for work or for a deadline, whichever comes first.
    let timer = runtime::Builder::new_current_thread().enable_time().build()?;
    let mut driver = Driver {
        node,
        clock,
        growth: queue.growth.clone(),
        gathering: Gathering::default(),
        outlets: Outlet {
            outlets,
            snapshots,
            pending: HashMap::new(),
            evictions: Vec::new(),
            queue: queue.clone(),
        },
        tickets: 0,
        looked_at: Millis(0),
        status,
        times: Times::default(),
    };
    driver.publish_status();
    let shard = driver.outlets.outlets.shard.map(|it| format!("shard {it}: "));
    let thread = std::thread::Builder::new().name("writer".to_owned()).spawn(move || {
        shard.into_iter().for_each(live_users_http_kit::begin_lines_with);
        let (mut inbox, mut work) = (inbox, Vec::with_capacity(BATCH_MAX));
        loop {
            let received = inbox.recv_many(&mut work, BATCH_MAX);
            let wait = driver.until_deadline();
            let received = timer.block_on(async { tokio::time::timeout(wait, received).await });
            driver.gathering.gather(&mut inbox, &mut work, std::thread::sleep);
            let stop = received == Ok(0) || work.iter().any(|work| matches!(work, Work::Stop));
            driver.process_batch(work.drain(..));
            if stop || driver.node.replica().is_unreadable() {
                break;
            }
        }
        driver.step(driver.now(), Input::Shutdown);
        // Before the driver, which waits for the thread of snapshots: that thread may be blocked
        // while it sends an answer to a full queue.
        drop(inbox);
    })?;
    Ok((queue, status_reader, thread))
}

struct Driver {
    node: Node,
    clock: Clock,
    growth: Arc<Growth>,
    /// Of evidence, while other replicas append, too.
    gathering: Gathering,
    outlets: Outlet,
    tickets: u64,
    /// The uptime of the last look at the files of the journal.
    looked_at: Millis,
    status: StatusWriter,
    /// What was done when for the batch of evidence, for traces.
    times: Times,
}

/// Carries out effects.
struct Outlet {
    outlets: Outlets,
    snapshots: Snapshots,
    pending: HashMap<Ticket, Pending>,
    /// Calls that are known and not over, to be evicted next.
    evictions: Vec<(CallId, Evicting)>,
    /// For the results of recounts.
    queue: Queue,
}

impl Driver {
    fn now(&self) -> Now {
        now(&self.clock, &self.growth)
    }

    /// The present, with the knowledge of an earlier moment. What the journal has noticed since is
    /// not applied, so the state is as old as that moment says.
    fn later_than(&self, known: Now) -> Now {
        let now = self.now();
        let log_age_ms = match self.node.journal().is_shared() {
            true => known.log_age_ms + now.uptime.since(known.uptime),
            false => now.log_age_ms,
        };
        Now { log_age_ms, ..now }
    }

    fn until_deadline(&self) -> Duration {
        let wait_ms = self.node.replica().next_deadline().since(self.now().uptime);
        Duration::from_millis(wait_ms.min(LOOK_EVERY_MS))
    }

    /// Passes one input to the replica at this moment. Each answer of the log gets its own moment.
    fn step(&mut self, at: Now, input: Input) {
        let Self { node, clock, growth, outlets, times, .. } = self;
        let mut first = Some(at);
        let now = || {
            first.take().unwrap_or_else(|| {
                times.answered();
                now(clock, growth)
            })
        };
        let mut perform = |replica: &Replica, effect| {
            outlets.perform((clock, times), replica, effect);
        };
        node.step(now, input, &mut perform);
    }

    fn ticket(&mut self, pending: Pending) -> Ticket {
        self.tickets += 1;
        self.outlets.pending.insert(Ticket(self.tickets), pending);
        Ticket(self.tickets)
    }

    /// Passes all work to the replica: the evidence first and in one batch, then the changes of the
    /// state, then the queries. Each input has its own time, because an earlier one may have waited for
    /// the journal.
    fn process_batch(&mut self, work: impl Iterator<Item = Work>) {
        let (mut batch, mut waiting, mut is_idle) = (Vec::new(), Vec::new(), true);
        let (mut inputs, mut reads, mut passing) = (Vec::new(), Vec::new(), Vec::new());
        let (mut changes, mut changing, mut rewrites) = (Vec::new(), Vec::new(), Vec::new());
        for work in work {
            is_idle = false;
            match work {
                Work::Evidence(evidence, acknowledge, mark) => {
                    batch.push(*evidence);
                    waiting.push((acknowledge, mark));
                }
                Work::Evict(id, answer) => reads.push(Pending::LookUp(id, answer)),
                Work::Change(change, answer) => {
                    changes.extend(change);
                    changing.push(answer);
                }
                Work::PassOn(callback, answer) => passing.push((*callback, answer)),
                Work::Query(query) => reads.push(Pending::Query(query)),
                Work::Provider(referee, answer) => inputs.push(Input::Provider(referee, answer)),
                Work::SourceProvider(ticket, answer) => {
                    inputs.push(Input::SourceProvider(ticket, answer));
                }
                Work::Lease(answer) => inputs.push(Input::Lease(answer)),
                Work::Snapshot(saved) => inputs.push(Input::Snapshot(saved)),
                Work::Audited(result) => inputs.push(Input::Audited(result)),
                Work::Agents(agents) => inputs.push(Input::Agents((*agents).clone())),
                Work::Rewrite(answer) => rewrites.push(answer),
                Work::CatchUp | Work::Stop => {}
            }
        }
        if !passing.is_empty() {
            // Before the evidence of the same webhooks: one that is acknowledged is passed on, too.
            let callbacks = passing.iter().map(|(callback, _)| Change::PassOn(callback.clone()));
            let callbacks = callbacks.collect();
            let ticket = self.ticket(Pending::PassOn(passing));
            self.step(self.now(), Input::Change(ticket, callbacks));
        }
        if !batch.is_empty() {
            self.record(batch, waiting);
        }
        let known = self.catch_up();
        inputs.into_iter().for_each(|input| self.step(self.later_than(known), input));
        let now = self.later_than(known);
        if is_idle || self.node.replica().next_deadline() <= now.uptime {
            self.step(now, Input::Tick);
        }
        if !changing.is_empty() {
            let ticket = self.ticket(Pending::Change(changing));
            self.step(self.later_than(known), Input::Change(ticket, changes));
        }
        if now.uptime.since(self.looked_at) >= LOOK_EVERY_MS {
            self.looked_at = now.uptime;
            self.step(self.later_than(known), Input::Check);
        }
        for answer in rewrites {
            let ticket = self.ticket(Pending::Rewrite(answer));
            self.step(self.later_than(known), Input::Rewrite(ticket));
        }
        for read in reads {
            let ticket = self.ticket(read);
            self.step(self.later_than(known), Input::Query(ticket));
        }
        for (id, answer) in std::mem::take(&mut self.outlets.evictions) {
            let said = Said::Over(EndReason::Evicted);
            let evidence = Evidence::about(id.clone(), Source::Operator, said);
            let ticket = self.ticket(Pending::Evict(id, answer));
            self.step(self.later_than(known), Input::Record(ticket, vec![evidence]));
        }
        self.publish_status();
    }

    fn record(&mut self, batch: Vec<Evidence>, waiting: Vec<(Acknowledge, Mark)>) {
        self.times.begin(waiting.iter().map(|(_, mark)| mark));
        let ticket = self.ticket(Pending::Batch(waiting));
        let begun = Instant::now();
        self.step(self.now(), Input::Record(ticket, batch));
        self.gathering.appended((begun, Instant::now()), self.growth.noticed());
    }

    /// Applies the records of other replicas that can be read here. Returns the moment of the
    /// knowledge that the state has now.
    ///
    /// Trap: the moment is sampled before the journal's position. So a state that the moment calls
    /// fresh has everything that was known at it. In the other order, it might lack the records in
    /// between.
    fn catch_up(&mut self) -> Now {
        let known = self.now();
        let known_at = Millis(known.uptime.0.saturating_sub(known.log_age_ms));
        let begun = self.growth.begin();
        if self.node.journal().is_shared() {
            let end = self.node.journal().position();
            self.step(known, Input::Grown(end));
            if self.node.replica().is_degraded() && self.node.replica().position() != end {
                return known;
            }
        }
        self.growth.end(begun, known_at);
        known
    }
}

fn now(clock: &Clock, growth: &Growth) -> Now {
    let uptime = growth.uptime_ms();
    // The age first: what is read of the journal later is never older than this.
    let log_age_ms = clock.age_ms();
    Now { uptime: Millis(uptime), time: clock.now(), log_age_ms }
}

impl Outlet {
    fn perform(&mut self, (clock, times): (&Clock, &Times), replica: &Replica, effect: Effect) {
        let trouble = NotRecorded::Trouble(replica.fault().unwrap_or_default());
        // Sending may fail: a receiver has given up waiting. The evidence counts all the same.
        match effect {
            Effect::Publish(publication) => {
                let (state, gives_agents) = (replica.state(), self.outlets.gives_agents);
                times.publishing(|| {
                    let latest = LatestCount::of(publication, state, gives_agents);
                    self.outlets.latest.publish(latest);
                });
            }
            Effect::Report(lines) => lines.iter().for_each(|line| line.write()),
            Effect::Ask(referee, it) => drop(self.outlets.requests.send((referee, it))),
            Effect::AskSource(at, id, it) => drop(self.outlets.questions.send((at, id, it))),
            Effect::Renew => drop(self.outlets.renewals.send(())),
            Effect::SaveSnapshot(task) => self.snapshots.save(task),
            Effect::Audit(task) => audit(task, self.queue.clone()),
            Effect::Rewritten(ticket, rewritten) => {
                if let Some(Pending::Rewrite(answer)) = self.pending.remove(&ticket) {
                    let _gave_up = answer.send(rewritten);
                }
            }
            Effect::Recorded(ticket, recorded) => match self.pending.remove(&ticket) {
                Some(Pending::Batch(waiting)) => {
                    times.commit(waiting.iter().map(|(_, mark)| mark));
                    let mut each = recorded.map(Vec::into_iter);
                    for (acknowledge, _) in waiting {
                        let done = match &mut each {
                            Ok(each) => each.next().ok_or(NotRecorded::Stopped),
                            Err(_) => Err(trouble),
                        };
                        let _gave_up = acknowledge.send(done);
                    }
                }
                Some(Pending::Evict(id, answer)) => {
                    let now = clock.now().max(replica.state().tracker().now());
                    let evicted = recorded.map_err(|_| trouble);
                    let evicted = evicted.map(|_| match replica.state().tracker().call(&id) {
                        Some(call) => Evicted::Done { call: Box::new(call), now },
                        None => Evicted::Unknown,
                    });
                    let _gave_up = answer.send(evicted);
                }
                Some(Pending::Change(answers)) => {
                    let recorded = recorded.map(drop).map_err(|_| trouble);
                    answers.into_iter().for_each(|it| _ = it.send(recorded));
                }
                Some(Pending::PassOn(it)) => acknowledge(replica, it, &recorded, trouble),
                Some(Pending::Query(_) | Pending::LookUp(..) | Pending::Rewrite(_)) | None => {}
            },
            Effect::Answer(ticket, known) => {
                let known = known.map_err(NotRecorded::from);
                match self.pending.remove(&ticket) {
                    Some(Pending::Query(query)) => {
                        let (state, at) = (replica.state(), replica.position());
                        let now = clock.now().max(state.tracker().now());
                        query(known.map(|()| View { state, now, at }));
                    }
                    Some(Pending::LookUp(id, answer)) => self.look_up(replica, id, answer, known),
                    Some(
                        Pending::Batch(_)
                        | Pending::Evict(..)
                        | Pending::Change(_)
                        | Pending::Rewrite(_)
                        | Pending::PassOn(_),
                    )
                    | None => {}
                }
            }
        }
    }

    fn look_up(
        &mut self,
        replica: &Replica,
        id: CallId,
        answer: Evicting,
        known: Result<(), NotRecorded>,
    ) {
        let calls = replica.state().tracker();
        let phase = calls.call(&id).map(|call| call.phase);
        let refused = match (known, phase) {
            (Err(why), _) => Err(why),
            (Ok(()), None) if calls.has_ended(&id) => Ok(Evicted::OverAlready),
            (Ok(()), None) => Ok(Evicted::Unknown),
            (Ok(()), Some(Phase::Ended(_))) => Ok(Evicted::OverAlready),
            (Ok(()), Some(Phase::Dialing | Phase::Live)) => {
                return self.evictions.push((id, answer));
            }
        };
        let _gave_up = answer.send(refused);
    }
}

#[cfg(test)]
mod tests;
