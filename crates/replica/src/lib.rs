//! One replica as a pure state machine.
//!
//! A [`Replica`] holds the state, the writer's rules, the lease, the age of what it knows and the
//! reconciliation with the provider. [`Replica::step`] takes one [`Input`] at one moment and returns
//! what follows from it as data; [`Replica::next_deadline`] says when it wants to be woken. There is
//! no clock, no socket, no thread, no lock and no runtime here.
//!
//! Two drivers run the same code: the backend's writer thread, and the simulator. A driver owns the
//! journal, the clocks and the requests to the provider, and does what an [`Output`] asks for:
//!
//! - [`LogRequest`]: append, read, refresh, recover, rebuild or trim. It is answered before any other
//!   input; [`Node`] does that for both drivers.
//! - [`Effect::Publish`]: the numbers have changed, or are not known any more.
//! - [`Effect::Recorded`]: acknowledge what was given to [`Input::Record`].
//! - [`Effect::Answer`]: answer what was given to [`Input::Query`].
//! - [`Effect::Ask`]: send a request to the provider.
//! - [`Effect::Renew`]: take or renew the lease.
//! - [`Effect::SaveSnapshot`]: save a snapshot beside the writer.
//!
//! # The order
//!
//! What is given to [`Input::Record`] is *durable, then applied, then published, then
//! acknowledged*. So `published <= applied <= appended` holds at every moment.
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

mod commit;
mod compaction;
mod housekeeping;
mod io;
mod leadership;
mod log_line;
mod node;
mod overdue;
mod reconciliation;
mod recovery;
mod replica;

pub use commit::RETRY_BUFFER_MAX;
pub use compaction::{Keep, SNAPSHOT_AGE_MS, SNAPSHOT_RECORDS};
pub use io::{
    Deferred, Effect, Input, LogAnswer, LogRequest, Now, Output, Publication, Recorded, Stale,
    Ticket,
};
pub use leadership::{LEASE_MARGIN_MS, RENEW_EVERY_MS};
pub use log_line::LogLine;
pub use node::Node;
pub use overdue::{DIALING_MS_MAX, MAX_CALL_MS, QUIET_MS, TOMBSTONE_MS};
pub use replica::{BATCH_MAX, FRESH_MS, RETRY_EVERY_MS, Replica, Rules, is_fresh};
