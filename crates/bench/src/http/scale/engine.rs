//! NATS services, and what they do without a journal on top.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, ensure};
use async_nats::jetstream::{self, Context, stream};
use bytes::Bytes;
use live_users_testkit::{Nats, NatsLimits, NatsVersion};
use tokio::runtime::Runtime;

/// Publishes that are under way at once, without one waiting for the one before.
pub(super) const IN_FLIGHT: usize = 64;

/// How long bare publishes are measured.
const BARE: Duration = Duration::from_secs(2);

/// The first version that can sync each message before it acknowledges it.
const SYNCS_SINCE: (u32, u32) = (2, 10);

/// A service of real servers.
pub(super) struct Engine {
    pub(super) nats: Nats,
    /// What it is called in the table.
    pub(super) name: String,
    pub(super) syncs_always: bool,
    context: Context,
    runtime: Runtime,
}

/// What is in a log.
pub(super) struct Log {
    pub(super) messages: u64,
    pub(super) bytes: u64,
}

/// One server and three, as the version that is installed syncs by default, and three that sync
/// always if it can.
pub(super) fn all() -> Result<Vec<Engine>> {
    let version = NatsVersion::newest();
    let number =
        version.number().context("nats-server is not installed: run `cargo xtask setup`")?;
    let start = |servers, syncs_always| Engine::start(servers, syncs_always, (version, &number));
    let mut engines = vec![start(1, false)?, start(3, false)?];
    if can_sync_always(&number)? {
        engines.push(start(3, true)?);
    }
    Ok(engines)
}

impl Engine {
    fn start(
        servers: usize,
        syncs_always: bool,
        (version, number): (NatsVersion, &str),
    ) -> Result<Self> {
        let limits = NatsLimits { version, syncs_always, ..NatsLimits::default() };
        let nats = Nats::with(servers, limits);
        // A thread of its own, which answers the server's pings between the rounds too.
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build()?;
        let context = runtime.block_on(async {
            let client = async_nats::connect(nats.address(0)).await?;
            anyhow::Ok(jetstream::new(client))
        })?;
        let nodes = if servers == 1 { "1 node".to_owned() } else { format!("{servers} nodes") };
        let sync = if syncs_always { "synced always" } else { "synced every 2 minutes" };
        let name = format!("NATS {number} on {nodes}, {sync}");
        Ok(Self { nats, name, syncs_always, context, runtime })
    }

    pub(super) fn is_cluster(&self) -> bool {
        self.nats.count() > 1
    }

    /// What is in the log of a journal.
    pub(super) fn log(&self, journal: &str) -> Result<Log> {
        let stream = self.runtime.block_on(self.context.get_stream(stream_of(journal, "log")))?;
        let state = &stream.cached_info().state;
        ensure!(state.messages > 0, "nothing is in the log of {journal}");
        Ok(Log { messages: state.messages, bytes: state.bytes })
    }

    /// Removes a journal, so that the next one does not share the disk with it.
    pub(super) fn forget(&self, journal: &str) -> Result<()> {
        for what in ["log", "state", "parts", "leases"] {
            self.runtime.block_on(self.context.delete_stream(stream_of(journal, what)))?;
        }
        Ok(())
    }

    /// Messages of this size that are acknowledged in a second.
    pub(super) fn bare_per_s(&self, bytes: usize) -> Result<f64> {
        self.runtime.block_on(async {
            let (name, num_replicas) = ("bare".to_owned(), self.nats.count());
            let config = stream::Config { name, num_replicas, ..Default::default() };
            self.context.create_stream(config).await?;
            let payload = Bytes::from(vec![b'x'; bytes]);
            let begin = Instant::now();
            let (mut under_way, mut acknowledged) = (VecDeque::new(), 0);
            while begin.elapsed() < BARE {
                if under_way.len() == IN_FLIGHT {
                    under_way.pop_front().context("one is under way")?.await?;
                    acknowledged += 1;
                }
                under_way.push_back(self.context.publish("bare", payload.clone()).await?);
            }
            for publish in under_way {
                publish.await?;
                acknowledged += 1;
            }
            let per_s = f64::from(acknowledged) / begin.elapsed().as_secs_f64();
            self.context.delete_stream("bare").await?;
            Ok(per_s)
        })
    }
}

fn stream_of(journal: &str, what: &str) -> String {
    format!("live-users-{journal}-{what}")
}

fn can_sync_always(version: &str) -> Result<bool> {
    let mut numbers = version.split('.').map_while(|it| it.parse().ok());
    let odd = || anyhow!("a version of nats-server: {version:?}");
    let (major, minor) = (numbers.next().ok_or_else(odd)?, numbers.next().ok_or_else(odd)?);
    Ok((major, minor) >= SYNCS_SINCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_since_2_10_can_sync_always() {
        for (version, can) in
            [("2.9.10", false), ("2.10.27", true), ("2.15.1", true), ("3.0", true)]
        {
            assert_eq!(can_sync_always(version).unwrap(), can, "{version}");
        }
        assert!(can_sync_always("").is_err());
    }
}
