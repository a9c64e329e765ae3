//! The records of a journal, and the state that they lead to. There is no clock, no socket and no
//! runtime here; time is an argument, so that the backend and the simulator run the very same code.
//!
//! - [`State`]: what the records tell; [`record`] and [`snapshot`] are its form in bytes.
//! - [`replay`], [`SnapshotTask`]: from a journal back to the state.
//! - [`copy`]: the state of one journal into another.
//! - [`plan_time_repair`]: a journal that a clock ahead has written into.
//! - [`ActivityLog`], [`CallDurations`]: what happened to calls, and how long they were.
//! - [`Outbox`]: what hooks are to be told about calls, and how far they were told.
//! - [`Callbacks`]: status callbacks that wait to be passed on.
//! - [`Forwards`]: evidence that waits for other shards.
//! - [`SharedLinks`]: who reads by a link, what, and until when.
//! - [`ShardMark`]: which of several shards a journal is of.
//! - [`history`]: how the number has changed.
//! - [`explain`]: why a call is counted.
//! - [`PastCalls`]: calls that are long over, as the journal tells of them.

mod activity;
mod alerts;
mod attributes;
mod binary;
mod callbacks;
mod copy;
mod corrections;
pub mod explain;
mod format;
mod forwards;
mod heard;
pub mod history;
mod mend;
mod outbox;
mod past_calls;
pub mod record;
mod recovery;
mod repair;
mod sessions;
mod shard_mark;
mod shared_links;
pub mod snapshot;
mod snapshot_task;
mod state;
mod stored_admission;
mod stored_call;
mod stored_remembered;
mod stored_told;
mod suspects;
mod varint;
pub mod words;

pub use activity::{
    ACTIVITY_LOG_MAX, Activity, ActivityKind, ActivityLog, ActivityPage, CallDuration,
    CallDurations, DurationSummary,
};
pub use alerts::{ALERT_NEWS_MAX, AlertChange, AlertNews, AlertStatus, AlertStep, Alerts};
pub use callbacks::{
    CALLBACK_BYTES_MAX, CALLBACKS_MAX, CALLBACKS_OF_ONE_MAX, CallbackId, Callbacks, PassedOn,
    ReceiverId, SealedCallback, WaitingCallback,
};
pub use copy::{Copied, CopyError, LEADER_LEASE, Purpose, Side, copy, copy_if};
pub use corrections::{Cause, Correction, Corrections, RECENT_MAX};
pub use forwards::{FORWARD_BYTES_MAX, FORWARDS_MAX, Forward, Forwarded, Forwards, WaitingForward};
pub use heard::LastHeard;
pub use outbox::{CallNews, Cursor, NewsKind, OUTBOX_MAX, Outbox, Told};
pub use past_calls::{PastCalls, Show, Wanted, reaches_back_to};
pub use recovery::{RecoveryError, Replayed, decode, replay, replay_with};
pub use repair::{Shift, TimeRepair, TimeRules, plan_time_repair};
pub use sessions::{EndedSession, EndedSessions, SessionHash};
pub use shard_mark::ShardMark;
pub use shared_links::{
    KnownLink, LinkChange, LinkId, LinkScope, LinkView, SHARED_LINKS_MAX, SharedLink, SharedLinks,
    TokenDigest,
};
pub use snapshot_task::SnapshotTask;
pub use state::{Confidence, Settings, State, is_suspect};
pub use suspects::Suspects;

#[cfg(test)]
mod accounts_tests;
#[cfg(test)]
mod remembered_tests;
