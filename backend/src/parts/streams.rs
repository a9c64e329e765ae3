//! The frames that streams send, and the limit on their number.

use std::collections::BTreeMap;
use std::sync::Arc;

use live_users_broadcast::{ConnectionLimit, Latest, SlotState};
use live_users_http_kit::{AllowedOrigins, StreamsMax};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::selection::Selection;

/// The frames that streams send, and the limit on their number.
pub(crate) struct Streams {
    pub(crate) total: Latest,
    pub(crate) summary: SummarySlots,
    pub(crate) connections: ConnectionLimit,
    pub(crate) origins: AllowedOrigins,
    scoped: Mutex<Scoped>,
    /// Woken when somebody begins to read the total of what is selected, which is not everything.
    pub(crate) total_came: Notify,
    /// The same of its summary.
    pub(crate) summary_came: Notify,
}

#[derive(Default)]
struct Scoped {
    /// One of each selection that was ever read, until the process ends. Tokens and links that open the
    /// same share it; one of an agent that may be read is another selection.
    slots: BTreeMap<Selection, Arc<ScopedStreams>>,
    is_closed: bool,
}

/// The frames of the calls that are selected, or of as much of all as a link shows. Where one agent is
/// asked for, nothing is published to the summary.
pub(crate) struct ScopedStreams {
    pub(crate) selection: Selection,
    pub(crate) total: Latest,
    pub(crate) summary: SummarySlots,
}

/// The frames of a summary, in the two forms in which it can be asked for.
#[derive(Default)]
pub(crate) struct SummarySlots {
    /// Each frame is a summary.
    pub(crate) whole: Latest,
    /// A snapshot, then changes.
    pub(crate) changes: Latest,
}

impl SummarySlots {
    /// The frames of the form that is asked for.
    pub(crate) fn of(&self, as_changes: bool) -> &Latest {
        if as_changes { &self.changes } else { &self.whole }
    }

    /// Whether there is a reader of either form.
    pub(crate) fn is_read(&self) -> bool {
        self.whole.is_read() || self.changes.is_read()
    }

    /// Resolves when there is a reader of either form.
    pub(crate) async fn has_readers(&self) {
        tokio::select! {
            () = self.whole.has_readers() => {}
            () = self.changes.has_readers() => {}
        }
    }

    /// Resolves when one of the forms has got its first reader, or has lost its last one.
    pub(crate) async fn is_read_otherwise(&self) {
        tokio::select! {
            () = otherwise(&self.whole) => {}
            () = otherwise(&self.changes) => {}
        }
    }

    /// Whether there is a reader that has got no frame.
    pub(crate) fn lacks_frame(&self) -> bool {
        [&self.whole, &self.changes]
            .into_iter()
            .any(|slot| slot.is_read() && matches!(slot.now(), SlotState::Nothing))
    }

    /// Removes the frames of both, because they may no longer be true.
    pub(crate) fn clear(&self) {
        self.whole.clear();
        self.changes.clear();
    }

    fn close(&self) {
        self.whole.close();
        self.changes.close();
    }
}

async fn otherwise(slot: &Latest) {
    if slot.is_read() { slot.has_no_readers().await } else { slot.has_readers().await }
}

impl Streams {
    pub(crate) fn new(max: StreamsMax, origins: AllowedOrigins) -> Self {
        let connections = ConnectionLimit::new(max.public).reserving(max.reserved);
        let (total, summary, scoped) = <_>::default();
        let (total_came, summary_came) = <_>::default();
        Self { total, summary, connections, origins, scoped, total_came, summary_came }
    }

    /// Streams of other frames, within the same limit.
    pub(crate) fn limited_as(&self, first: &Self) -> Self {
        let (connections, origins) = (first.connections.clone(), self.origins.clone());
        let (total, summary, scoped) = <_>::default();
        let (total_came, summary_came) = <_>::default();
        Self { total, summary, connections, origins, scoped, total_came, summary_came }
    }

    /// The frames of what is selected, which is not everything.
    pub(crate) fn of(&self, selection: &Selection) -> Arc<ScopedStreams> {
        let mut scoped = self.scoped.lock();
        let Scoped { slots, is_closed } = &mut *scoped;
        let slot = slots.entry(selection.clone()).or_insert_with(|| {
            let (total, summary) = <_>::default();
            Arc::new(ScopedStreams { selection: selection.clone(), total, summary })
        });
        if *is_closed {
            slot.close();
        }
        slot.clone()
    }

    /// The frames of all selections.
    pub(crate) fn scoped(&self) -> Vec<Arc<ScopedStreams>> {
        self.scoped.lock().slots.values().cloned().collect()
    }

    /// Ends all streams.
    pub(crate) fn close(&self) {
        self.total.close();
        self.summary.close();
        let mut scoped = self.scoped.lock();
        scoped.is_closed = true;
        scoped.slots.values().for_each(|slot| slot.close());
    }
}

impl ScopedStreams {
    fn close(&self) {
        self.total.close();
        self.summary.close();
    }
}
