//! Rules for source files: each is short, says what it is for, is compiled, and waits for no clock.

use super::tree::{File, Tree};

/// The core cannot read a clock, a socket or a file, and the compiler says so.
pub(super) fn core_is_no_std(tree: &Tree, found: &mut Vec<String>) {
    let lib = tree.file("crates/core/src/lib.rs").filter(|it| !it.text.contains("#![no_std]\n"));
    found.extend(lib.map(|it| it.at(1, "write `#![no_std]`")));
}

/// A file that outgrows its reader is two files. Tests are lists; they may be longer.
pub(super) fn files_are_short(tree: &Tree, found: &mut Vec<String>) {
    let is_ours = |it: &&File| !it.path.contains("/fixtures/") && !it.path.contains("/vendor/");
    for file in [".rs", ".js", ".css"].iter().flat_map(|it| tree.ending_in(it)).filter(is_ours) {
        let max = if file.is_test() { 600 } else { 400 };
        if file.text.lines().count() > max {
            found.push(file.at(max + 1, "the file is too long: split it by subject"));
        }
    }
}

/// The first line of a file tells a reader what it is for.
pub(super) fn first_line_says_what_the_file_is_for(tree: &Tree, found: &mut Vec<String>) {
    let opens_with_a_sentence = |file: &&File| {
        let opening = file.text.lines().map_while(|it| it.strip_prefix("//! "));
        opening.last().is_some_and(|it| it.trim().ends_with(['.', ':', '?', '!']))
    };
    let without = tree.ending_in(".rs").filter(|file| !opens_with_a_sentence(file));
    found.extend(without.map(|it| it.at(1, "begin with `//! ` and a sentence on what it is for")));
}

/// A file that no module names is not compiled, and its tests do not run.
pub(super) fn every_file_is_part_of_a_crate(tree: &Tree, found: &mut Vec<String>) {
    for file in tree.ending_in(".rs") {
        let Some((folder, stem)) = module(&file.path) else { continue };
        let module = format!("mod {stem};");
        let names = |it: &str| it.ends_with(&module) && !it.trim_start().starts_with("//");
        let parents = [".rs", "/mod.rs", "/main.rs", "/lib.rs"].map(|end| format!("{folder}{end}"));
        if !parents.iter().filter_map(|it| tree.file(it)).any(|it| it.text.lines().any(names)) {
            found.push(file.at(1, "no module names this file: write `mod` for it, or remove it"));
        }
    }
}

/// The folder and the name of the module in this file; `None` for the root of a crate.
fn module(path: &str) -> Option<(&str, &str)> {
    let segments: Vec<&str> = path.split('/').collect();
    let top =
        segments.iter().position(|it| ["src", "tests", "benches", "examples"].contains(it))?;
    match (segments[top], &segments[top + 1..]) {
        ("src", ["lib.rs" | "main.rs"] | ["bin", _]) => None,
        ("tests" | "benches" | "examples", [_] | [_, "main.rs"]) => None,
        _ => path.strip_suffix("/mod.rs").or_else(|| path.strip_suffix(".rs"))?.rsplit_once('/'),
    }
}

/// A test that sleeps is slow on a fast machine and wrong on a slow one.
pub(super) fn no_test_waits_for_time(tree: &Tree, found: &mut Vec<String>) {
    let pauses = ["sleep(", "sleep_until(", "park_timeout(", "interval("];
    for file in tree.ending_in(".rs") {
        let (mut in_tests, mut above) = (file.is_test(), "");
        for (number, line) in file.lines() {
            in_tests |= line.trim_start().starts_with("mod tests {");
            let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_' && c != '(');
            let reason = |it: &str| it.split_once("// not a wait for time:")?.1.chars().nth(1);
            let waits = words.any(|word| pauses.iter().any(|it| word.starts_with(it)));
            if in_tests && waits && reason(above).or(reason(line)).is_none() {
                found.push(file.at(number, "wait for the event, or `// not a wait for time: why`"));
            }
            above = line;
        }
    }
}

/// Browsers refuse these where a page requires Trusted Types, and with a caller's text in them they are
/// a hole everywhere else.
const HTML_OF_TEXT: [&str; 11] = [
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "createContextualFragment",
    "parseFromString",
    "parseHTMLUnsafe",
    "setHTMLUnsafe",
    "srcdoc",
    "document.write",
    "eval(",
    "new Function(",
];

/// Pages that require Trusted Types show the elements, too, and no text becomes markup.
pub(super) fn scripts_make_no_html_of_text(tree: &Tree, found: &mut Vec<String>) {
    for file in tree.ending_in(".js").filter(|file| file.path.starts_with("proxy/web/")) {
        for (number, line) in file.lines() {
            if HTML_OF_TEXT.iter().any(|it| line.contains(it)) {
                found.push(
                    file.at(number, "build it with the DOM's functions: no HTML out of a text"),
                );
            }
        }
    }
}
