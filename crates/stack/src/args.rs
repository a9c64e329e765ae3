//! The arguments of the command.

use clap::{ArgGroup, Args as Group, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use live_users_backend::Tool;
use live_users_simulator::lossy::{SOURCE_WORLDS, SourceWorld};

use crate::remote::Remote;

use crate::connect::Connect;
use crate::doctor::Doctor;

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

/// The ports unless others are asked for.
pub(crate) const BACKEND_PORT: u16 = 8080;
pub(crate) const PROXY_PORT: u16 = 3000;

#[derive(Clone, Copy, Debug, Group)]
pub(crate) struct Ports {
    /// The port of the backend, which Twilio talks to; 0 lets the system choose.
    #[arg(long, default_value_t = BACKEND_PORT, global = true)]
    pub(crate) backend_port: u16,
    /// The port of the proxy, which browsers talk to; 0 lets the system choose.
    #[arg(long, default_value_t = PROXY_PORT, global = true)]
    pub(crate) proxy_port: u16,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Point the phone numbers of a Twilio account to this server, so that the number is exact at
    /// once. What each number had is saved; agents go on to answer.
    Connect(Connect),
    /// Check everything between a caller and the number, and say what to do about what is wrong.
    /// The exit code is 1 if something does not work.
    Doctor(Doctor),
    /// Fill a backend with simulated callers, who send properly signed webhooks; or, with --world,
    /// score how right the number is when webhooks get lost.
    Simulate(Simulation),
    #[command(flatten)]
    Remote(Remote),
    /// Ask the backend at --backend-port whether it is alive; the exit code is the answer.
    Healthcheck,
    /// Write the completions of a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    #[command(flatten)]
    Tool(Tool),
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
    #[command(flatten)]
    pub(crate) accuracy: Accuracy,
}

/// The group of what makes a score.
const SCORED: &str = "scored";

/// Scores in simulated time, in this process; nothing is sent anywhere.
#[derive(Clone, Debug, Group)]
#[command(next_help_heading = "Accuracy, in simulated time")]
#[command(group = ArgGroup::new(SCORED).args(["world", "sources"]).multiple(true))]
pub(crate) struct Accuracy {
    /// The world to play; without it a backend is filled in real time. With --sources, one of clean,
    /// lossy, outage and killed; not set: first clean, then lossy.
    #[arg(long, conflicts_with_all = ["calls", "within", "pace", "url"])]
    pub(crate) world: Option<WorldName>,
    /// The sources that tell of the calls in place of Twilio, by their kinds: vapi,retell; or all,
    /// one after the other.
    #[arg(
        long,
        value_delimiter = ',',
        value_parser = source_world,
        conflicts_with_all = [
            "calls", "within", "pace", "url", "failure_noticed_ms", "replicas", "system"
        ]
    )]
    pub(crate) sources: Vec<SourceWorldName>,
    /// How long a call of a source may be, in minutes, as longest_call_minutes has it. Not set: as
    /// its kind has it.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_500), requires = "sources")]
    pub(crate) longest_call_minutes: Option<u32>,
    /// How many hours are measured.
    #[arg(long, default_value_t = 1.0, value_parser = hours, requires = SCORED)]
    pub(crate) hours: f64,
    /// How many calls are on the line, on average.
    #[arg(
        long,
        default_value_t = 50,
        value_parser = clap::value_parser!(u32).range(1..=100_000),
        requires = SCORED
    )]
    pub(crate) live: u32,
    /// The median of how long people talk. Not set: 240.
    #[arg(long, value_parser = seconds, requires = SCORED)]
    pub(crate) talk_seconds: Option<f64>,
    /// How long Twilio takes to notice that an attempt has failed. Not set: 50 to 250 ms, as when
    /// a connection is reset; 5000 is a connection that nobody answers.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=15_000), requires = SCORED)]
    pub(crate) failure_noticed_ms: Option<u64>,
    /// How many percent of all webhooks are lost for good, whatever the world is. Not set: as the
    /// world has it.
    #[arg(long, value_parser = percent, requires = SCORED)]
    pub(crate) lost: Option<f64>,
    /// How many replicas count on one journal, behind a load balancer: each webhook goes to any of
    /// them, and what is scored is the number that any of them shows.
    #[arg(
        long,
        default_value_t = 1,
        value_parser = clap::value_parser!(u32).range(1..=16),
        requires = SCORED
    )]
    pub(crate) replicas: u32,
    /// What is scored.
    #[arg(long, value_enum, default_value_t = SystemName::LiveUsers, requires = SCORED)]
    pub(crate) system: SystemName,
    /// Do not ask Twilio's REST API what became of silent calls.
    #[arg(long, requires = SCORED)]
    pub(crate) no_referee: bool,
    /// Tell all figures of each world, also where there are several.
    #[arg(long, requires = SCORED, conflicts_with = "json")]
    pub(crate) details: bool,
    /// Tell the reports as JSON.
    #[arg(long, requires = SCORED)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum WorldName {
    /// Every webhook arrives.
    Clean,
    /// 5 % are lost for good, 10 % come twice, 20 % late.
    Lossy,
    /// The same for each attempt, and Twilio tries again (`#rc=5&rp=all`).
    Retried,
    /// For 10 minutes nothing arrives.
    Outage,
    /// The service is killed each minute; of several replicas one is.
    Killed,
    /// Every two minutes one of several replicas is cut off from the journal for 30 s.
    Partitioned,
    /// Agents hand callers over to colleagues, to AI hosts and to each other.
    Handovers,
    /// A campaign calls people, and voicemails and faxes pick up, too.
    Campaign,
    /// Calls move from agent to agent.
    Agents,
    /// The wall clock of the service jumps.
    Clock,
    /// One after the other; those of several replicas only if there are several.
    All,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SystemName {
    /// What counts in the backend.
    LiveUsers,
    /// A set of phone numbers, removed on a spoken goodbye.
    SeedDesign,
    /// The rule up to commit f4e501d, which does not ask with whom a caller talks.
    CountsLegs,
}

/// A world of a source, or all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SourceWorldName {
    /// One.
    One(&'static str),
    /// One after the other.
    All,
}

fn source_world(text: &str) -> Result<SourceWorldName, String> {
    if text == "all" {
        return Ok(SourceWorldName::All);
    }
    let names: Vec<_> = SOURCE_WORLDS.iter().map(|world| world.name).collect();
    let named = SourceWorld::named(text).map(|world| SourceWorldName::One(world.name));
    named.ok_or_else(|| format!("expected all, or some of {}", names.join(", ")))
}

fn hours(text: &str) -> Result<f64, String> {
    within(text, 1_000.0, "hours, more than 0 and at most 1000")
}

fn seconds(text: &str) -> Result<f64, String> {
    within(text, 36_000.0, "seconds, more than 0 and at most 36000")
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| (0.0..=100.0).contains(number));
    number.ok_or_else(|| "expected percent, from 0 to 100".to_owned())
}

fn within(text: &str, max: f64, expected: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| *number > 0.0 && *number <= max);
    number.ok_or_else(|| format!("expected {expected}"))
}
