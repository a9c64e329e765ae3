//! The streams beside the log. One that was lost is made again.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::super::fault::Fault;
use super::super::log::Log;
use crate::{JournalError, LEASE_MS, WarningKind};

/// When each missing stream was missed first.
#[derive(Default)]
pub(super) struct Streams(BTreeMap<String, Instant>);

impl Streams {
    /// Makes a stream again when it has been missed for as long as a lease holds. A holder whose
    /// entry was lost with the stream has stopped by then, so two never hold one lease.
    pub(super) async fn look(&mut self, log: &Log) {
        for config in log.subjects.other_configs() {
            match log.client.info(&config.name).await {
                Err(Fault::NoStream) => {
                    let missed = *self.0.entry(config.name.clone()).or_insert_with(Instant::now);
                    if missed.elapsed() >= Duration::from_millis(LEASE_MS) {
                        let made: Result<_, JournalError> = log.client.ensure(&config).await;
                        if made.is_ok() {
                            self.0.remove(&config.name);
                        }
                    }
                }
                Ok(_) => drop(self.0.remove(&config.name)),
                // Another trouble, which the log has too.
                Err(_) => {}
            }
        }
        log.status.set_warning(WarningKind::LostStream, self.warning());
    }

    fn warning(&self) -> Option<String> {
        let names: Vec<_> = self.0.keys().map(String::as_str).collect();
        (!names.is_empty()).then(|| {
            format!(
                "the NATS service has lost {}: it is made again after {} s; see who deletes \
                 streams, and look at its disks. Meanwhile nobody leads without a stream of leases, \
                 and no snapshot is saved or found without the others",
                names.join(" and "),
                LEASE_MS / 1_000
            )
        })
    }
}
