//! One of the shards of a process, or the only one: its parts, and what runs beside the requests.

use std::io;
use std::thread::JoinHandle;

use live_users_http_kit::AllowedOrigins;
use live_users_journal::{Lease, ReplicationStatus};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::app_data::Parts;
use super::counting::{Asking, Counting};
use super::lasting::Lasting;
use crate::parts::shards::Shards;
use crate::tasks::delivering::{self, Delivering};
use crate::tasks::hooks::{Means, Telling};
use crate::tasks::total_frames::FramesOfWriter;
use crate::tasks::{
    alerts, doubting, leadership, marking, publishing, reconciliation, scoped_publishing,
    source_asking, warnings,
};

/// A shard that is not at work yet.
pub(super) struct Shard {
    pub(super) parts: Parts,
    mark: Option<live_users_state::ShardMark>,
    thread: JoinHandle<()>,
    lease: Box<dyn Lease>,
    renewals: UnboundedReceiver<()>,
    replication_status: ReplicationStatus,
    asking: Asking,
    frames: FramesOfWriter,
}

/// What runs beside the requests.
pub(super) struct Running {
    tasks: Vec<AbortHandle>,
    telling: Telling,
    delivering: Delivering,
    rest: Drained,
}

/// What ends last.
pub(super) struct Drained {
    parts: Parts,
    thread: JoinHandle<()>,
    leading: AbortHandle,
}

impl Shard {
    /// With the parts that all shards share, which the first one has made.
    pub(super) fn of(
        counting: Counting,
        lasting: Lasting,
        (all, first): (&Shards, Option<&Parts>),
    ) -> io::Result<(Self, AllowedOrigins)> {
        let Counting { config, queue, status, reading, thread, lease, renewals, .. } = counting;
        let mark = config.mark();
        let reading = (reading, all.clone());
        let (parts, origins) = Parts::of(config, lasting, (queue, status), reading)?;
        let parts = match first {
            Some(first) => parts.sharing(first),
            None => parts,
        };
        let (replication_status, asking) = (counting.replication_status, counting.asking);
        let frames = counting.frames;
        let shard =
            Self { parts, mark, thread, lease, renewals, replication_status, asking, frames };
        Ok((shard, origins))
    }

    /// Starts what runs beside the requests.
    pub(super) fn start(self) -> io::Result<Running> {
        let Self { parts, mark, thread, lease, renewals, replication_status, asking, frames } =
            self;
        let mut tasks = spawn_tasks(&parts, replication_status, asking, &frames);
        if let Some(mark) = mark {
            let marking = marking::run(mark, parts.latest.clone(), parts.queue.clone());
            tasks.push(tokio::spawn(marking).abort_handle());
        }
        let (queue, agents) = (&parts.queue, &parts.agents);
        let delivering = Delivering::start(delivering::Means {
            queue: queue.clone(),
            status: parts.status.clone(),
            agents: agents.clone(),
            signer: parts.webhooks.passing.signer.clone(),
            passing_on: parts.figures.passing_on.clone(),
        });
        let leading = tokio::spawn(leadership::run(lease, renewals, queue.clone())).abort_handle();
        let telling = Telling::start(
            Means {
                queue: queue.clone(),
                latest: parts.latest.clone(),
                status: parts.status.clone(),
                deliveries: parts.summarizer.deliveries.clone(),
                values: parts.alert_values.clone(),
            },
            agents.hooks(),
        )?;
        Ok(Running { tasks, telling, delivering, rest: Drained { parts, thread, leading } })
    }
}

impl Running {
    /// Ends what works on the queue, by this moment.
    pub(super) async fn drain(self, until: Instant) -> Drained {
        self.tasks.iter().for_each(AbortHandle::abort);
        self.telling.stop().await;
        self.delivering.stop(until).await;
        self.rest
    }
}

impl Drained {
    /// Finishes the work in the queue.
    ///
    /// # Errors
    /// That the writer has panicked.
    pub(super) async fn finish(self) -> io::Result<()> {
        self.parts.queue.stop().await;
        let finished = self.thread.join().map_err(|_| io::Error::other("the writer has panicked"));
        // Last, so that no other replica leads while this one still does what a leader does.
        self.leading.abort();
        finished
    }
}

/// Starts the tasks that may end at any moment.
fn spawn_tasks(
    parts: &Parts,
    replication_status: ReplicationStatus,
    (apis, requests, questions): Asking,
    frames: &FramesOfWriter,
) -> Vec<AbortHandle> {
    let (queue, latest, agents) = (&parts.queue, &parts.latest, &parts.agents);
    let known = (latest, &parts.doubt);
    let publishing = publishing::start(&parts.streams, known, (&parts.summarizer, queue), frames);
    let scoped = scoped_publishing::start(&parts.streams, known, &parts.summarizer, queue);
    let suspect_after_ms = parts.rules.doubt.suspect_after_ms;
    let doubt = parts.doubt.clone();
    let doubting = doubting::run(doubt, latest.clone(), queue.clone(), suspect_after_ms);
    let alerting = alerts::run(alerts::Means {
        queue: queue.clone(),
        latest: latest.clone(),
        status: parts.status.clone(),
        agents: agents.clone(),
        rules: parts.rules,
        values: parts.alert_values.clone(),
    });
    let reconciling = reconciliation::run(apis, requests, (queue.clone(), parts.shards.clone()));
    let tasks = [
        tokio::spawn(doubting).abort_handle(),
        tokio::spawn(alerting).abort_handle(),
        tokio::spawn(warnings::run(replication_status)).abort_handle(),
        tokio::spawn(reconciling).abort_handle(),
        tokio::spawn(source_asking::run(agents.clone(), questions, queue.clone())).abort_handle(),
    ];
    let streams = publishing.iter().chain(&scoped).map(|task| task.abort_handle());
    streams.chain(tasks).collect()
}
