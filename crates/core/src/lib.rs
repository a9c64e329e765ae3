//! The rules of counting: evidence about calls in, calls and counts out.
//!
//! There is no clock, no randomness, no file, no socket and no JSON in this crate, and there
//! cannot be: it is `no_std`. Time is an argument. Two [`Tracker`]s that apply the same records in
//! the same order have the same state. So a restart is a replay, and so is a replica.
//!
//! ```
//! use live_users_core::{CallId, CallIdError, EndReason, Evidence, Millis, Said, Source, Tracker};
//!
//! let call = CallId::parse("CAfa4e0000000000000000000000000001")?;
//! let mut tracker = Tracker::default();
//!
//! // The provider asks what to say to a caller: a person is on the line.
//! let start = Evidence::about(call.clone(), Source::Voice, Said::Dialing);
//! tracker.apply(Millis(1_000), &start);
//! assert_eq!(tracker.numbers().users, 1);
//!
//! // The same webhook again changes nothing.
//! tracker.apply(Millis(1_500), &start);
//! assert_eq!(tracker.numbers().users, 1);
//!
//! let end = Evidence::about(call, Source::StatusCallback, Said::Over(EndReason::Completed));
//! tracker.apply(Millis(9_000), &end);
//! assert_eq!(tracker.numbers().users, 0);
//!
//! // A webhook that was overtaken does not bring the call back.
//! tracker.apply(Millis(9_001), &start);
//! assert_eq!(tracker.numbers().users, 0);
//! # Ok::<(), CallIdError>(())
//! ```
//!
//! # Invariants
//!
//! Tests name these by their numbers, and [`Tracker::check`] recounts them from scratch.
//!
//! - **I1** Every number is the size of its set: no number is kept by plus and minus on events.
//! - **I2** A call that has ended never becomes live again.
//! - **I3** The same evidence twice is the same as once.
//! - **I4** The state that a call ends up in does not depend on the order of its evidence.
//! - **I5** No number is ever negative, and users are never more than calls.
//! - **I6** [`Tracker::apply`] does not panic on anything that the types let in.
//! - **I7** The same log gives the same snapshot, byte for byte.
//!
//! I2, I3 and I4 hold by construction. What is known of a call is a join: its phase and each of
//! its attributes is the *maximum*, in a total order, of all that was ever said. Maximum is
//! indifferent to order and to repetition.

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod agent;
mod agent_delta;
mod ages;
mod applied;
mod call;
mod call_id;
mod check;
mod counted_set;
mod evidence;
mod intern;
mod open_call;
mod place;
mod place_interner;
mod time;
mod tracker;

pub use agent::{Agent, AgentFrom};
pub use agent_delta::{AgentDelta, AgentDeltas};
pub use ages::Ages;
pub use applied::{Applied, Before, Outcome};
pub use call::{Call, EndReason, Phase};
pub use call_id::{CallId, CallIdError};
pub use check::InvariantViolation;
pub use counted_set::Numbers;
pub use evidence::{Caller, Claim, Direction, Evidence, Said, Source};
pub use open_call::OpenCall;
pub use place::{Country, Place};
pub use time::{DAY_MS, HOUR_MS, MINUTE_MS, Millis, SECOND_MS};
pub use tracker::Tracker;
