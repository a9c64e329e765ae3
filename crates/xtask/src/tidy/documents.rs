//! Rules for README, CHANGELOG and docs: what they name exists.

use super::Finding;
use super::tree::{File, Tree};

/// Places at the top of the repository that documents speak of.
const TOP: [&str; 7] = ["crates", "backend", "proxy", "docs", "deploy", ".ci", ".cargo"];

/// A document that names what is gone misleads.
pub(super) fn named_paths_exist(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in documents(tree) {
        for (number, code) in code(file) {
            for path in paths(code).filter(|path| !tree.has(path)) {
                let what_to_do = format!("`{path}` does not exist: correct or remove it");
                findings.push(file.finding(number, "named path", what_to_do));
            }
        }
    }
    findings
}

/// A link within the repository works in any viewer.
pub(super) fn links_lead_somewhere(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in documents(tree) {
        for (number, target) in links(file) {
            let place = target.split('#').next().unwrap_or_default();
            let outside = target.contains("://") || target.starts_with("mailto:");
            if !outside && !place.is_empty() && !tree.has(&resolve(&file.path, place)) {
                let what_to_do = format!("`{target}` does not exist: correct or remove it");
                findings.push(file.finding(number, "link", what_to_do));
            }
        }
    }
    findings
}

fn documents(tree: &Tree) -> impl Iterator<Item = &File> {
    let is_document = |path: &str| {
        path == "README.md"
            || path == "CHANGELOG.md"
            || (path.starts_with("docs/") && path.ends_with(".md"))
    };
    tree.files.iter().filter(move |file| is_document(&file.path))
}

/// The text in backticks and in fenced blocks, with the number of its line.
fn code(file: &File) -> Vec<(usize, &str)> {
    let (mut code, mut fenced) = (Vec::new(), false);
    for (number, line) in file.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            code.push((number, line));
        } else {
            code.extend(line.split('`').skip(1).step_by(2).map(|span| (number, span)));
        }
    }
    code
}

/// The words of a piece of code that can only be paths of this repository.
fn paths(code: &str) -> impl Iterator<Item = &str> {
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
    code.split_whitespace()
        .map(|word| word.trim_matches(['"', '\'', ',', ';', '(', ')', ':', '@']))
        .map(|word| word.trim_start_matches("./"))
        .filter(move |word| word.chars().all(part))
        .filter(|word| word.split_once('/').is_some_and(|(top, _)| TOP.contains(&top)))
}

/// The targets of Markdown links and images, with the number of their line.
fn links(file: &File) -> Vec<(usize, &str)> {
    let mut links = Vec::new();
    for (number, line) in file.lines() {
        for after in line.split("](").skip(1) {
            let target = after.split([')', ' ']).next().unwrap_or_default();
            links.push((number, target));
        }
    }
    links
}

/// The path from the top of what a document at `from` calls `target`.
fn resolve(from: &str, target: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::found;

    #[test]
    fn a_path_in_backticks_that_does_not_exist_is_found() {
        let readme = "See `crates/core/src/lib.rs`, `crates/core/`, `crates/gone` and `a/b`.\n\
                      crates/prose is not code; `GET /api/x`, `docs/<page>.md`, `crates/*`.\n\
                      ```sh\n./.ci/run && cat docs/GONE.md\n```\n`./backend/gone.rs`\n";
        let files = [
            ("README.md", readme),
            (".ci/run", ""),
            ("crates/core/src/lib.rs", ""),
            ("crates/core/README.md", "`crates/not-a-document-of-ours`\n"),
        ];
        let wrong = ["README.md:1", "README.md:4", "README.md:6"];
        assert_eq!(found(named_paths_exist, &files), wrong);
    }

    #[test]
    fn a_link_that_leads_nowhere_is_found() {
        let page = "[a](../README.md) [b](OTHER.md#top) [c](#here) [d](https://example.com/x)\n\
                    ![e](pictures/gone.png)\n[f](../crates/gone \"title\")\n";
        let files = [("README.md", "[a](docs)\n"), ("docs/OTHER.md", ""), ("docs/PAGE.md", page)];
        assert_eq!(found(links_lead_somewhere, &files), ["docs/PAGE.md:2", "docs/PAGE.md:3"]);
    }
}
