//! Rules for Rust source, and for what may be left in any text.

use super::Finding;
use super::tree::{File, Tree, has_word};

/// Who opens a file is told in its first line what it is for.
pub(super) fn first_line_says_what_the_file_is_for(tree: &Tree) -> Vec<Finding> {
    let rule = "first line";
    tree.ending_in(&[".rs"])
        .filter(|file| !file.is_fixture() && !opens_with_a_sentence(&file.text))
        .map(|file| file.finding(1, rule, "begin with `//! ` and a sentence on what it is for"))
        .collect()
}

fn opens_with_a_sentence(text: &str) -> bool {
    let paragraph: Vec<&str> =
        text.lines().map_while(|it| it.strip_prefix("//! ")).map(str::trim).collect();
    let begins = paragraph.first().is_some_and(|it| !it.is_empty());
    begins && paragraph.last().is_some_and(|it| it.ends_with(['.', ':', '?', '!']))
}

const LEFT_WORDS: [&str; 3] = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
const LEFT_CODE: [&str; 4] = [
    concat!("todo", "!("),
    concat!("unimplemented", "!("),
    concat!("dbg", "!("),
    concat!("assert!", "(true"),
];

/// What is to be done later is an issue, not a comment, and never a hole in the code.
pub(super) fn nothing_is_left_for_later(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|file| !file.is_fixture()) {
        for (number, line) in file.lines() {
            let word = LEFT_WORDS.iter().find(|word| has_word(line, word));
            let code = LEFT_CODE.iter().find(|it| is_rust(file) && line.contains(**it));
            if let Some(left) = word.or(code) {
                findings.push(file.finding(number, "unfinished", format!("`{left}`: finish it")));
            }
        }
    }
    findings
}

/// A test that does not run is worse than none: it looks like one.
pub(super) fn no_test_is_ignored(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.ending_in(&[".rs"]) {
        for (number, line) in file.lines() {
            let attribute = line.contains(concat!("#[", "ignore"));
            let example = line.contains(concat!("```", "ignore"));
            if attribute || example {
                findings.push(file.finding(number, "ignored test", "repair or remove it"));
            }
        }
    }
    findings
}

/// Allows a pause in the same line or the next, with a reason behind it.
const NOT_A_WAIT: &str = "// not a wait for time: ";

/// A test that sleeps is slow on a fast machine and wrong on a slow one.
pub(super) fn no_test_waits_for_time(tree: &Tree) -> Vec<Finding> {
    let what_to_do = "wait for the event itself; for a bounded look at another process, say why \
                      in a comment `// not a wait for time: <reason>` here or one line above";
    let mut findings = Vec::new();
    for file in tree.ending_in(&[".rs"]) {
        let (mut in_tests, mut above) = (file.is_test(), "");
        for (number, line) in file.lines() {
            in_tests |= line.trim_start().starts_with("mod tests {");
            let sleeps = ["sleep", "sleep_until", "park_timeout", "interval"]
                .iter()
                .any(|it| has_word(line, it) && line.contains(&format!("{it}(")));
            let reasoned = [above, line].iter().any(|it| {
                it.split_once(NOT_A_WAIT).is_some_and(|(_, reason)| !reason.trim().is_empty())
            });
            if in_tests && sleeps && !reasoned {
                findings.push(file.finding(number, "sleeping test", what_to_do));
            }
            above = line;
        }
    }
    findings
}

fn is_rust(file: &File) -> bool {
    std::path::Path::new(&file.path).extension().is_some_and(|it| it == "rs")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::found;

    #[test]
    fn a_rust_file_without_an_opening_sentence_is_found() {
        let files = [
            ("a/build.rs", "fn main() {}\n"),
            ("a/src/b.rs", "//!\n//! Says it too late.\n"),
            ("a/src/c.rs", "//! not a sentence\n\nfn c() {}\n"),
            ("a/src/d.rs", "//! A sentence over\n//! two lines.\n//!\n//! More of it\n"),
            ("a/src/e.js", "export {};\n"),
        ];
        let wrong = ["a/build.rs:1", "a/src/b.rs:1", "a/src/c.rs:1"];
        assert_eq!(found(first_line_says_what_the_file_is_for, &files), wrong);
    }

    #[test]
    fn what_is_left_for_later_is_found() {
        let code = concat!("fn a() {\n    todo", "!()\n}\nfn b() { dbg", "!(1); }\n");
        let page = concat!("<p>TO", "DO: text</p>\n");
        let fine = "let method = Todo::new(\"the XXXXXXXX of a mask\");\n";
        let empty_test = concat!("assert!", "(true);\n");
        let files = [("a.rs", code), ("b.html", page), ("c.rs", fine), ("d.rs", empty_test)];
        let wrong = ["a.rs:2", "a.rs:4", "b.html:1", "d.rs:1"];
        assert_eq!(found(nothing_is_left_for_later, &files), wrong);
    }

    #[test]
    fn a_test_that_is_switched_off_is_found() {
        let test = concat!("#[test]\n#[ig", "nore = \"slow\"]\nfn a() {}\n");
        let example = concat!("/// ```", "ignore\n");
        let files = [("a.rs", test), ("b.rs", example), ("c.rs", "#[test]\n")];
        assert_eq!(found(no_test_is_ignored, &files), ["a.rs:2", "b.rs:1"]);
    }

    #[test]
    fn a_test_that_sleeps_without_a_reason_is_found() {
        let pause = concat!("    sl", "eep(PAUSE).await;\n");
        let inline = format!("{pause}#[cfg(test)]\nmod tests {{\n{pause}}}\n");
        let reasoned = format!("    {NOT_A_WAIT}another process polls\n{pause}");
        let reasonless = format!("    {NOT_A_WAIT}\n{pause}");
        let files = [
            ("a/src/lib.rs", pause),
            ("a/src/b.rs", inline.as_str()),
            ("a/tests/c.rs", pause),
            ("a/tests/d.rs", reasoned.as_str()),
            ("a/src/e/tests.rs", reasonless.as_str()),
            ("a/tests/f.rs", "fn a_caller_may_sleep() { asleep(1) }\n"),
        ];
        let wrong = ["a/src/b.rs:4", "a/tests/c.rs:1", "a/src/e/tests.rs:2"];
        assert_eq!(found(no_test_waits_for_time, &files), wrong);
    }
}
