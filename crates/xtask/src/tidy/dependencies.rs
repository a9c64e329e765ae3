//! The rule for what a crate is built on: the arrows of `docs/ARCHITECTURE.md`.

use std::path::Path;

use anyhow::{Result, ensure};

use super::tree::{File, Tree};
use crate::cargo_command;

/// Crates that decide and calculate, so that tests and the simulator run what the servers run.
const PURE: [&str; 8] =
    ["backoff", "core", "intake", "replica", "sources", "state", "twilio", "wire"];

/// Sockets, runtimes and files. A name that ends in `-` stands for all that begin so.
pub(super) const OUTSIDE: &str =
    "actix- async-nats reqwest rusqlite tokio live-users-http-kit live-users-broadcast";

/// Which crate must not reach which. The proxy passes on what the backend says and does not count;
/// only the crates above know both the core and the journal.
const ARROWS: [(&str, &str); 3] = [
    ("proxy", "live-users-core live-users-journal live-users-twilio"),
    ("core", "live-users-journal"),
    ("journal", "live-users-core"),
];

/// Each is `no_std` and touches no clock, no I/O and no randomness.
const ALLOWED_IN_CORE: &str = "foldhash hashbrown sha2 smallvec";

/// What the README's first command must not build: nobody needs it for a first look.
const NOT_AT_FIRST: &str = "async-nats libmimalloc-sys live-users-otlp";

/// Follows what cargo would build of each crate, with the features that are asked for.
pub(super) fn arrows(root: &Path, tree: &Tree, found: &mut Vec<String>) -> Result<()> {
    let mut follow = |name: &str, edges: &str, is_wrong: &dyn Fn(&str) -> bool| {
        let is_its = |it: &&File| it.has("name = \"", name, "\"\n");
        let Some(toml) = tree.ending_in("Cargo.toml").find(is_its) else { return Ok(()) };
        let query = format!("tree --locked --offline --prefix depth -p {name} {edges}");
        let output = cargo_command(root, &query).output()?;
        ensure!(output.status.success(), "tidy: {}", String::from_utf8_lossy(&output.stderr));
        let ways = wrong_ways(&String::from_utf8(output.stdout)?, is_wrong);
        found.extend(ways.iter().map(|it| toml.at(1, &format!("arrow: break {it}"))));
        Ok(())
    };
    let part = |name: &str| format!("live-users-{name}");
    for name in PURE {
        follow(&part(name), "-e normal", &|it| is_any_of(OUTSIDE, it))?;
    }
    for (name, forbidden) in ARROWS {
        let name = &part(name);
        follow(name, "-e normal,build", &|it| is_any_of(forbidden, it))?;
        // A tool for tests may know everything; what it knows does not come along.
        follow(name, "-e dev --depth 1", &|it| is_any_of(forbidden, it))?;
    }
    follow("live-users", "-e normal,build", &|it| is_any_of(NOT_AT_FIRST, it))?;
    follow(&part("core"), "-e normal,build --depth 1", &|it| !is_any_of(ALLOWED_IN_CORE, it))
}

pub(super) fn is_any_of(names: &str, name: &str) -> bool {
    names.split(' ').any(|it| name == it || (it.ends_with('-') && name.starts_with(it)))
}

/// The ways to packages that are wrong, in what `cargo tree --prefix depth` prints.
pub(super) fn wrong_ways(printed: &str, is_wrong: &dyn Fn(&str) -> bool) -> Vec<String> {
    let (mut ways, mut way) = (Vec::new(), Vec::<&str>::new());
    for line in printed.lines() {
        let name = line.trim_start_matches(|it: char| it.is_ascii_digit());
        let Ok(depth) = line[..line.len() - name.len()].parse() else { continue };
        way.truncate(depth);
        // What a wrong package brings along goes with it.
        let is_new = !way.iter().skip(1).any(|it| is_wrong(it));
        way.push(name.split(' ').next().unwrap_or_default());
        if depth > 0 && is_new && is_wrong(way[depth]) {
            ways.push(way.join(" -> "));
        }
    }
    ways
}
