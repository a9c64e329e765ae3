//! Joins the rules of counting and the journal: what the provider says in, a state that survives
//! out. There is no clock, no socket and no runtime here; time is an argument, so that the backend
//! and the simulator run the very same code.
//!
//! - [`evidence`], [`CallerKey`], [`Farewell`]: from a webhook, or from the provider's list of
//!   calls, to evidence.
//! - [`Writer`]: durable, applied, published, in this order.
//! - [`State`]: what the records tell; [`record`] and [`snapshot`] are its form in bytes.
//! - [`replay`], [`Snapshotter`]: from a journal back to the state.
//! - [`copy`]: the state of one journal into another.
//! - [`Referee`]: what to ask the provider when webhooks are silent, and what its answers mean.
//! - [`Feed`], [`Talks`]: what happened to calls, and how long they were.
//! - [`history`]: how the number has changed.
//! - [`explain`]: why a call is counted.

mod about;
mod activity;
mod caller;
mod copy;
mod country;
mod drift;
pub mod evidence;
pub mod explain;
mod farewell;
pub mod history;
pub mod record;
mod recovery;
mod referee;
pub mod snapshot;
mod snapshotter;
mod state;
pub mod words;
mod writer;

pub use activity::{Activity, FEED_MAX, Feed, FeedPage, Lasted, Talked, Talks, What};
pub use caller::CallerKey;
pub use copy::{Copied, CopyError, LEAD, Purpose, Side, copy};
pub use drift::{Cause, Drift, Healed, RECENT_MAX};
pub use farewell::Farewell;
pub use recovery::{RecoveryError, Replayed, replay, replay_keeping};
pub use referee::{Referee, RefereeRules, Standing, Step};
pub use snapshotter::{Keep, Snapshotter};
pub use state::{State, Sureness, is_suspect};
pub use writer::{BATCH_MAX, DIALING_MS_MAX, Kept, Publish, QUIET_MS, TOMBSTONE_MS, Writer};
