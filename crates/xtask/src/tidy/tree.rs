//! The files that git tracks, or would track after `git add`.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

/// All files of the repository, in order of their paths.
pub(super) struct Tree(pub(super) Vec<File>);

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
        let query = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
        let listed = Command::new("git").args(query).current_dir(root).output()?;
        ensure!(listed.status.success(), "tidy: {}", String::from_utf8_lossy(&listed.stderr));
        let listed = String::from_utf8(listed.stdout)?;
        let mut paths: BTreeSet<&str> = listed.split_terminator('\0').collect();
        // Neither a link nor a file that was removed but not yet from the index.
        paths.retain(|it| root.join(it).symlink_metadata().is_ok_and(|it| it.is_file()));
        let text = |path| std::fs::read_to_string(root.join(path)).unwrap_or_default();
        let files = paths.into_iter().map(|path| File { path: path.into(), text: text(path) });
        Ok(Self(files.collect()))
    }

    /// The files whose names end like this.
    pub(super) fn ending_in(&self, end: &str) -> impl Iterator<Item = &File> {
        self.0.iter().filter(move |file| file.path.ends_with(end))
    }

    pub(super) fn file(&self, path: &str) -> Option<&File> {
        self.0.iter().find(|file| file.path == path)
    }

    /// Whether this is a file, or a folder with a file in it.
    pub(super) fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let rest = |file: &File| file.path.strip_prefix(path).map(|it| it.chars().next());
        self.0.iter().filter_map(rest).any(|next| matches!(next, None | Some('/')))
    }
}

impl File {
    pub(super) fn is_test(&self) -> bool {
        self.path.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "testkit"))
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.split('\n'))
    }

    /// Whether it contains this word between these two texts.
    pub(super) fn has(&self, before: &str, word: &str, behind: &str) -> bool {
        self.text.contains(&[before, word, behind].concat())
    }

    /// A finding at this line.
    pub(super) fn at(&self, line: usize, what_to_do: &str) -> String {
        format!("{}:{line}: {what_to_do}", self.path)
    }
}
