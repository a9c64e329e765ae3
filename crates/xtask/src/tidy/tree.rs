//! The files that git tracks, or would track after `git add`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::Finding;

/// All files of the repository, in order of their paths.
pub(super) struct Tree {
    pub(super) files: Vec<File>,
}

/// A file of the repository.
pub(super) struct File {
    /// From the top of the repository, divided by `/`.
    pub(super) path: String,
    /// Empty where the file is not UTF-8 text.
    pub(super) text: String,
}

impl Tree {
    /// Asks git, in this folder.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let listed = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root)
            .output()
            .context("tidy needs git")?;
        let complaint = String::from_utf8_lossy(&listed.stderr);
        ensure!(listed.status.success(), "tidy: git ls-files: {}", complaint.trim());
        let mut files = Vec::new();
        for path in String::from_utf8(listed.stdout)?.split_terminator('\0') {
            // Neither a link nor a file that was removed but not yet from the index.
            if root.join(path).symlink_metadata().is_ok_and(|it| it.is_file()) {
                let bytes = std::fs::read(root.join(path)).with_context(|| path.to_owned())?;
                let text = String::from_utf8(bytes).unwrap_or_default();
                files.push(File { path: path.to_owned(), text });
            }
        }
        ensure!(!files.is_empty(), "tidy: git lists no file in {}", root.display());
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.dedup_by(|a, b| a.path == b.path);
        Ok(Self { files })
    }

    /// A tree of planted files.
    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| File {
            path: (*path).to_owned(),
            text: (*text).to_owned(),
        };
        Self { files: files.iter().map(file).collect() }
    }

    /// The files whose names end like this.
    pub(super) fn ending_in<'a>(&'a self, ends: &'a [&str]) -> impl Iterator<Item = &'a File> {
        self.files.iter().filter(|file| ends.iter().any(|end| file.path.ends_with(end)))
    }

    pub(super) fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Whether this is a file, or a folder with a file in it.
    pub(super) fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let within = |file: &File| {
            file.path
                .strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.files.iter().any(within)
    }
}

impl File {
    /// Recorded or generated input, or the work of others: it keeps the shape it came in.
    pub(super) fn is_fixture(&self) -> bool {
        self.is_vendored() || self.path.split('/').any(|part| part == "fixtures")
    }

    /// The work of others, which is here as they publish it.
    pub(super) fn is_vendored(&self) -> bool {
        self.path.split('/').any(|part| part == "vendor")
    }

    pub(super) fn is_test(&self) -> bool {
        self.path.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "testkit"))
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.split('\n').enumerate().map(|(index, line)| (index + 1, line))
    }

    /// The first line that contains this text, or else 1.
    pub(super) fn line_of(&self, text: &str) -> usize {
        self.lines().find(|(_, line)| line.contains(text)).map_or(1, |(number, _)| number)
    }

    pub(super) fn finding(
        &self,
        line: usize,
        rule: &'static str,
        what_to_do: impl Into<String>,
    ) -> Finding {
        Finding::new(&self.path, line, rule, what_to_do)
    }
}

/// Whether the text contains this word, not only as a part of a longer one.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        !text[..at].ends_with(inside) && !text[at + word.len()..].starts_with(inside)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_of_this_repository_is_what_git_would_track() {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        let tree = Tree::read(root).unwrap();
        assert!(tree.has("Cargo.toml") && tree.has("crates/xtask/src") && tree.has("crates/"));
        assert!(!tree.has("target") && !tree.has("crates/xtask/sr"));
        assert!(Tree::read(Path::new("/proc")).is_err(), "no repository there");
    }

    #[test]
    fn words_end_at_letters_digits_and_underscores() {
        assert!(has_word("a call(1)", "call") && has_word("call", "call"));
        assert!(!has_word("recall", "call") && !has_word("call_ms", "call"));
        assert!(has_word("recall, then call", "call"));
    }
}
