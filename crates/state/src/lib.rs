//! The records of a journal, and the state that they lead to. There is no clock, no socket and no
//! runtime here; time is an argument, so that the backend and the simulator run the very same code.
//!
//! - [`Writer`]: durable, applied, published, in this order.
//! - [`State`]: what follows from the records; [`record`] and [`snapshot`] are its form in bytes.
//! - [`replay`], [`Snapshotter`]: from a journal back to the state.
//! - [`copy`]: the state of one journal into another.
//! - [`Feed`], [`Talks`]: what happened to calls, and how long they were.
//! - [`history`]: how the number has changed.
//! - [`explain`]: why a call is counted.

mod activity;
mod attributes;
mod copy;
mod corrections;
pub mod explain;
mod format;
pub mod history;
pub mod record;
mod recovery;
pub mod snapshot;
mod snapshotter;
mod state;
pub mod words;
mod writer;

pub use activity::{Activity, ActivityKind, FEED_MAX, Feed, FeedPage, Lasted, Talked, Talks};
pub use copy::{Copied, CopyError, LEAD, Purpose, Side, copy};
pub use corrections::{Cause, Drift, Healed, RECENT_MAX};
pub use recovery::{RecoveryError, Replayed, replay, replay_keeping};
pub use snapshotter::{Keep, Snapshotter};
pub use state::{State, Sureness, is_suspect};
pub use writer::{BATCH_MAX, DIALING_MS_MAX, Kept, Publish, QUIET_MS, TOMBSTONE_MS, Writer};
