//! Rules for the shape of text: length, width, white space.

use super::Finding;
use super::tree::{File, Tree};

const SOURCE: [&str; 3] = [".rs", ".js", ".css"];
const FILE_LINES_MAX: usize = 400;
/// Tests are lists; they may be longer.
const TEST_FILE_LINES_MAX: usize = 600;

const RUST_COLUMNS_MAX: usize = 100;
const WEB_COLUMNS_MAX: usize = 120;

/// A file that outgrows its reader is two files.
pub(super) fn files_are_short(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.ending_in(&SOURCE).filter(|file| !file.is_fixture()) {
        let lines = file.text.lines().count();
        let max = if file.is_test() { TEST_FILE_LINES_MAX } else { FILE_LINES_MAX };
        if lines > max {
            let what_to_do = format!("{lines} lines, allowed are {max}: split it by subject");
            findings.push(file.finding(max + 1, "long file", what_to_do));
        }
    }
    findings
}

/// Two files fit beside each other on a screen. A line with a web address may be as long as that.
pub(super) fn lines_are_short(tree: &Tree) -> Vec<Finding> {
    let rust = tree.ending_in(&[".rs"]).map(|file| (file, RUST_COLUMNS_MAX));
    let web = tree.ending_in(&[".js", ".css", ".html"]).map(|file| (file, WEB_COLUMNS_MAX));
    let mut findings = Vec::new();
    for (file, max) in rust.chain(web).filter(|(file, _)| !file.is_fixture()) {
        for (number, line) in file.lines() {
            let columns = line.chars().count();
            if columns > max && !line.contains("https://") && !line.contains("http://") {
                let what_to_do = format!("{columns} columns, allowed are {max}: break it");
                findings.push(file.finding(number, "long line", what_to_do));
            }
        }
    }
    findings
}

/// What cannot be seen must not be there.
pub(super) fn white_space_is_clean(tree: &Tree) -> Vec<Finding> {
    let rule = "white space";
    let mut findings = Vec::new();
    for file in text(tree) {
        for (number, line) in file.lines() {
            if line.contains('\t') {
                findings.push(file.finding(number, rule, "use spaces in place of the tab"));
            }
            if line.ends_with(char::is_whitespace) {
                findings.push(file.finding(number, rule, "remove it from the end of the line"));
            }
        }
    }
    findings
}

/// Every line ends, and the last one is not empty.
pub(super) fn text_ends_in_one_newline(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in text(tree).filter(|file| !file.text.is_empty()) {
        if !file.text.ends_with('\n') || file.text.ends_with("\n\n") {
            let last = file.text.lines().count();
            findings.push(file.finding(last, "end of file", "end it in exactly one newline"));
        }
    }
    findings
}

fn text(tree: &Tree) -> impl Iterator<Item = &File> {
    // The licence texts stay as their authors publish them.
    tree.files.iter().filter(|it| !it.is_fixture() && !it.path.starts_with("LICENSE-"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::found;

    #[test]
    fn a_file_that_is_too_long_is_found() {
        let (fits, long) = ("line\n".repeat(400), "line\n".repeat(401));
        let (test_fits, test_long) = ("line\n".repeat(600), "line\n".repeat(601));
        let files = [
            ("a/src/fits.rs", fits.as_str()),
            ("a/src/long.rs", long.as_str()),
            ("a/web/long.css", long.as_str()),
            ("a/tests/fits.rs", test_fits.as_str()),
            ("a/tests/long.rs", test_long.as_str()),
            ("a/tests/fixtures/long.js", test_long.as_str()),
            ("docs/LONG.md", test_long.as_str()),
        ];
        let wrong = ["a/src/long.rs:401", "a/web/long.css:401", "a/tests/long.rs:601"];
        assert_eq!(found(files_are_short, &files), wrong);
    }

    #[test]
    fn a_line_that_is_too_long_is_found() {
        let (rust_fits, rust_long) = ("ü".repeat(100), "ü".repeat(101));
        let (web_fits, web_long) = ("x".repeat(120), "x".repeat(121));
        let address = format!("// https://{web_long}");
        let files = [
            ("fits.rs", rust_fits.as_str()),
            ("long.rs", rust_long.as_str()),
            ("fits.js", web_fits.as_str()),
            ("long.html", web_long.as_str()),
            ("address.rs", address.as_str()),
            ("prose.md", web_long.as_str()),
        ];
        let mut wrong = found(lines_are_short, &files);
        wrong.sort();
        assert_eq!(wrong, ["long.html:1", "long.rs:1"]);
    }

    #[test]
    fn tabs_and_trailing_blanks_are_found() {
        let files = [
            ("a.rs", "fn a() {\n\tb();\n}\n"),
            ("b.md", "two \nlines\n"),
            ("c.toml", "windows = true\r\n"),
            ("d.rs", "clean\n"),
            ("tests/fixtures/e.txt", "as it came \t\r\n"),
        ];
        assert_eq!(found(white_space_is_clean, &files), ["a.rs:2", "b.md:1", "c.toml:1"]);
    }

    #[test]
    fn a_missing_or_an_extra_newline_at_the_end_is_found() {
        let files = [("a", "no\nnewline"), ("b", "two\n\n"), ("c", "one\n"), ("d", "")];
        assert_eq!(found(text_ends_in_one_newline, &files), ["a:2", "b:2"]);
    }
}
