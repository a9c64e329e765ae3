//! A page of the folder, with the names under which its files are served.

use crate::files::{Files, served_text};
use crate::link::Scripts;
use crate::messages::{self, Messages, PSEUDO};
use crate::table::Table;
use crate::{Error, hashed_path};

/// Before and behind what stands for something else in a page.
const OPEN: &str = "{{ ";
const CLOSE: &str = " }}";

/// The tag of the language, and options of all languages for a list.
const LANGUAGE: &str = "language";
const LANGUAGES: &str = "languages";

/// The key of a language's own name.
const OWN_NAME: &str = "language.ownName";

/// Whether a text is a template, which the server fills in: it has more in it than messages.
pub(crate) fn is_template(text: &str) -> bool {
    let is_ours = |it: &str| it == LANGUAGE || it == LANGUAGES || key(it).is_some();
    let mut inside = text.split(OPEN).skip(1).map(|it| it.split(CLOSE).next().unwrap_or(it));
    text.contains("{%") || inside.any(|it| !is_ours(it))
}

/// The key in `t("page.title")`.
fn key(call: &str) -> Option<&str> {
    call.strip_prefix("t(\"")?.strip_suffix("\")")
}

/// The page with the messages of a language, all of which `uses::check` has found.
pub(crate) fn in_language(text: &str, messages: &Messages, tag: &str) -> String {
    let mut page = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(OPEN) {
        page.push_str(before);
        let (call, behind) = after.split_once(CLOSE).unwrap_or((after, ""));
        match call {
            LANGUAGE => page.push_str(tag),
            LANGUAGES => page.push_str(&options(messages, tag)),
            _ => {
                let message = key(call).and_then(|key| messages.find(tag, key));
                page.push_str(&messages::html(message.expect("it was looked for").other()));
            }
        }
        rest = behind;
    }
    page.push_str(rest);
    page
}

/// An option for each language, in its own words. The pseudo-language is no choice.
fn options(messages: &Messages, chosen: &str) -> String {
    let option = |tag: &&str| {
        let name = messages.find(tag, OWN_NAME).map_or(*tag, |it| it.other());
        let selected = if *tag == chosen { " selected" } else { "" };
        format!(
            "<option value=\"{tag}\" lang=\"{tag}\"{selected}>{}</option>",
            messages::html(name)
        )
    };
    let tags = messages.tags();
    tags.iter().filter(|tag| **tag != PSEUDO || **tag == chosen).map(option).collect()
}

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
    pub(crate) fn of(
        name: &str,
        text: &str,
        files: &Files,
        scripts: &Scripts,
        table: &Table,
    ) -> Result<Self, Error> {
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
                let url = |path: &str| {
                    let file = files.at(path)?;
                    let script = scripts.get(file).map(|it| it.path.as_str());
                    script.or_else(|| table.url(file))
                };
                page.push_str(&with_hashes(line, url).map_err(|it| missing(at + 1, &it))?);
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
fn with_hashes<'a>(line: &str, url: impl Fn(&str) -> Option<&'a str>) -> Result<String, String> {
    let mut text = line.to_owned();
    for attribute in ["src=\"", "href=\""] {
        let Some((_, after)) = line.split_once(attribute) else { continue };
        let path = after.split('"').next().unwrap_or_default();
        match url(path) {
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
