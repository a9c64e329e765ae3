//! One replica as a pure state machine.
//!
//! A [`Replica`] holds the state and decides what happens next: appending, publishing, the lease,
//! snapshots, and the reconciliation with the provider. [`Replica::step`] takes one [`Input`] at one
//! moment and returns an [`Output`] as data. [`Replica::next_deadline`] returns when the next
//! [`Input::Tick`] is due. There is no clock, socket, thread, lock or runtime here.
//!
//! Two drivers run this code: the backend's writer thread and the simulator. A driver owns the
//! journal and the clocks, and carries out each [`Output`]:
//!
//! - [`LogRequest`]: append, read, refresh, recover, rebuild or trim. Its answer comes before any
//!   other input. [`Node`] ensures this for both drivers.
//! - [`Effect::Publish`]: publish new numbers, or that they are too old to be shown.
//! - [`Effect::Report`]: write log lines about what changed.
//! - [`Effect::Recorded`]: acknowledge an [`Input::Record`].
//! - [`Effect::Answer`]: answer an [`Input::Query`].
//! - [`Effect::Ask`]: send a request to the provider.
//! - [`Effect::Renew`]: acquire or renew the lease.
//! - [`Effect::SaveSnapshot`]: save a snapshot on another thread.
//! - [`Effect::Audit`]: recount a copy of the calls on another thread.
//!
//! # The order
//!
//! Evidence of an [`Input::Record`] is *durable, then applied, then published, then acknowledged*.
//! So `published <= applied <= appended` holds at every moment.
//!
//! ```
//! use live_users_core::{CallId, Evidence, Millis, Said, Source};
//! use live_users_replica::{Effect, Input, Node, Now, Replica, Rules, Ticket};
//!
//! let journal = live_users_journal::Memory::new()?.open()?;
//! let replayed = live_users_state::replay(&*journal)?;
//! let replica = Replica::new(replayed, journal.is_shared(), Rules::default(), None);
//! let mut node = Node::new(replica, journal);
//!
//! let call = CallId::parse("CA1")?;
//! let evidence = Evidence::about(call, Source::Voice, Said::Dialing);
//! let now = Now { uptime: Millis(5), time: Millis(1_800_000_000_000), log_age_ms: 0 };
//! let mut acknowledged = false;
//! node.step(|| now, Input::Record(Ticket(1), vec![evidence]), &mut |_, effect| {
//!     acknowledged |= matches!(effect, Effect::Recorded(Ticket(1), Ok(_)));
//! });
//! assert!(acknowledged);
//! assert_eq!(node.replica().state().tracker().numbers().users, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod audit;
mod commit;
mod compaction;
pub mod disciplined_clock;
mod freshness;
mod held;
mod housekeeping;
mod io;
mod leadership;
mod log_line;
mod node;
mod overdue;
mod reconciliation;
mod recovery;
mod replica;
mod source_referees;
mod turn;

pub use audit::{
    AUDIT_CALLS_MAX, AUDIT_COPY_CALLS_MAX, AUDIT_EVERY_MS, AUDIT_OFTEN_CALLS_MAX, AUDIT_RARELY_MS,
    AuditReport, AuditTask, Check, check_invariants,
};
pub use commit::RETRY_BUFFER_MAX;
pub use compaction::{
    COPIED_CALLS_MAX, COPIED_REMEMBERED_MAX, Keep, SNAPSHOT_AGE_MS, SNAPSHOT_RECORDS,
};
pub use freshness::{FRESH_MS, UNRECORDED_MS_MAX, is_fresh};
pub use io::{
    Deferred, Done, Effect, Input, LogAnswer, LogRequest, NotRewritten, Now, Output, Publication,
    Recorded, Stale, StaleReason, Ticket,
};
pub use leadership::{LEASE_MARGIN_MS, RENEW_EVERY_MS};
pub use log_line::LogLine;
pub use node::Node;
pub use overdue::{DIALING_MS_MAX, MAX_CALL_MS, QUIET_MS, TOMBSTONE_MS};
pub use replica::{BATCH_MAX, RETRY_EVERY_MS, Replica, Rules};
