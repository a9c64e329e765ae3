//! A lease: an entry that the service removes unless its holder renews it.

use std::sync::Arc;
use std::time::Duration;

use super::fault::Fault;
use super::log::Log;
use super::runtime::Runtime;
use crate::{JournalError, LEASE_MS, Lease};

const EXPECTED: &str = "Nats-Expected-Last-Subject-Sequence";

/// How long one request may take: less than a third of the lease, after which it is renewed.
const PATIENCE: Duration = Duration::from_millis(LEASE_MS / 4);

pub(super) struct NatsLease {
    runtime: Arc<Runtime>,
    subject: String,
    /// The random name of this handle.
    own: String,
    /// The number of the message that is its entry.
    held: Option<u64>,
}

impl NatsLease {
    pub(super) fn new(runtime: &Arc<Runtime>, name: &str) -> Result<Self, JournalError> {
        let is_plain = |it: char| it.is_ascii_alphanumeric() || it == '-';
        if name.is_empty() || !name.chars().all(is_plain) {
            let why = format!("a lease `{name}`: expected a name of letters, digits and -");
            return Err(JournalError::Refused { why });
        }
        Ok(Self {
            runtime: runtime.clone(),
            subject: runtime.log.subjects.lease_subject(name),
            own: format!("{:016x}", super::draw()?),
            held: None,
        })
    }
}

impl Lease for NatsLease {
    fn hold(&mut self) -> Result<bool, JournalError> {
        let (log, subject, own) =
            (self.runtime.log.clone(), self.subject.clone(), self.own.clone());
        let taken = self.runtime.wait(PATIENCE, async move { take(&log, &subject, own).await });
        let taken = taken.map_err(|fault| fault.into_error("taking a lease"))?;
        self.held = taken;
        Ok(taken.is_some())
    }

    fn release(&mut self) {
        let Some(number) = self.held.take() else { return };
        let log = self.runtime.log.clone();
        let released = self.runtime.wait(PATIENCE, async move {
            // By its number, so that an entry of another holder is not removed.
            log.client.remove(&log.subjects.leases, number).await
        });
        let _or_it_ends_by_itself = released;
    }
}

/// Creates or renews the entry. Returns its number, or `None` if another holder has one.
async fn take(log: &Log, subject: &str, own: String) -> Result<Option<u64>, Fault> {
    let revision = match log.client.last(&log.subjects.leases, subject).await? {
        Some(entry) if entry.payload != own.as_bytes() => return Ok(None),
        Some(own) => own.message,
        None => 0,
    };
    let expected = Some((EXPECTED, revision));
    let number = match log.client.publish(subject, expected, None, own.into()).await {
        Ok(number) => number,
        Err(Fault::Conflict) => return Ok(None),
        Err(fault) => return Err(fault),
    };
    // Older servers may accept two entries at the same moment. The later one holds the lease.
    let newest = log.client.last(&log.subjects.leases, subject).await?;
    Ok(newest.filter(|it| it.message == number).map(|it| it.message))
}
