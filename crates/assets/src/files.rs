//! The files of the folder, and where each is served as it lies there.

use std::collections::BTreeMap;
use std::path::Path;

use crate::{Error, javascript};

/// What pages elsewhere load, each as one script and under a name that stays.
const PUBLIC_ENTRIES: [&str; 2] = ["live-users.js", "live-users-chart.js"];

/// The messages of the scripts that pages elsewhere load.
const PUBLIC_MESSAGES: [&str; 4] =
    ["messages/chart.js", "messages/element.js", "messages/link.js", "messages/server.js"];

/// The icon: browsers know it by this place.
const ICON: &str = "favicon.svg";

pub(crate) struct Files {
    texts: BTreeMap<String, String>,
}

/// The style of the page for frames: in a sandbox a page is of no origin, also for what it loads itself.
const FRAMED_STYLE: &str = "embed.css";

/// Whether pages of other origins may load it.
pub(crate) fn is_public(name: &str) -> bool {
    name.starts_with("live-users") && name.ends_with(".js")
        || name == FRAMED_STYLE
        || PUBLIC_MESSAGES.contains(&name)
}

/// Whether it is served joined with all that it imports, under its own name.
pub(crate) fn is_public_entry(name: &str) -> bool {
    PUBLIC_ENTRIES.contains(&name)
}

/// Where the file is, whatever is in it.
pub(crate) fn stable_path(name: &str) -> String {
    match is_public(name) || name == ICON {
        true => format!("/{name}"),
        false => format!("/admin/{name}"),
    }
}

/// The text as it is served with a hash in its name.
pub(crate) fn served_text(name: &str, text: &str) -> String {
    match name.rsplit_once('.') {
        Some((_, "js")) => javascript::without_comments(text),
        Some((_, "css")) => without_comments(text),
        _ => text.to_owned(),
    }
}

/// A style sheet without comments, and without the space before each line. None of ours has the beginning
/// of a comment in a string, nor a string of several lines.
fn without_comments(css: &str) -> String {
    let mut rest = css;
    let mut text = String::with_capacity(css.len());
    while let Some((before, after)) = rest.split_once("/*") {
        text.push_str(before);
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    text.push_str(rest);
    let lines = text.lines().map(str::trim_start).filter(|line| !line.is_empty());
    lines.flat_map(|line| [line, "\n"]).collect()
}

impl Files {
    pub(crate) fn read(folder: &Path) -> Result<Self, Error> {
        let mut texts = BTreeMap::new();
        read_below(folder, "", &mut texts)?;
        Ok(Self { texts })
    }

    /// These, and modules that nobody has written, as far as some script imports them.
    pub(crate) fn with(&self, modules: Vec<(String, String)>) -> Self {
        let is_imported = |name: &str| {
            let import = format!("/{name}\";");
            self.scripts().any(|script| self.text(script).contains(&import))
        };
        let modules = modules.into_iter().filter(|(name, _)| is_imported(name));
        let mut texts = self.texts.clone();
        texts.extend(modules);
        Self { texts }
    }

    pub(crate) fn scripts(&self) -> impl Iterator<Item = &str> {
        self.ending_in(".js")
    }

    pub(crate) fn ending_in<'a>(&'a self, end: &'a str) -> impl Iterator<Item = &'a str> {
        self.texts.keys().map(String::as_str).filter(move |name| name.ends_with(end))
    }

    pub(crate) fn text(&self, name: &str) -> &str {
        &self.texts[name]
    }

    /// The file that is served at this path.
    pub(crate) fn at(&self, path: &str) -> Option<&str> {
        self.texts.keys().map(String::as_str).find(|name| stable_path(name) == path)
    }

    /// The file that this one means by a reference: `./dom.js` beside it, or `/live-users.js`.
    pub(crate) fn referred(&self, from: &str, reference: &str) -> Option<&str> {
        if reference.starts_with('/') {
            return self.at(reference);
        }
        let path = stable_path(from);
        let (folder, _) = path.rsplit_once('/')?;
        self.at(&format!("{folder}/{}", reference.strip_prefix("./")?))
    }
}

fn read_below(
    folder: &Path,
    prefix: &str,
    texts: &mut BTreeMap<String, String>,
) -> Result<(), Error> {
    let failed = |path: &Path, error| Error::Io(path.display().to_string(), error);
    for entry in std::fs::read_dir(folder).map_err(|error| failed(folder, error))? {
        let entry = entry.map_err(|error| failed(folder, error))?;
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        // What editors leave behind.
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        if path.is_dir() {
            read_below(&path, &format!("{prefix}{name}/"), texts)?;
        } else {
            let text = std::fs::read_to_string(&path).map_err(|error| failed(&path, error))?;
            texts.insert(format!("{prefix}{name}"), text);
        }
    }
    Ok(())
}
