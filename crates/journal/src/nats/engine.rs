//! The threads behind a log that is opened here, for callers that block.

use std::future::Future;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use super::address::NatsAddress;
use super::fault::Fault;
use super::log::Log;
use super::tail;
use crate::JournalError;
use crate::nats::Clock;

/// What keeps a log open: all handles of it share one.
pub(super) struct Engine {
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
    pub(super) log: Arc<Log>,
}

impl Engine {
    pub(super) fn open(address: NatsAddress, clock: Clock) -> Result<Self, JournalError> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("journal")
            .enable_all()
            .build()
            .map_err(|error| JournalError::Engine {
                doing: "starting a thread".to_owned(),
                why: error.to_string(),
            })?;
        let (sender, receiver) = sync_channel(1);
        runtime.spawn(async move {
            let _nobody_may_wait = sender.send(Log::open(&address, clock).await);
        });
        let opened = receiver.recv().expect("opening ends, as each step of it is bounded");
        let log = match opened {
            Ok(log) => Arc::new(log),
            Err(error) => {
                runtime.shutdown_background();
                return Err(error);
            }
        };
        runtime.spawn(tail::follow(log.clone()));
        runtime.spawn(tail::ask(log.clone()));
        Ok(Self { runtime: Some(runtime), log })
    }

    /// Waits for something that the service is asked, for this long at most.
    pub(super) fn wait<T: Send + 'static>(
        &self,
        limit: Duration,
        asking: impl Future<Output = Result<T, Fault>> + Send + 'static,
    ) -> Result<T, Fault> {
        let runtime = self.runtime.as_ref().expect("it is there until it is dropped");
        let (sender, receiver) = sync_channel(1);
        let task = runtime.spawn(async move {
            let _nobody_may_wait = sender.send(asking.await);
        });
        receiver.recv_timeout(limit).unwrap_or_else(|_| {
            task.abort();
            Err(Fault::Silent("no answer in time".to_owned()))
        })
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Without waiting, so that it can be done from any thread.
            runtime.shutdown_background();
        }
    }
}
