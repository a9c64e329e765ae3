//! Why evidence was not acknowledged, or the number is not known.

use std::fmt::{self, Display};

use live_users_journal::FaultKind;
use live_users_replica::{Stale, StaleReason};

/// Why there is no total, as everybody is told it. What went wrong, such as credentials that are refused or
/// a journal that cannot be written, is the operator's: the summary, `/readyz` and the log say it.
pub(crate) const NOT_KNOWN: &str = "the number is not known at present";

/// Why a piece of evidence was not acknowledged, or the number is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotRecorded {
    /// The queue is full, and the evidence was not taken.
    Full,
    /// The writer thread has stopped, and the evidence was not taken.
    Stopped,
    /// The evidence was taken and not recorded in time. It may still be recorded.
    Slow,
    /// A read has panicked. Nothing but its answer is lost.
    Failed,
    /// The journal cannot be written. The evidence is in the retry buffer.
    Trouble(FaultKind),
    /// The shared journal does not answer. Nothing is known of what other replicas have recorded
    /// since this long ago.
    Stale {
        /// In milliseconds.
        age_ms: u64,
    },
    /// The backend that has this shard was not reached, or has not recorded it.
    Elsewhere {
        /// The number of the shard.
        shard: usize,
    },
    /// Another backend has this shard, and what was asked about belongs to it.
    NotHere {
        /// The number of the shard.
        shard: usize,
    },
    /// Only the provider's answers tell of calls, and there is no recent one.
    Unanswered {
        /// Whether it has answered before.
        before: bool,
    },
}

impl NotRecorded {
    /// The reason in one word, for traces.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Full => "queue_full",
            Self::Stopped => "stopped",
            Self::Slow => "timeout",
            Self::Failed => "failed",
            Self::Trouble(_) => "journal_trouble",
            Self::Stale { .. } => "stale",
            Self::Elsewhere { .. } => "elsewhere",
            Self::NotHere { .. } => "not_here",
            Self::Unanswered { .. } => "unanswered",
        }
    }
}

/// The text for operators.
impl Display for NotRecorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "the queue of the writer is full",
            Self::Stopped => "the writer has stopped",
            Self::Slow => "the writer does not acknowledge in time",
            Self::Failed => "this cannot be answered: the log says more",
            Self::Trouble(kind) => {
                return write!(f, "the journal cannot be written: {kind}; the log says more");
            }
            Self::Unanswered { before: false } => {
                "Twilio's list of calls was not read yet, and nothing else tells this server of calls"
            }
            Self::Unanswered { before: true } => {
                "Twilio's list of calls is not read any more, and nothing else tells this server of calls"
            }
            Self::NotHere { shard } => {
                return write!(f, "the backend of shard {shard} has this, which is another one");
            }
            Self::Elsewhere { shard } => {
                return write!(
                    f,
                    "the backend of shard {shard} does not answer, or cannot record it; the log says \
                     more"
                );
            }
            Self::Stale { age_ms } => {
                f.write_str("the journal's servers cannot be reached: what is known here is ")?;
                return write!(f, "{} s old", age_ms / 1000);
            }
        })
    }
}

impl From<Stale> for NotRecorded {
    fn from(Stale { age_ms, reason }: Stale) -> Self {
        match reason {
            StaleReason::Behind => Self::Stale { age_ms },
            StaleReason::Unwritable(kind) => Self::Trouble(kind),
            StaleReason::NeverAnswered => Self::Unanswered { before: false },
            StaleReason::NotAnsweredSince => Self::Unanswered { before: true },
        }
    }
}
