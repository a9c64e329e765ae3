//! The arguments of the command.

use clap::{Args as Group, Parser, Subcommand};

/// How many people are talking to our AI voice agents right now?
///
/// Without a command: runs the backend and the proxy on this machine, for loopback only. Settings
/// are the same environment variables as those of the two servers; without TWILIO_AUTH_TOKEN it is
/// a demonstration that only the simulator can sign webhooks for.
#[derive(Debug, Parser)]
#[command(name = "live-users", version)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) ports: Ports,
}

#[derive(Clone, Copy, Debug, Group)]
pub(crate) struct Ports {
    /// The port of the backend, which Twilio talks to; 0 lets the system choose.
    #[arg(long, default_value_t = 8080, global = true)]
    pub(crate) backend_port: u16,
    /// The port of the proxy, which browsers talk to; 0 lets the system choose.
    #[arg(long, default_value_t = 3000, global = true)]
    pub(crate) proxy_port: u16,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Fill a backend with simulated callers, who send properly signed webhooks.
    Simulate(Simulation),
}

#[derive(Clone, Debug, Group)]
pub(crate) struct Simulation {
    /// How many calls.
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) calls: u32,
    /// Within how many seconds they begin.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(crate) within: u32,
    /// How many times faster than real time.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) pace: u32,
    /// The world: the same seed makes the same calls. A backend that has seen them already knows
    /// that they are over. Not set: another one each time.
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// The backend to fill. Not set: the one at --backend-port, which is started here if there is
    /// none.
    #[arg(long)]
    pub(crate) url: Option<String>,
}
