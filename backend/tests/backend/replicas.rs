//! Several backends on one journal, whose servers and lines fail while people call.
//!
//! What is asked of each fault: nothing acknowledged is lost, all agree again by themselves,
//! whoever calls hears TwiML, and meanwhile nobody is told an old number for a new one. Each is asked
//! on the oldest version of NATS and on the one that the documents ask for.

mod alerts;
mod clocks;
mod hooks;
mod journal;
mod lines;
mod links;
mod load;
mod passing_on;
mod referee;
mod shards;
pub(crate) mod team;
mod upgrade;
