//! `live-users-bench`: measures the core and the real backend, and prints a table in Markdown.

mod apply;
mod audit;
mod counting;
mod http;
mod journal;
mod memory;
mod report;
mod world;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result};

use self::report::Report;

const USAGE: &str = "\
usage: cargo run --release -p live-users-bench [core] [audit] [restart] [http] [scale] [fanout] [history]
                                                           [sources] [summary]

  core  time to apply an event, and bytes per call, in this process
  audit  time to recount all known calls, as a backend does once a minute
  restart  the real backend from its start until it is ready, by what is in its journal
  http  the real backend beside nginx, with wrk on the same machine
  scale  replicas on a journal of NATS, at one node and at three, beside a journal on the disk
  fanout  from a webhook to the readers of a stream, through both servers, beside nchan
  history  a year of a thousand busy agents: what it takes, and how fast the backend answers
  sources  webhooks of other carriers, platforms and applications, beside a Twilio form
  summary  bytes of the stream of the summary at each change, with a thousand agents

All of them, without an argument. By themselves, with tables of their own:

  against BINARY  this build of the backend beside another binary of it, in turns
  scale-against BINARY  replicas of this build beside those of another binary, in turns
  soak MINUTES  so many simulated minutes of 200 webhooks a second, with a kill in each
  journal  a journal on the disk, beside the bare disk
  journal-nats  a journal of NATS, beside bare publishes, at one node and at three";

/// How a command that was called wrongly ends: EX_USAGE of `sysexits.h`.
const EXIT_USAGE: u8 = 64;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let part = |name: &&str| PARTS.iter().find(|(other, _)| other == name).map(|(_, part)| *part);
    let parts: Option<Vec<Part>> = arguments.iter().map(part).collect();
    let ended = match (&arguments[..], parts) {
        (["-h" | "--help"], _) => {
            println!("{USAGE}");
            Ok(())
        }
        (["-V" | "--version"], _) => {
            println!("live-users-bench {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
        ([memory::ARGUMENT, kind, calls], _) => memory::answer(kind, calls),
        (["against", other], _) => against(http::against, other),
        (["scale-against", other], _) => against(http::scale_against, other),
        (["soak", minutes], _) => soak(minutes),
        (["journal"], _) => in_release().and_then(|()| journal::disk::measure()),
        (["journal-nats"], _) => in_release().and_then(|()| journal::nats::measure()),
        ([], _) => bench(&PARTS.map(|(_, part)| part)),
        (_, Some(parts)) => bench(&parts),
        (_, None) => {
            eprintln!("{USAGE}");
            return ExitCode::from(EXIT_USAGE);
        }
    };
    ended.map_or_else(
        |error| {
            eprintln!("live-users-bench: {error:#}");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

type Part = fn(&mut Report) -> Result<()>;

const PARTS: [(&str, Part); 9] = [
    ("core", core),
    ("audit", audit::measure),
    ("restart", http::restart),
    ("http", http::measure),
    ("scale", http::scale),
    ("fanout", http::fanout),
    ("history", http::history),
    ("sources", http::sources),
    ("summary", http::summary),
];

fn bench(parts: &[Part]) -> Result<()> {
    in_release()?;
    let mut report = Report::default();
    for part in parts {
        part(&mut report)?;
    }
    println!("{report}");
    Ok(())
}

fn against(measure: fn(&mut Report, &Path) -> Result<()>, other: &str) -> Result<()> {
    in_release()?;
    let mut report = Report::default();
    measure(&mut report, other.as_ref())?;
    println!("{report}");
    Ok(())
}

fn soak(minutes: &str) -> Result<()> {
    in_release()?;
    let minutes = minutes.parse().ok().filter(|minutes| *minutes > 0);
    let mut report = Report::default();
    http::soak(&mut report, minutes.context("MINUTES: expected a whole number from 1")?)?;
    println!("{report}");
    Ok(())
}

fn in_release() -> Result<()> {
    anyhow::ensure!(!cfg!(debug_assertions), "figures of a debug build say nothing: use --release");
    Ok(())
}

fn core(report: &mut Report) -> Result<()> {
    memory::measure(report)?;
    apply::measure(report)
}
