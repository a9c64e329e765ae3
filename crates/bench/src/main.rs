//! `live-users-bench`: measures the core and the real servers, and prints a table in Markdown.

mod against;
mod apply;
mod audit;
mod busy;
mod counting;
mod http;
mod journal;
mod memory;
mod report;
mod world;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use self::busy::Busy;
use self::report::Report;

const USAGE: &str = "\
usage: cargo run --release -p live-users-bench [core] [audit] [restart] [http] [scale] [shards] [fanout]
                                                           [history] [sources] [summary]

  core  time to apply an event, and bytes per call, in this process
  audit  time to recount all known calls, as a backend does once a minute
  restart  the real backend from its start until it is ready, by what is in its journal
  http  the real backend beside nginx, with wrk on the same machine
  scale  replicas on a journal of NATS, at one node and at three, beside a journal on the disk
  shards  200,000 live calls in shards over three backends, beside one backend with all of them
  fanout  from a webhook to the readers of a stream, through both servers, beside nchan
  history  a year of a thousand busy agents: what it takes, and how fast the backend answers
  sources  webhooks of other carriers, platforms and applications, beside a Twilio form
  summary  bytes of the stream of the summary at each change, with a thousand agents

All of them, without an argument. By themselves, with tables of their own:

  --against FOLDER [core] [restart] [http] [scale] [fanout] [summary] [first-build]
    this build beside another one, in turns: FOLDER has its programs, as `target/release` of another
    checkout; all but first-build without more arguments
    first-build  from an empty target folder to the page, in this checkout and in that one
  soak MINUTES  so many simulated minutes of 200 webhooks a second, with a kill in each
  journal  a journal on the disk, beside the bare disk
  journal-nats  a journal of NATS, beside bare publishes, at one node and at three";

/// How a command that was called wrongly ends: EX_USAGE of `sysexits.h`.
const EXIT_USAGE: u8 = 64;

/// Before the folder with the programs of another build.
const AGAINST: &str = "--against";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let ended = match &arguments[..] {
        ["-h" | "--help"] => {
            println!("{USAGE}");
            Ok(())
        }
        ["-V" | "--version"] => {
            println!("live-users-bench {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
        [memory::ARGUMENT, kind, calls] => memory::answer(kind, calls),
        ["soak", minutes] => soak(minutes),
        ["journal"] => in_release().and_then(|()| journal::disk::measure()),
        ["journal-nats"] => in_release().and_then(|()| journal::nats::measure()),
        [AGAINST, folder, names @ ..] => match named(&against::PARTS, names) {
            Some(parts) => against(folder, &parts),
            None => return usage(),
        },
        names => match named(&PARTS, names) {
            Some(parts) => bench(&parts),
            None => return usage(),
        },
    };
    ended.map_or_else(
        |error| {
            eprintln!("live-users-bench: {error:#}");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

fn usage() -> ExitCode {
    eprintln!("{USAGE}");
    ExitCode::from(EXIT_USAGE)
}

type Part = fn(&mut Report) -> Result<()>;

const PARTS: [(&str, Part); 10] = [
    ("core", core),
    ("audit", audit::measure),
    ("restart", http::restart),
    ("http", http::measure),
    ("scale", http::scale),
    ("shards", http::shards),
    ("fanout", http::fanout),
    ("history", http::history),
    ("sources", http::sources),
    ("summary", http::summary),
];

/// The parts of these names, if there are such; none are named where all are meant.
fn named<'a, P: Copy>(parts: &[(&str, P)], names: &[&'a str]) -> Option<Vec<(&'a str, P)>> {
    let of = |name: &&'a str| {
        let (_, part) = parts.iter().find(|(other, _)| other == name)?;
        Some((*name, *part))
    };
    names.iter().map(of).collect()
}

fn bench(parts: &[(&str, Part)]) -> Result<()> {
    let all = PARTS;
    let parts = if parts.is_empty() { &all[..] } else { parts };
    in_release()?;
    let (mut report, busy) = (Report::default(), Busy::begin()?);
    for (_, part) in parts {
        part(&mut report)?;
    }
    println!("{report}\n{}", busy.end()?);
    Ok(())
}

fn against(folder: &str, parts: &[(&str, against::Part)]) -> Result<()> {
    let usual = &against::PARTS[..against::USUAL];
    let parts = if parts.is_empty() { usual } else { parts };
    in_release()?;
    let folder = Path::new(folder).canonicalize();
    let folder = folder.with_context(|| format!("{AGAINST}: expected a folder"))?;
    let (mut report, busy) = (Report::default(), Busy::begin()?);
    for (_, part) in parts {
        part(&mut report, &folder)?;
    }
    println!("{report}\n{}", busy.end()?);
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
    if cfg!(debug_assertions) {
        bail!("figures of a debug build say nothing: use --release");
    }
    Ok(())
}

fn core(report: &mut Report) -> Result<()> {
    memory::measure(report)?;
    apply::measure(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_by_their_names_alone() {
        let parts = [("a", 1), ("b", 2)];
        assert_eq!(named(&parts, &["b", "a"]), Some(vec![("b", 2), ("a", 1)]));
        assert_eq!(named(&parts, &[]), Some(Vec::new()));
        assert_eq!(named(&parts, &["a", "c"]), None);
    }
}
