//! Rules for what a crate may know of: the arrows of `docs/ARCHITECTURE.md`.

use std::collections::BTreeSet;

use super::Finding;
use super::manifests::{Member, members};
use super::tree::Tree;

const CORE: &str = "live-users-core";
const JOURNAL: &str = "live-users-journal";
const TWILIO: &str = "live-users-twilio";
const PROXY: &str = "live-users-proxy";

/// What the core may use. Each is `no_std` and touches no clock, no I/O and no randomness; who
/// adds one has looked.
const ALLOWED_IN_CORE: [&str; 2] = ["foldhash", "hashbrown"];

/// The core cannot read a clock, a socket or a file, and the compiler says so.
pub(super) fn core_has_no_outside(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for core in members(tree).filter(|member| member.name() == CORE) {
        let root = format!("{}src/lib.rs", core.folder());
        let fenced = tree.file(&root).is_some_and(|it| it.text.contains("#![no_std]\n"));
        if !fenced {
            findings.push(Finding::new(&root, 1, "pure core", "write `#![no_std]`"));
        }
        for name in uses(&core).filter(|it| !ALLOWED_IN_CORE.contains(it)) {
            let what_to_do = format!("`{name}`: do that outside and pass the result in");
            let line = core.file.line_of(name);
            findings.push(core.file.finding(line, "pure core", what_to_do));
        }
    }
    findings
}

/// Which crate must not lead to which, even by way of others.
const FORBIDDEN: [(&str, &[&str]); 3] =
    [(PROXY, &[CORE, JOURNAL, TWILIO]), (CORE, &[JOURNAL]), (JOURNAL, &[CORE])];

/// The proxy passes on what the backend says and does not count; the core and the journal meet
/// only in the engine.
pub(super) fn arrows_between_crates(tree: &Tree) -> Vec<Finding> {
    let members: Vec<Member<'_>> = members(tree).collect();
    let mut findings = Vec::new();
    for (from, forbidden) in FORBIDDEN {
        let Some(member) = members.iter().find(|it| it.name() == from) else { continue };
        for dependency in member.dependencies() {
            let first = dependency.name;
            // A tool for tests may know everything; what it knows does not come along.
            let reached = match dependency.is_dev {
                true => BTreeSet::from([first]),
                false => reachable(&members, first),
            };
            for to in forbidden.iter().filter(|to| reached.contains(*to)) {
                let what_to_do = format!("`{first}` leads to `{to}`: {from} must not know it");
                findings.push(member.file.finding(member.file.line_of(first), "arrow", what_to_do));
            }
        }
    }
    findings
}

/// This crate and all that it brings along. What its tests use does not come along.
fn reachable<'a>(members: &'a [Member<'a>], from: &'a str) -> BTreeSet<&'a str> {
    let (mut reached, mut ahead) = (BTreeSet::new(), vec![from]);
    while let Some(name) = ahead.pop() {
        if reached.insert(name) {
            let of_name = members.iter().filter(|it| it.name() == name);
            ahead.extend(of_name.flat_map(uses));
        }
    }
    reached
}

fn uses<'a>(member: &'a Member<'a>) -> impl Iterator<Item = &'a str> {
    member.dependencies().into_iter().filter(|it| !it.is_dev).map(|it| it.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::found;

    fn manifest(name: &str, table: &str, dependency: &str) -> String {
        format!("[package]\nname = \"{name}\"\n[{table}]\n{dependency}.workspace = true\n")
    }

    #[test]
    fn a_core_with_an_outside_is_found() {
        let pure = manifest(CORE, "dependencies", "hashbrown");
        let tested = manifest(CORE, "dev-dependencies", "proptest");
        let lib = ("crates/core/src/lib.rs", "//! Rules.\n#![no_std]\n");
        for fine in [&pure, &tested] {
            let files = [("crates/core/Cargo.toml", fine.as_str()), lib];
            assert!(found(core_has_no_outside, &files).is_empty());
        }
        for name in ["tokio", "serde", "log", "rand", "parking_lot"] {
            let wide = manifest(CORE, "dependencies", name);
            let files = [("crates/core/Cargo.toml", wide.as_str()), lib];
            assert_eq!(found(core_has_no_outside, &files), ["crates/core/Cargo.toml:4"]);
        }
        let std = ("crates/core/src/lib.rs", "//! Rules, not `no_std`.\n");
        let files = [("crates/core/Cargo.toml", pure.as_str()), std];
        assert_eq!(found(core_has_no_outside, &files), ["crates/core/src/lib.rs:1"]);
    }

    #[test]
    fn an_arrow_against_the_design_is_found() {
        let cases = [(PROXY, CORE), (PROXY, JOURNAL), (PROXY, TWILIO), (CORE, JOURNAL)];
        for (from, to) in cases.into_iter().chain([(JOURNAL, CORE)]) {
            for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
                let from = manifest(from, table, to);
                let files = [("x/Cargo.toml", from.as_str())];
                assert_eq!(found(arrows_between_crates, &files), ["x/Cargo.toml:4"]);
            }
        }
        let backend = manifest("live-users-backend", "dependencies", CORE);
        assert!(found(arrows_between_crates, &[("x/Cargo.toml", backend.as_str())]).is_empty());
    }

    #[test]
    fn an_arrow_by_way_of_another_crate_is_found() {
        let proxy = manifest(PROXY, "dependencies", "live-users-fanout");
        let fanout = manifest("live-users-fanout", "dependencies", CORE);
        let files = [("p/Cargo.toml", proxy.as_str()), ("f/Cargo.toml", fanout.as_str())];
        assert_eq!(found(arrows_between_crates, &files), ["p/Cargo.toml:4"]);
        let tool = manifest(PROXY, "dev-dependencies", "live-users-fanout");
        let files = [("p/Cargo.toml", tool.as_str()), ("f/Cargo.toml", fanout.as_str())];
        assert!(found(arrows_between_crates, &files).is_empty());
        let tested = manifest("live-users-fanout", "dev-dependencies", CORE);
        let files = [("p/Cargo.toml", proxy.as_str()), ("f/Cargo.toml", tested.as_str())];
        assert!(found(arrows_between_crates, &files).is_empty());
    }
}
