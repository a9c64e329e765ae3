//! Makes what browsers load of the files of a folder, while the server is built.
//!
//! A page loads one script and one style sheet: the modules that import each other are joined into one
//! script, and the style sheets of a page into one. What a module loads later, by `import("./x.js")`, is a
//! chunk. Such a file has a hash of its content in its name, so a browser may keep it for ever. Every file
//! is compressed here, as well as the level says, and not at each request.

mod compress;
mod files;
mod html;
mod javascript;
mod link;
mod table;

use std::path::Path;

use sha2::{Digest, Sha256};

pub use self::compress::Level;
use self::files::Files;
use self::html::Html;
use self::link::Linker;
use self::table::Table;

/// Below which the files with a hash in their names are.
const HASHED: &str = "/assets/";

/// Hexadecimal digits of a hash: of two versions of a file, nobody makes one with the hash of the other.
const HASH_DIGITS: usize = 16;

/// Why there are no assets.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read or written.
    #[error("{0}: {1}")]
    Io(String, std::io::Error),
    /// A file has something that this does not understand.
    #[error("{0}:{1}: {2}")]
    Source(String, usize, String),
    /// Modules import each other.
    #[error("these modules import each other: {0}")]
    Cycle(String),
}

/// Makes the assets of the folder `web`. In `out` are then `assets.rs`, a table of all of them, and each
/// HTML page that names its files as they lie in the folder.
///
/// # Errors
/// If a file cannot be read, or refers to one that does not exist.
pub fn build(web: &Path, out: &Path, level: Level) -> Result<(), Error> {
    let files = Files::read(web)?;
    let mut table = Table::new(out, level);
    let linker = Linker::new(&files)?;
    for name in files.scripts() {
        let path = files::stable_path(name);
        let text = match files::is_public_entry(name) {
            true => linker.link(name, &path)?,
            false => files.text(name).to_owned(),
        };
        table.stable(name, &path, text.as_bytes())?;
    }
    for name in linker.entries()? {
        let (script, chunks) = linker.hashed(name)?;
        for chunk in chunks {
            table.chunk(&chunk.name, &chunk.path, chunk.text.as_bytes())?;
        }
        table.hashed(&script.name, &script.path, script.text.as_bytes())?;
    }
    // A template says by itself where its files are.
    let is_template = |text: &str| text.contains("{%") || text.contains("{{");
    let pages = || files.ending_in(".html").filter(|name| !is_template(files.text(name)));
    let joined: Vec<_> = pages().flat_map(|name| html::styles(files.text(name))).collect();
    let pictures = files.ending_in(".svg").filter(|name| !is_template(files.text(name)));
    for name in files.ending_in(".css").chain(pictures) {
        let (path, text) = (files::stable_path(name), files.text(name));
        table.stable(name, &path, text.as_bytes())?;
        if !joined.contains(&path.as_str()) {
            let text = files::served_text(name, text);
            table.hashed(name, &hashed_path(name, text.as_bytes()), text.as_bytes())?;
        }
    }
    for name in pages() {
        let text = files.text(name);
        let html = Html::of(name, text, &files, &table)?;
        if let Some(style) = html.style {
            table.hashed(&style.name, &style.path, style.text.as_bytes())?;
        }
        table::write(&out.join(name), html.text.as_bytes())?;
    }
    table.finish()
}

/// Where a file with this content is.
fn hashed_path(name: &str, content: &[u8]) -> String {
    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
    format!("{HASHED}{stem}.{}.{extension}", hash(content))
}

/// The hash that stands for this content.
fn hash(content: &[u8]) -> String {
    use std::fmt::Write;

    let digest = Sha256::digest(content);
    let mut hash = String::with_capacity(HASH_DIGITS);
    for byte in &digest[..HASH_DIGITS / 2] {
        write!(hash, "{byte:02x}").expect("a string takes everything");
    }
    hash
}

#[cfg(test)]
mod tests;
