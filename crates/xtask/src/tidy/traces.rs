//! Rules against traces of where and how a text was written, and of where a package was fetched.

use super::Finding;
use super::tree::{File, Tree};

/// Folders of somebody's machine. A container's own folders stand elsewhere (`/app`, `/data`).
const FOLDERS: [&str; 5] = [
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
    concat!("/tm", "p/"),
    concat!("/wo", "rk/"),
];

/// Settings that send cargo or npm to another registry than the public one.
const REGISTRIES: [&str; 6] = [
    concat!("replace", "-with"),
    concat!("arti", "factory"),
    concat!("jf", "rog"),
    concat!("npm", "mirror"),
    concat!("rs", "proxy"),
    concat!("crates", "-mirror"),
];

/// In small letters. "AI" by itself is what this product is about and is no trace.
const MAKERS: [&str; 8] = [
    concat!("as an", " ai"),
    concat!("language", " model"),
    concat!("clau", "de"),
    concat!("chat", "gpt"),
    concat!("co", "pilot"),
    concat!("generated", " by"),
    concat!("generated", " with"),
    concat!("co-authored", "-by"),
];

/// A reader is told about the product, not about its makers and their machines.
pub(super) fn no_machine_and_no_maker_shows(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    // Written by others: the licences by their authors, the lock file by cargo.
    let by_others = |file: &File| file.path == "Cargo.lock" || file.path.starts_with("LICENSE-");
    let ours = |file: &&File| !by_others(file) && !file.is_vendored();
    for file in tree.files.iter().filter(ours) {
        for (number, line) in file.lines() {
            let small = line.to_lowercase();
            let folder = FOLDERS.iter().find(|it| begins_a_path(line, it));
            let registry = REGISTRIES.iter().find(|it| small.contains(**it));
            let maker = MAKERS.iter().find(|it| small.contains(**it));
            if let Some(trace) = folder.or(registry).or(maker) {
                let what_to_do = format!("`{trace}`: say it without");
                findings.push(file.finding(number, "trace", what_to_do));
            }
        }
    }
    findings
}

fn begins_a_path(line: &str, folder: &str) -> bool {
    let inner = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '}');
    line.match_indices(folder).any(|(at, _)| !line[..at].ends_with(inner))
}

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";
const NPM: &str = "https://registry.npmjs.org/";

/// A build elsewhere fetches what was tested here: from crates.io and npm, of whatever platform.
pub(super) fn packages_come_from_their_registry(tree: &Tree) -> Vec<Finding> {
    let mut findings = strangers(tree, "Cargo.lock", "source = \"", CRATES_IO);
    findings.extend(strangers(tree, "package-lock.json", "\"resolved\": \"", NPM));
    findings
}

fn strangers(tree: &Tree, lock: &str, key: &str, registry: &str) -> Vec<Finding> {
    let is_lock = |file: &&File| file.path.rsplit('/').next() == Some(lock);
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(is_lock) {
        for (number, line) in file.lines() {
            let source = line.trim_start().strip_prefix(key);
            if source.is_some_and(|it| !it.starts_with(registry)) {
                let what_to_do = format!("take the package from {registry}");
                findings.push(file.finding(number, "foreign package", what_to_do));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::found;

    #[test]
    fn folders_of_a_machine_are_found() {
        let lines: Vec<String> = FOLDERS.iter().map(|it| format!("see `{it}x`\n")).collect();
        let fine = FOLDERS.map(|it| format!("https://example.com{it} ./target{it}\n")).concat();
        let files = [("a.md", lines.concat()), ("b.md", fine)];
        let files = files.each_ref().map(|(path, text)| (*path, text.as_str()));
        let wrong = ["a.md:1", "a.md:2", "a.md:3", "a.md:4", "a.md:5"];
        assert_eq!(found(no_machine_and_no_maker_shows, &files), wrong);
    }

    #[test]
    fn makers_and_foreign_registries_are_found_in_any_case() {
        for word in MAKERS.iter().chain(&REGISTRIES) {
            let line = format!("x = 1 # {}\n", word.to_uppercase());
            let files = [(".cargo/config.toml", line.as_str())];
            let wrong = [".cargo/config.toml:1"];
            assert_eq!(found(no_machine_and_no_maker_shows, &files), wrong, "{word}");
        }
    }

    #[test]
    fn the_product_may_speak_of_ai_agents() {
        let text =
            "Counts how many people are talking to AI voice agents; one agent, two models.\n";
        assert!(found(no_machine_and_no_maker_shows, &[("README.md", text)]).is_empty());
    }

    #[test]
    fn a_package_from_elsewhere_is_found() {
        let good = format!("source = \"{CRATES_IO}\"\n");
        let bad = "name = \"x\"\nsource = \"git+https://example.com/x#1\"\n";
        let npm = "  \"resolved\": \"https://example.com/x.tgz\",\n";
        let npm_good = format!("  \"resolved\": \"{NPM}x/-/x.tgz\",\n");
        let files = [
            ("Cargo.lock", good.as_str()),
            ("fuzz/Cargo.lock", bad),
            ("web/package-lock.json", npm),
            ("proxy/package-lock.json", npm_good.as_str()),
        ];
        let wrong = ["fuzz/Cargo.lock:2", "web/package-lock.json:1"];
        assert_eq!(found(packages_come_from_their_registry, &files), wrong);
    }
}
