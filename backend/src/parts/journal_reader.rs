//! Reads the journal beside the writer.

use std::sync::Arc;

use live_users_core::{Call, CallId, Millis};
use live_users_journal::Reader;
use live_users_state::explain::{Pieces, Recalled, pieces, recalled};
use live_users_state::{PastCalls, RecoveryError, Show, Wanted, reaches_back_to};
use log::error;
use parking_lot::Mutex;
use thiserror::Error;

/// A reader of the journal, for one request at a time. Cheap to clone.
#[derive(Clone)]
pub(crate) struct JournalReader(Arc<Mutex<Box<dyn Reader>>>);

/// Why the journal was not read.
#[derive(Clone, Copy, Debug, Error)]
pub(crate) enum Unreadable {
    /// Reading has panicked.
    #[error("the journal's reader has panicked")]
    Panicked,
    /// Reading has failed.
    #[error("the journal cannot be read; the log says why")]
    Failed,
}

impl JournalReader {
    pub(crate) fn new(reader: Box<dyn Reader>) -> Self {
        Self(Arc::new(Mutex::new(reader)))
    }

    /// Finds all evidence about a call.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub(crate) async fn evidence_about(&self, call: &Call) -> Result<Pieces, Unreadable> {
        let (reader, about) = (self.0.clone(), call.clone());
        // Reading the journal blocks.
        let read = tokio::task::spawn_blocking(move || pieces(&mut **reader.lock(), &about));
        let found = read.await.map_err(|_| Unreadable::Panicked)?;
        found.map_err(|why| {
            error!("the journal cannot be read to explain {}: {why}", call.id);
            Unreadable::Failed
        })
    }

    /// Finds a call that ended then and of which no more is known, and all evidence about it.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub(crate) async fn recall(
        &self,
        id: &CallId,
        end: Millis,
    ) -> Result<Option<Recalled>, Unreadable> {
        let (reader, about) = (self.0.clone(), id.clone());
        let read = tokio::task::spawn_blocking(move || recalled(&mut **reader.lock(), &about, end));
        let found = read.await.map_err(|_| Unreadable::Panicked)?;
        found.map_err(|why| {
            error!("the journal cannot be read to explain {id}: {why}");
            Unreadable::Failed
        })
    }

    /// Whether the journal has all that was said since this moment.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub(crate) async fn reaches_back_to(&self, at: Millis) -> Result<bool, Unreadable> {
        self.exporting(move |reader| reaches_back_to(reader, at)).await
    }

    /// Calls that are over and were first heard of at this moment or later, by the records up to this one.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub(crate) async fn past_calls<T: Send + 'static>(
        &self,
        range: (Millis, u64),
        wanted: Wanted,
        show: Show<T>,
    ) -> Result<PastCalls<T>, Unreadable> {
        self.exporting(move |reader| PastCalls::begin(reader, range, wanted, show)).await
    }

    /// The next of these calls, at least one. `None` if there are no more.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub(crate) async fn read_on<T: Send + 'static>(
        &self,
        mut past: PastCalls<T>,
    ) -> Result<(PastCalls<T>, Option<Vec<T>>), Unreadable> {
        loop {
            // Page by page: others read the journal meanwhile.
            let (same, told) =
                self.exporting(move |reader| past.read_on(reader).map(|told| (past, told))).await?;
            if told.as_ref().is_none_or(|told| !told.is_empty()) {
                return Ok((same, told));
            }
            past = same;
        }
    }

    async fn exporting<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut dyn Reader) -> Result<T, RecoveryError> + Send + 'static,
    ) -> Result<T, Unreadable> {
        let reader = self.0.clone();
        let read = tokio::task::spawn_blocking(move || read(&mut **reader.lock()));
        read.await.map_err(|_| Unreadable::Panicked)?.map_err(|why| {
            error!("the journal cannot be read to export calls: {why}");
            Unreadable::Failed
        })
    }
}
