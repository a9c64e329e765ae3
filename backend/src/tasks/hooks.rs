//! Tells the hooks: our own webhooks out. Only the backend that leads does so, of all that share a
//! journal.
//!
//! What happens to calls waits in the state, and how far each hook was told is a record. So whoever
//! leads next goes on there, and a hook is told everything at least once and in order.

mod alert_message;
mod alert_news;
pub(crate) mod keeper;
mod lost;
mod means;
mod message;
mod sending;
mod serving;
mod waiting;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use live_users_http_kit::http_client;
use live_users_state::Told;
use log::{debug, warn};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::sleep;

pub(crate) use self::means::Means;
use self::means::PAUSE;
use self::sending::Sender;
use self::serving::{Progress, Serving};
use crate::parts::deliveries::Recipient;
use crate::parts::hooks::{Hook, Hooks};
use crate::parts::replica_status::StatusReader;
use crate::parts::user_agent::USER_AGENT;

/// The longest time for connecting.
const CONNECT: Duration = Duration::from_secs(5);

/// The task that tells all hooks.
pub(crate) struct Telling {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// The tasks of the hooks, each with how far it is.
struct Tasks(Vec<(Arc<Hook>, Arc<Progress>, JoinHandle<()>)>);

impl Telling {
    /// Starts to tell the hooks.
    ///
    /// # Errors
    /// The system's own.
    pub(crate) fn start(means: Means, hooks: watch::Receiver<Hooks>) -> io::Result<Self> {
        let sender = Sender::new(http_client(USER_AGENT, CONNECT)?, means.queue.clock().clone())?;
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(run(means, sender, hooks, stopped));
        Ok(Self { stop, task })
    }

    /// Stops, and records how far each hook was told. What waits is told after the next start.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        let _panicked = self.task.await;
    }
}

async fn run(
    means: Means,
    sender: Sender,
    mut configured: watch::Receiver<Hooks>,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut status = means.status.clone();
    let (mut hooks, mut tasks) = (Hooks::default(), Tasks(Vec::new()));
    loop {
        let led = status.get_seen().leads;
        let wanted = if led { configured.borrow_and_update().clone() } else { Hooks::default() };
        if !is_same(&hooks, &wanted) {
            tasks.end(&means).await;
            for hook in hooks.iter().filter(|it| !wanted.iter().any(|other| other.id() == it.id()))
            {
                means.deliveries.forget(&Recipient::Hook(hook.id().to_owned()));
            }
            tasks = Tasks::start(&means, &sender, &wanted);
            hooks = wanted;
        }
        let is_unsaid = led && forget_gone(&means, &hooks).await.is_err();
        let is_over = tokio::select! {
            _ = &mut stopped => true,
            changed = configured.changed() => changed.is_err(),
            () = sleep(PAUSE), if is_unsaid => false,
            is_another = led_otherwise(&mut status, led) => !is_another,
        };
        if is_over {
            return tasks.end(&means).await;
        }
    }
}

fn is_same(one: &Hooks, other: &Hooks) -> bool {
    one.iter().map(|hook| &hook.table).eq(other.iter().map(|hook| &hook.table))
}

/// Returns when this replica leads and did not, or the other way round; `false` if it ends.
async fn led_otherwise(status: &mut StatusReader, led: bool) -> bool {
    while status.changed().await {
        if status.get().leads != led {
            return true;
        }
    }
    false
}

/// Records that hooks are gone which the file does not have any more. Nothing waits for them.
async fn forget_gone(means: &Means, hooks: &Hooks) -> Result<(), ()> {
    let known = means.queue.query(|view| {
        let known = view.state.outbox().hooks().map(|(id, _)| id.clone());
        known.collect::<Vec<_>>()
    });
    let known = known.await.map_err(|why| debug!("the hooks are not known: {why}"))?;
    let is_gone = |id: &Arc<str>| !hooks.iter().any(|hook| hook.id() == &**id);
    let gone = known.into_iter().filter(is_gone).map(|hook| Told { hook, cursor: None });
    let gone: Vec<_> = gone.collect();
    if gone.is_empty() {
        return Ok(());
    }
    let recorded = means.queue.record_told(gone).await;
    recorded.map_err(|why| debug!("that hooks are gone is not recorded: {why}"))
}

impl Tasks {
    fn start(means: &Means, sender: &Sender, hooks: &Hooks) -> Self {
        let started = hooks.iter().map(|hook| {
            let progress = Arc::default();
            means.deliveries.note(&Recipient::Hook(hook.id().to_owned()), |_| ());
            let serving = Serving::new(hook.clone(), means.clone(), sender.clone(), &progress);
            (hook.clone(), progress, tokio::spawn(serving.run()))
        });
        Self(started.collect())
    }

    /// Ends them, and records how far they are. A request that is under way may be made again.
    async fn end(&mut self, means: &Means) {
        let mut told = Vec::new();
        for (hook, progress, task) in self.0.drain(..) {
            task.abort();
            let _aborted = task.await;
            told.extend(
                progress
                    .unrecorded()
                    .map(|cursor| Told { hook: hook.id().into(), cursor: Some(cursor) }),
            );
        }
        // Another replica may have gone on from where the records say.
        if told.is_empty() || !means.status.get().leads {
            return;
        }
        if let Err(why) = means.queue.record_told(told).await {
            warn!("how far hooks were told is not recorded, so some are told again: {why}");
        }
    }
}
