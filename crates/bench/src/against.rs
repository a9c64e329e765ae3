//! This build beside another one: the same work in turns, so that what else the machine does falls
//! on both alike.

mod first_build;
mod table;

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::http;
use crate::report::{Median, Report, Row};

pub(crate) type Part = fn(&mut Report, &Path) -> Result<()>;

/// What can be compared, by name. The last one takes long, and needs more than programs.
pub(crate) const PARTS: [(&str, Part); 7] = [
    ("core", core),
    ("restart", http::restart_against),
    ("http", http::against),
    ("scale", http::scale_against),
    ("fanout", http::fanout_against),
    ("summary", http::summary_against),
    ("first-build", first_build::measure),
];

/// How many of them are measured where none is named.
pub(crate) const USUAL: usize = PARTS.len() - 1;

/// What the rows call the other build.
pub(crate) const OTHER: &str = "the other build";

/// How often each build measures itself.
const ROUNDS: usize = 3;

/// The part `core` of this program and of the other build's.
fn core(report: &mut Report, folder: &Path) -> Result<()> {
    let other = folder.join("live-users-bench");
    ensure!(
        other.is_file(),
        "{} is missing: build it there with `cargo build --release -p live-users-bench`",
        other.display()
    );
    let mut pair = [(std::env::current_exe()?, Vec::new()), (other, Vec::new())];
    for round in 0..ROUNDS {
        for (program, tables) in &mut pair {
            eprintln!("core: round {} of {ROUNDS}, {}", round + 1, program.display());
            let output = Command::new(program).arg("core").output()?;
            ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            tables.push(table::figures(&String::from_utf8(output.stdout)?));
        }
        pair.reverse();
    }
    if !ROUNDS.is_multiple_of(2) {
        pair.reverse();
    }
    let [(_, ours), (_, theirs)] = pair;
    for (what, _) in &ours[0] {
        let of = |tables: &[table::Figures]| -> Option<Vec<f64>> {
            let one = |table: &table::Figures| {
                table.iter().find(|(other, _)| other == what).map(|(_, figure)| *figure)
            };
            tables.iter().map(one).collect()
        };
        let ours = of(&ours).with_context(|| format!("{what}: not in each table"))?;
        let row = Row::new(what, Median::of(ours.iter().copied()).with_digits(0));
        // An older build may not measure it.
        report.add(match of(&theirs) {
            Some(theirs) => {
                let ratio = Median::ratio(&ours, &theirs);
                let figure = Median::of(theirs).with_digits(0);
                row.beside(format!("{OTHER}: {figure}"), ratio)
            }
            None => row,
        });
    }
    Ok(())
}
