//! `live-users-bench`: measures the core and the real backend, and prints a table in Markdown.

mod apply;
mod counting;
mod http;
mod memory;
mod report;
mod world;

use std::process::ExitCode;

use anyhow::Result;

use self::report::Report;

const USAGE: &str = "\
usage: cargo run --release -p live-users-bench [core] [http]

  core  time to apply an event, and bytes per call, in this process
  http  the real backend beside nginx, with wrk on the same machine

Both, without an argument.";

/// How a command that was called wrongly ends: EX_USAGE of `sysexits.h`.
const EXIT_USAGE: u8 = 64;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let ended = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] | ["core", "http"] | ["http", "core"] => bench(&[core, http::measure]),
        ["core"] => bench(&[core]),
        ["http"] => bench(&[http::measure]),
        [memory::ARGUMENT, kind, calls] => memory::answer(kind, calls),
        _ => {
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

fn bench(parts: &[Part]) -> Result<()> {
    anyhow::ensure!(!cfg!(debug_assertions), "figures of a debug build say nothing: use --release");
    let mut report = Report::default();
    for part in parts {
        part(&mut report)?;
    }
    println!("{report}");
    Ok(())
}

fn core(report: &mut Report) -> Result<()> {
    memory::measure(report)?;
    apply::measure(report)
}
