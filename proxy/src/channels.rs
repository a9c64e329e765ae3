//! What is published of one view of the calls: of all of them, or of what one token sees.

use std::sync::atomic::{AtomicBool, Ordering};

use live_users_broadcast::{Latest, SlotState};

/// The values of one view, each for its readers.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    /// The total.
    pub(crate) total: Latest,
    /// The summary, for admins.
    pub(crate) summary: Latest,
    /// The same as a snapshot and changes.
    pub(crate) changes: Latest,
    /// Nobody may read it any more.
    has_ended: AtomicBool,
}

impl Channels {
    /// Resolves when somebody reads.
    pub(crate) async fn has_readers(&self) {
        tokio::select! {
            () = self.total.has_readers() => {}
            () = self.summary.has_readers() => {}
            () = self.changes.has_readers() => {}
        }
    }

    /// Resolves when nobody reads, of one kind after the other.
    pub(crate) async fn has_no_readers(&self) {
        self.total.has_no_readers().await;
        self.summary.has_no_readers().await;
        self.changes.has_no_readers().await;
    }

    /// Resolves when somebody reads whole summaries and has got none.
    pub(crate) async fn lack_summary(&self) {
        is_lacked(&self.summary).await;
    }

    /// The same of summaries in either form.
    pub(crate) async fn lack_any_summary(&self) {
        tokio::select! {
            () = is_lacked(&self.summary) => {}
            () = is_lacked(&self.changes) => {}
        }
    }

    /// The summary in the form that is asked for.
    pub(crate) fn summary(&self, as_changes: bool) -> &Latest {
        if as_changes { &self.changes } else { &self.summary }
    }

    /// Takes back what is published: it is no longer known to be true.
    pub(crate) fn clear(&self) {
        self.total.clear();
        self.summary.clear();
        self.changes.clear();
    }

    /// Ends all streams.
    pub(crate) fn close(&self) {
        self.total.close();
        self.summary.close();
        self.changes.close();
    }

    /// Takes the right to read from all who read.
    pub(crate) fn end(&self) {
        self.has_ended.store(true, Ordering::Release);
        // Readers look when something changes.
        self.clear();
    }

    /// Whether nobody may read it any more.
    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Acquire)
    }
}

/// Resolves when somebody reads this and has got nothing.
async fn is_lacked(slot: &Latest) {
    if slot.is_read() && !matches!(slot.now(), SlotState::Nothing) {
        std::future::pending::<()>().await;
    }
    slot.has_readers().await;
}
