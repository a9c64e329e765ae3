//! Checks that what scripts and templates say is in the messages.

use crate::Error;
use crate::files::Files;
use crate::messages::{ENGLISH, Messages};

/// Checks each `t("key")` of a script against the sections that it imports, or against all if it gets its `t`
/// from another one; and each `t("section.key")` of a page or template.
///
/// # Errors
/// If there is no such message.
pub(crate) fn check(files: &Files, messages: &Messages) -> Result<(), Error> {
    for name in files.scripts() {
        let text = files.text(name);
        let mut sections: Vec<_> = sections(text).collect();
        if sections.is_empty() {
            sections = messages.sections().collect();
        }
        for (line, key) in keys(text) {
            let is_there =
                |section: &&str| messages.find(ENGLISH, &format!("{section}.{key}")).is_some();
            if !sections.iter().any(is_there) {
                let what = format!("no section that it imports has the message {key}");
                return Err(Error::Source(name.to_owned(), line, what));
            }
        }
    }
    for name in files.ending_in(".html").chain(files.ending_in(".svg")) {
        for (line, key) in keys(files.text(name)) {
            if messages.find(ENGLISH, key).is_none() {
                let what = format!("there is no message {key}");
                return Err(Error::Source(name.to_owned(), line, what));
            }
        }
    }
    Ok(())
}

/// The sections that a script imports.
fn sections(text: &str) -> impl Iterator<Item = &str> {
    let imports = text.lines().filter(|line| line.starts_with("import "));
    imports.filter_map(|line| line.rsplit_once("messages/")?.1.strip_suffix(".js\";"))
}

/// Each `t("key"`, with its line.
fn keys(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_code =
        |line: &str| !["//", "/*", "*"].iter().any(|it| line.trim_start().starts_with(it));
    let lines = text.lines().enumerate().filter(move |(_, line)| is_code(line));
    lines.flat_map(|(at, line)| {
        line.match_indices("t(\"").filter_map(move |(place, call)| {
            let is_name =
                line[..place].ends_with(|it: char| it.is_alphanumeric() || it == '_' || it == '$');
            let (key, _) = line[place + call.len()..].split_once('"')?;
            (!is_name).then_some((at + 1, key))
        })
    })
}
