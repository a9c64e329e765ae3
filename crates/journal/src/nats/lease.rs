//! A lease: an entry that ends by itself unless whoever made it renews it.

use std::sync::Arc;
use std::time::Duration;

use super::engine::Engine;
use super::fault::Fault;
use super::log::Log;
use crate::{JournalError, LEASE_MS, Lease};

const EXPECTED: &str = "Nats-Expected-Last-Subject-Sequence";

/// How long one answer is waited for: a third of the time between two calls, or so.
const PATIENCE: Duration = Duration::from_millis(LEASE_MS / 4);

pub(super) struct NatsLease {
    engine: Arc<Engine>,
    subject: String,
    /// Drawn by this handle.
    own: String,
    /// The message that is its entry.
    held: Option<u64>,
}

impl NatsLease {
    pub(super) fn new(engine: &Arc<Engine>, name: &str) -> Result<Self, JournalError> {
        let is_plain = |it: char| it.is_ascii_alphanumeric() || it == '-';
        if name.is_empty() || !name.chars().all(is_plain) {
            let why = format!("a lease `{name}`: expected a name of letters, digits and -");
            return Err(JournalError::Refused { why });
        }
        Ok(Self {
            engine: engine.clone(),
            subject: engine.log.names.lease_subject(name),
            own: format!("{:016x}", super::draw()?),
            held: None,
        })
    }
}

impl Lease for NatsLease {
    fn hold(&mut self) -> Result<bool, JournalError> {
        let (log, subject, own) = (self.engine.log.clone(), self.subject.clone(), self.own.clone());
        let taken = self.engine.wait(PATIENCE, async move { take(&log, &subject, own).await });
        let taken = taken.map_err(|fault| fault.into_error("taking a lease"))?;
        self.held = taken;
        Ok(taken.is_some())
    }

    fn release(&mut self) {
        let Some(number) = self.held.take() else { return };
        let log = self.engine.log.clone();
        let released = self.engine.wait(PATIENCE, async move {
            // By its number, so that an entry of another holder stays.
            log.service.remove(&log.names.leases, number).await
        });
        let _or_it_ends_by_itself = released;
    }
}

/// The number of the entry if it could be made.
async fn take(log: &Log, subject: &str, own: String) -> Result<Option<u64>, Fault> {
    let revision = match log.service.last(&log.names.leases, subject).await? {
        Some(entry) if entry.payload != own.as_bytes() => return Ok(None),
        Some(own) => own.message,
        None => 0,
    };
    let expected = Some((EXPECTED, revision));
    let number = match log.service.publish(subject, expected, None, own.into()).await {
        Ok(number) => number,
        Err(Fault::Conflict) => return Ok(None),
        Err(fault) => return Err(fault),
    };
    // Older servers may let two through that are under way at once: the later one has it.
    let newest = log.service.last(&log.names.leases, subject).await?;
    Ok(newest.filter(|it| it.message == number).map(|it| it.message))
}
