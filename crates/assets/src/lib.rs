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
mod messages;
mod table;
mod uses;

use std::path::Path;

use sha2::{Digest, Sha256};

pub use self::compress::Level;
use self::files::Files;
use self::html::Html;
use self::link::{Linker, Scripts};
use self::messages::{ENGLISH, Messages};
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
    /// A language, a key of its messages, and what is wrong with it.
    #[error("messages/{0}.json: {1}: {2}")]
    Message(String, String, String),
}

/// How the assets are made.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// How much time is spent on making them small.
    pub level: Level,
    /// Whether there is a language that shows which texts are in no file of messages.
    pub has_pseudo_language: bool,
    /// The sections of the messages that the server needs itself.
    pub server_sections: &'a [&'a str],
}

/// Makes the assets of the folder `web`. In `out` are then `assets.rs`, a table of all of them; each HTML
/// page in each language, with the names of its files as they are served; and `messages.rs`, what the server
/// says itself, and the pages.
///
/// # Errors
/// If a file cannot be read, or refers to one that does not exist, or a language lacks a message.
pub fn build(web: &Path, out: &Path, options: Options<'_>) -> Result<(), Error> {
    let files = Files::read(web)?;
    let messages = Messages::read(&files, options.has_pseudo_language)?;
    let tags = messages.tags();
    let files = files.with(messages.modules(&tags));
    uses::check(&files, &messages)?;
    let mut table = Table::new(out, options.level);
    let none = Scripts::new();
    let linker = Linker::new(&files, "", &none)?;
    for name in files.scripts() {
        let path = files::stable_path(name);
        let text = match files::is_public_entry(name) {
            true => linker.link(name, &path)?,
            false => files.text(name).to_owned(),
        };
        table.stable(name, &path, text.as_bytes())?;
    }
    let is_page = |name: &&str| !html::is_template(files.text(name));
    let pages: Vec<_> = files.ending_in(".html").filter(is_page).collect();
    let joined: Vec<_> = pages.iter().flat_map(|name| html::styles(files.text(name))).collect();
    for name in files.ending_in(".css").chain(files.ending_in(".svg").filter(is_page)) {
        let (path, text) = (files::stable_path(name), files.text(name));
        table.stable(name, &path, text.as_bytes())?;
        if !joined.contains(&path.as_str()) {
            let text = files::served_text(name, text);
            table.hashed(name, &hashed_path(name, text.as_bytes()), text.as_bytes())?;
        }
    }
    let scripts = scripts(&files, &messages, &linker, &mut table)?;
    let mut rust = messages.rust(options.server_sections)?;
    for name in pages {
        let mut names = Vec::new();
        for (tag, scripts) in tags.iter().zip(&scripts) {
            let text = html::in_language(files.text(name), &messages, tag);
            let html = Html::of(name, &text, &files, scripts, &table)?;
            if let Some(style) = html.style {
                table.hashed(&style.name, &style.path, style.text.as_bytes())?;
            }
            names.push(in_language(name, tag));
            table::write(&out.join(in_language(name, tag)), html.text.as_bytes())?;
        }
        rust.push_str(&table::page(name, &names));
    }
    table::write(&out.join("messages.rs"), rust.as_bytes())?;
    table.finish()
}

/// The scripts of each language. What has no words in it is the same in all.
fn scripts(
    files: &Files,
    messages: &Messages,
    of_all: &Linker<'_>,
    table: &mut Table,
) -> Result<Vec<Scripts>, Error> {
    let mut all: Vec<Scripts> = Vec::new();
    let none = Scripts::new();
    for tag in messages.tags() {
        let files = files.with(messages.modules(&[tag]));
        let suffix = if tag == ENGLISH { String::new() } else { format!(".{tag}") };
        let linker = Linker::new(&files, &suffix, all.first().unwrap_or(&none))?;
        let mut scripts = Scripts::new();
        for entry in of_all.entries()? {
            // Pages elsewhere are in any language.
            let linker = if files::is_public_entry(entry) { of_all } else { &linker };
            let (script, chunks) = linker.hashed(entry)?;
            for chunk in &chunks {
                let name = in_language(&chunk.name, tag);
                table.chunk(&name, &chunk.path, chunk.text.as_bytes())?;
            }
            let name = in_language(entry, tag);
            table.hashed(&name, &script.path, script.text.as_bytes())?;
            scripts.extend(chunks.into_iter().chain([script]).map(|it| (it.name.clone(), it)));
        }
        all.push(scripts);
    }
    Ok(all)
}

/// The name of a file in a language; in English, its own.
fn in_language(name: &str, tag: &str) -> String {
    match name.rsplit_once('.') {
        Some((stem, end)) if tag != ENGLISH => format!("{stem}.{tag}.{end}"),
        _ => name.to_owned(),
    }
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
