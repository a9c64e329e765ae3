//! Rules for what the compiler never sees: a file that no module names, code behind a condition
//! that is never true.

use super::Finding;
use super::tree::{File, Tree};

/// A file that nobody names is not compiled, and its tests do not run: nothing else would tell.
pub(super) fn every_file_is_part_of_a_crate(tree: &Tree) -> Vec<Finding> {
    let orphan = |file: &&File| {
        let Some((parents, stem)) = parents(&file.path) else { return false };
        let mut named = parents.iter().filter_map(|parent| tree.file(parent));
        !named.any(|parent| names(&parent.text, stem))
    };
    let found = tree.ending_in(&[".rs"]).filter(orphan);
    found.map(|file| file.finding(1, "orphan", "write `mod` for it, or remove it")).collect()
}

/// Code behind `cfg(any())` and the like is not compiled either.
pub(super) fn no_code_is_switched_off(tree: &Tree) -> Vec<Finding> {
    let never = ["any()", "FALSE", "false"].map(|never| format!("cfg({never})"));
    let mut findings = Vec::new();
    for file in tree.ending_in(&[".rs"]) {
        for (number, line) in file.lines() {
            let attribute = line.trim_start().starts_with("#[");
            if attribute && never.iter().any(|never| line.contains(never.as_str())) {
                findings.push(file.finding(number, "switched off", "remove it, or let it run"));
            }
        }
    }
    findings
}

/// The files that may name the module in this file, and its name; `None` for the root of a crate.
fn parents(path: &str) -> Option<([String; 4], &str)> {
    let is_top = |segment: &str| matches!(segment, "src" | "tests" | "benches" | "examples");
    let segments: Vec<&str> = path.split('/').collect();
    let top = segments.iter().position(|segment| is_top(segment))?;
    let below = &segments[top + 1..];
    if let ("src", ["lib.rs" | "main.rs"] | ["bin", _])
    | ("tests" | "benches" | "examples", [_] | [_, "main.rs"]) = (segments[top], below)
    {
        return None;
    }
    let (folder, file) = path.rsplit_once('/')?;
    let (folder, stem) = match file {
        "mod.rs" => folder.rsplit_once('/')?,
        _ => (folder, file.strip_suffix(".rs")?),
    };
    let parents = [".rs", "/mod.rs", "/main.rs", "/lib.rs"].map(|end| format!("{folder}{end}"));
    Some((parents, stem))
}

fn names(text: &str, stem: &str) -> bool {
    let module = format!("mod {stem};");
    text.lines().any(|line| {
        let before = line.trim().strip_suffix(&module);
        before.is_some_and(|before| before.is_empty() || before.starts_with("pub"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::found;

    #[test]
    fn a_file_that_nobody_names_is_found() {
        let files = [
            ("a/src/lib.rs", "mod b;\npub(crate) mod c;\n// mod d;\n"),
            ("a/src/main.rs", ""),
            ("a/src/b.rs", "#[cfg(test)]\nmod tests;\n"),
            ("a/src/b/tests.rs", ""),
            ("a/src/b/other.rs", ""),
            ("a/src/c/mod.rs", "mod e;\n"),
            ("a/src/c/e.rs", ""),
            ("a/src/d.rs", ""),
            ("a/src/bin/tool.rs", ""),
            ("a/tests/alone.rs", ""),
            ("a/tests/api/main.rs", "mod one;\n"),
            ("a/tests/api/one.rs", ""),
            ("a/tests/api/forgotten.rs", ""),
            ("a/build.rs", ""),
        ];
        let wrong = ["a/src/b/other.rs:1", "a/src/d.rs:1", "a/tests/api/forgotten.rs:1"];
        assert_eq!(found(every_file_is_part_of_a_crate, &files), wrong);
    }

    #[test]
    fn code_that_is_never_compiled_is_found() {
        let off = concat!("#[cf", "g(any())]\nmod a;\n#[cf", "g(test)]\nmod b;\n");
        assert_eq!(found(no_code_is_switched_off, &[("a.rs", off)]), ["a.rs:1"]);
    }
}
