//! The frames that streams send, and the limit on their number.

use std::collections::BTreeMap;
use std::sync::Arc;

use live_users_broadcast::{ConnectionLimit, Latest};
use live_users_http_kit::{AllowedOrigins, StreamsMax};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::selection::Selection;

/// The frames that streams send, and the limit on their number.
pub(crate) struct Streams {
    pub(crate) total: Latest,
    pub(crate) summary: Latest,
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
    pub(crate) summary: Latest,
}

impl Streams {
    pub(crate) fn new(max: StreamsMax, origins: AllowedOrigins) -> Self {
        let connections = ConnectionLimit::new(max.public).reserving(max.reserved);
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
