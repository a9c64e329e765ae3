//! Worlds in which webhooks are lost, in simulated time and in one process. An oracle knows the
//! truth and scores the number that a system shows.
//!
//! - [`Scenario`]: what is wrong in a world. Calls are made as they begin, so a day with millions
//!   of webhooks needs little memory.
//! - [`System`]: what is scored. [`LiveUsers`] is the backend's replica. [`Replicas`] is several of
//!   them on one journal, behind a load balancer. [`SeedDesign`] and [`CountsLegs`] are the rules of
//!   before, to compare with.
//! - [`SourceWorld`]: what is told by one of the sources beside Twilio, or by two of them.
//! - [`run`]: plays a world and checks the invariants after every event. It returns a [`Report`],
//!   or a [`Failure`] with the command that repeats it. [`run_source`] plays a world of a source.

mod calls;
mod counts_legs;
mod delivery;
mod durability;
mod invariants;
mod live_users;
mod oracle;
mod parser;
mod population;
mod process;
mod replicas;
mod report;
mod run;
mod scenario;
mod seed_design;
mod shown;
mod sources;
mod system;
mod wall_clock;

pub use counts_legs::CountsLegs;
pub use live_users::LiveUsers;
pub use oracle::ALLOWANCE_MS;
pub use replicas::Replicas;
pub use report::{ByAgent, Healing, NumberReport, NumberReports, Report, RestRequests, Webhooks};
pub use run::{Failure, run};
pub use scenario::{Kind, Loss, Network, Retries, Scenario};
pub use seed_design::SeedDesign;
pub use shown::{Belief, Five, Number, Shown};
pub use sources::{SOURCE_WORLDS, SourceReport, SourceWorld, run_source};
pub use system::{Delivery, System};
pub use wall_clock::{Jump, WallClock};

#[cfg(test)]
mod tests;
