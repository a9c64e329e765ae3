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
//! - **I1** Every number is the size of its set: it changes when a member comes or goes, and not by plus
//!   and minus on events.
//! - **I2** A call that the provider or an operator has ended never becomes live again. An end that
//!   was our own guess is taken back only by what can have been said after it alone.
//! - **I3** The same evidence twice in a row is the same as once.
//! - **I4** How far a call is (unless our guess has ended it), who its caller is, where, which way it
//!   goes, and whether it is a leg or was answered by a machine: none of these depends on the order
//!   of the evidence.
//! - **I5** No number is ever negative, and users are never more than calls.
//! - **I6** [`Tracker::apply`] does not panic on anything that the types let in.
//! - **I7** The same log gives the same snapshot, byte for byte.
//! - **I8** Every call that is up and is no leg has exactly one [`Party`].
//!
//! I3 and I4 hold by construction: each of these values is the *maximum*, in a total order, of all
//! that was ever said. Maximum is indifferent to order and to repetition.
//!
//! A call may have several ids, each told by somebody else. It is one entry, found by each of them:
//! two that were counted apart become one when somebody says that they are.
//!
//! A call belongs to one account: that of its agent, or else of who has told of it. The account of an
//! agent comes with the word that names the agent, and of equal words the greatest account counts.
//! Where several accounts of Twilio's are known, a call stays with the first one that Twilio tells:
//! what speaks for another one is refused.
//!
//! What does depend on the order of the journal: which agent a call is with when several were named
//! by voice requests (the last one), and so whose call it is, whether a caller waits in a queue (the last word), who is in a
//! conference (the last event, by the provider's numbers where it has any), whether a call that we
//! made is a colleague's, who has the last place where places are limited, and the stretches, whose
//! bounds are times of records.

#![no_std]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod accounts;
mod admission;
mod agent;
mod agent_delta;
mod ages;
mod applied;
mod call;
mod call_id;
mod check;
mod condense;
mod counted_set;
mod evidence;
mod fingerprint;
mod flags;
mod index;
mod intern;
mod join;
mod links;
mod meaning;
mod names;
mod open_call;
mod origin;
mod party;
mod people;
mod place;
mod place_interner;
mod read_ahead;
mod remembered;
mod restore;
mod slab;
mod slots;
mod standing;
mod stretches;
mod time;
mod told;
mod tracker;
mod weight;

pub use accounts::AccountDelta;
pub use admission::{Admission, Bound, Instead, LimitOf, TurnedAway};
pub use agent::{Agent, AgentFrom};
pub use agent_delta::{AgentDelta, AgentDeltas};
pub use ages::Ages;
pub use applied::{Applied, Before, Move, Outcome, Talk};
pub use call::{Call, Details, EndReason, Leg, Phase, Stretch};
pub use call_id::{CallId, CallIdError};
pub use check::InvariantViolation;
pub use condense::Keeping;
pub use counted_set::Numbers;
pub use evidence::{Attendance, Caller, Claim, ConferenceEvent, Direction, Evidence, Said, Source};
pub use join::RETRY_MS_MAX;
pub use links::{Conference, Participant, Presence, Queue};
pub use open_call::OpenCall;
pub use origin::{Limits, Origin, Told, TwilioAccount};
pub use party::{AnsweredBy, Breakdown, Connection, Counting, Endpoint, Party};
pub use place::{Country, Place};
pub use read_ahead::READ_AHEAD;
pub use remembered::{REMEMBERED_BYTES, Remembered, RememberedCall};
pub use time::{DAY_MS, HOUR_MS, MINUTE_MS, Millis, SECOND_MS};
pub use tracker::Tracker;
