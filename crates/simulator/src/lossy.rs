//! A world in which webhooks get lost, in simulated time and in process, and an oracle that knows
//! the truth and scores what a system says.
//!
//! - [`Scenario`]: what is wrong in a world. Calls are made as they begin, so that a day with
//!   millions of webhooks fits into little memory.
//! - [`System`]: what is scored: [`LiveUsers`], the engine of the backend; [`Replicas`], several of
//!   it on one journal behind a load balancer; or [`SeedDesign`].
//! - [`run`]: plays a world, checks the invariants after every event, and gives a [`Report`] or a
//!   [`Failure`] with the command that repeats it.

mod calls;
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
mod system;

pub use live_users::LiveUsers;
pub use oracle::ALLOWANCE_MS;
pub use replicas::Replicas;
pub use report::{Healing, Report, RestRequests, Webhooks};
pub use run::{Failure, run};
pub use scenario::{Kind, Loss, Network, Retries, Scenario};
pub use seed_design::SeedDesign;
pub use system::{Delivery, System};

#[cfg(test)]
mod tests;
