//! A page of the folder, with the names under which its files are served.

use crate::files::{Files, served_text};
use crate::table::Table;
use crate::{Error, hashed_path};

pub(crate) struct Html {
    pub(crate) text: String,
    /// All style sheets that the page links at once.
    pub(crate) style: Option<Style>,
}

pub(crate) struct Style {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) text: String,
}

const STYLE: &str = "<link rel=\"stylesheet\" href=\"";

impl Html {
    /// The page: with one style sheet in place of all that it links at once, and with hashed names of
    /// scripts, pictures, and style sheets that are `disabled` until somebody needs them.
    pub(crate) fn of(name: &str, text: &str, files: &Files, table: &Table) -> Result<Self, Error> {
        let missing = |line: usize, path: &str| {
            Error::Source(name.to_owned(), line, format!("there is no file {path}"))
        };
        let mut styles = String::new();
        for (at, line) in text.lines().enumerate() {
            if let Some(path) = style_of(line) {
                let file = files.at(path).ok_or_else(|| missing(at + 1, path))?;
                styles.push_str(&served_text(file, files.text(file)));
            }
        }
        let joined = format!("{}.css", name.strip_suffix(".html").unwrap_or(name));
        let path = hashed_path(&joined, styles.as_bytes());
        let style = Style { name: joined, path, text: styles };
        let mut is_linked = false;
        let mut page = String::with_capacity(text.len());
        for (at, line) in text.lines().enumerate() {
            if style_of(line).is_none() {
                page.push_str(&with_hashes(line, files, table).map_err(|it| missing(at + 1, &it))?);
                page.push('\n');
            } else if !is_linked {
                is_linked = true;
                page.push_str(&format!("{STYLE}{}\">\n", style.path));
            }
        }
        Ok(Self { text: page, style: is_linked.then_some(style) })
    }
}

/// The paths of all style sheets that a page links at once.
pub(crate) fn styles(html: &str) -> impl Iterator<Item = &str> {
    html.lines().filter_map(style_of)
}

/// The path of a line that links a style sheet which is not `disabled`.
fn style_of(line: &str) -> Option<&str> {
    line.trim().strip_prefix(STYLE)?.split('"').next()
}

/// The line with the hashed name of each file in it. What is wrong is a script or a style sheet that does
/// not exist.
fn with_hashes(line: &str, files: &Files, table: &Table) -> Result<String, String> {
    let mut text = line.to_owned();
    for attribute in ["src=\"", "href=\""] {
        let Some((_, after)) = line.split_once(attribute) else { continue };
        let path = after.split('"').next().unwrap_or_default();
        let hashed = files.at(path).and_then(|file| table.url(file));
        match hashed {
            Some(url) => {
                text = text.replace(&format!("{attribute}{path}\""), &format!("{attribute}{url}\""))
            }
            None if line.contains("<script") || line.contains("rel=\"stylesheet\"") => {
                return Err(path.to_owned());
            }
            None => {}
        }
    }
    Ok(text)
}
