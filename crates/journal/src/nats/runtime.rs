//! The runtime behind an open log, for callers that block.

use std::future::Future;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use tokio::runtime;

use super::address::NatsAddress;
use super::fault::Fault;
use super::follower;
use super::log::Log;
use super::watch::watch;
use crate::JournalError;
use crate::nats::Clock;

/// Keeps a log open. All handles of a log share one. Its tasks end with it.
pub(super) struct Runtime {
    /// `None` only during the drop.
    tokio: Option<runtime::Runtime>,
    pub(super) log: Arc<Log>,
}

impl Runtime {
    pub(super) fn open(address: NatsAddress, clock: Clock) -> Result<Self, JournalError> {
        let tokio = runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("journal")
            .enable_all()
            .build()
            .map_err(|error| JournalError::Engine {
                doing: "starting a thread".to_owned(),
                why: error.to_string(),
            })?;
        let (sender, receiver) = sync_channel(1);
        tokio.spawn(async move {
            let opened = Log::open(&address, clock).await.map(|log| (log, address));
            let _nobody_may_wait = sender.send(opened);
        });
        let opened = receiver.recv().expect("opening ends, as each step of it is bounded");
        let (log, address) = match opened {
            Ok((log, address)) => (Arc::new(log), address),
            Err(error) => {
                tokio.shutdown_background();
                return Err(error);
            }
        };
        tokio.spawn(follower::follow(log.clone()));
        tokio.spawn(follower::poll(log.clone()));
        tokio.spawn(watch(log.clone(), address));
        Ok(Self { tokio: Some(tokio), log })
    }

    /// Runs a request, and waits for its result for at most this long. Trap: it blocks, so it must
    /// not be called on a runtime.
    pub(super) fn wait<T: Send + 'static>(
        &self,
        limit: Duration,
        asking: impl Future<Output = Result<T, Fault>> + Send + 'static,
    ) -> Result<T, Fault> {
        let tokio = self.tokio.as_ref().expect("it is there until it is dropped");
        let (sender, receiver) = sync_channel(1);
        let task = tokio.spawn(async move {
            let _nobody_may_wait = sender.send(asking.await);
        });
        receiver.recv_timeout(limit).unwrap_or_else(|_| {
            task.abort();
            Err(Fault::Silent("no answer in time".to_owned()))
        })
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if let Some(tokio) = self.tokio.take() {
            // Without waiting, so that any thread may drop it, also one of a runtime.
            tokio.shutdown_background();
        }
    }
}
