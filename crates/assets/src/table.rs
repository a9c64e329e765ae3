//! The table of all assets, as Rust that the server includes, and their bytes beside it.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::compress::{Level, brotli, gzip};
use crate::files::is_public;
use crate::{Error, hash};

pub(crate) struct Table {
    out: PathBuf,
    level: Level,
    rows: String,
    /// Each file with a hash in its name: the name in the folder, and the path.
    urls: Vec<(String, String)>,
}

impl Table {
    pub(crate) fn new(out: &Path, level: Level) -> Self {
        Self { out: out.to_owned(), level, rows: String::new(), urls: Vec::new() }
    }

    /// Where a file is under its hash.
    pub(crate) fn url(&self, name: &str) -> Option<&str> {
        self.urls.iter().find(|(it, _)| it == name).map(|(_, path)| path.as_str())
    }

    /// Adds a file under a name that stays.
    pub(crate) fn stable(&mut self, name: &str, path: &str, bytes: &[u8]) -> Result<(), Error> {
        self.add(name, path, "Stable", bytes)
    }

    /// Adds a file with a hash in its name, unless it is there.
    pub(crate) fn hashed(&mut self, name: &str, path: &str, bytes: &[u8]) -> Result<(), Error> {
        self.add_hashed(name, path, "Hashed", bytes)
    }

    /// Adds a script with a hash in its name, which nothing but its own script loads.
    pub(crate) fn chunk(&mut self, name: &str, path: &str, bytes: &[u8]) -> Result<(), Error> {
        self.add_hashed(name, path, "Chunk", bytes)
    }

    fn add_hashed(
        &mut self,
        name: &str,
        path: &str,
        naming: &str,
        bytes: &[u8],
    ) -> Result<(), Error> {
        if self.urls.iter().any(|(_, it)| it == path) {
            return Ok(());
        }
        self.urls.retain(|(it, _)| it != name);
        self.urls.push((name.to_owned(), path.to_owned()));
        self.add(name, path, naming, bytes)
    }

    fn add(&mut self, name: &str, path: &str, naming: &str, bytes: &[u8]) -> Result<(), Error> {
        let content_type = match name.rsplit_once('.') {
            Some((_, "js")) => "text/javascript; charset=utf-8",
            Some((_, "css")) => "text/css; charset=utf-8",
            _ => "image/svg+xml",
        };
        let file = path.trim_start_matches('/').replace('/', "-");
        let of = |end: &str| self.out.join(format!("{file}{end}"));
        write(&of(""), bytes)?;
        write(&of(".br"), &brotli(bytes, self.level))?;
        write(&of(".gz"), &gzip(bytes, self.level))?;
        let include = |end| format!("include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{file}{end}\"))");
        let (identity, br, gz) = (include(""), include(".br"), include(".gz"));
        let (hash, is_public) = (hash(bytes), is_public(name));
        writeln!(
            self.rows,
            "    Asset {{ path: {path:?}, content_type: {content_type:?}, hash: {hash:?}, \
             naming: Naming::{naming}, is_public: {is_public}, identity: {identity}, \
             brotli: {br}, gzip: {gz} }},"
        )
        .expect("memory");
        Ok(())
    }

    /// Writes the table.
    pub(crate) fn finish(self) -> Result<(), Error> {
        let Self { out, rows, urls, .. } = self;
        let mut arms = String::new();
        for (name, path) in urls {
            writeln!(arms, "    ({name:?}, {path:?}),").expect("memory");
        }
        let text = format!(
            "/// All of them.\npub(crate) static ASSETS: &[Asset] = &[\n{rows}];\n\n\
             /// Where each file is under its hash.\nstatic HASHED_URLS: &[(&str, &str)] = &[\n{arms}];\n"
        );
        write(&out.join("assets.rs"), text.as_bytes())
    }
}

/// A page in all languages, as Rust that the server includes.
pub(crate) fn page(name: &str, files: &[String]) -> String {
    let constant = name.to_ascii_uppercase().replace(['.', '-', '/'], "_");
    let mut text = format!("\n/// The page in each language.\nstatic {constant}: &[&str] = &[\n");
    for file in files {
        writeln!(text, "    include_str!(concat!(env!(\"OUT_DIR\"), \"/{file}\")),")
            .expect("memory");
    }
    text.push_str("];\n");
    text
}

pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    std::fs::write(path, bytes).map_err(|error| Error::Io(path.display().to_string(), error))
}
