//! What an operator should look into, although records are appended and read.

use std::collections::BTreeMap;

use parking_lot::Mutex;

/// What a warning about the service of a shared log is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WarningKind {
    /// A server is older than the journal asks for.
    OldServers,
    /// Some servers have versions whose copies of a log may come to differ.
    MixedServers,
    /// A server of the address cannot be reached.
    UnreachableServers,
    /// A copy of the log lacks a record that others have had for long.
    IncompleteCopy,
    /// Two copies of the log have different records in one place: numbers may be wrong.
    DifferentCopies,
    /// The service gives no consumer, so records of other replicas come late.
    NoConsumer,
    /// A stream beside the log was lost, and is made again.
    LostStream,
}

impl WarningKind {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::OldServers,
        Self::MixedServers,
        Self::UnreachableServers,
        Self::IncompleteCopy,
        Self::DifferentCopies,
        Self::NoConsumer,
        Self::LostStream,
    ];

    /// The word for it, for a metric.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::OldServers => "old_servers",
            Self::MixedServers => "mixed_servers",
            Self::UnreachableServers => "unreachable_servers",
            Self::IncompleteCopy => "incomplete_copy",
            Self::DifferentCopies => "different_copies",
            Self::NoConsumer => "no_consumer",
            Self::LostStream => "lost_stream",
        }
    }
}

/// At most one text of each kind.
#[derive(Debug, Default)]
pub(super) struct Warnings(Mutex<BTreeMap<WarningKind, String>>);

impl Warnings {
    pub(super) fn set(&self, kind: WarningKind, text: Option<String>) {
        let mut texts = self.0.lock();
        match text {
            Some(text) => texts.insert(kind, text),
            None => texts.remove(&kind),
        };
    }

    pub(super) fn all(&self) -> Vec<(WarningKind, String)> {
        self.0.lock().iter().map(|(kind, text)| (*kind, text.clone())).collect()
    }
}
