//! Joins a module and all that it imports into one script.
//!
//! Each module becomes a function that is run once and gives what the module exports, in the order in
//! which a browser would run them. What one declares, no other sees.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::files::{Files, served_text, stable_path};
use crate::javascript::{Module, Names, Part, literal};
use crate::{Error, HASHED, hashed_path};

pub(crate) struct Linker<'a> {
    files: &'a Files,
    hashed: BTreeMap<String, Script>,
    /// The entries that are being joined, each on behalf of the one before.
    under_way: Vec<String>,
}

/// A script with a hash in its name.
#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl<'a> Linker<'a> {
    pub(crate) fn new(files: &'a Files) -> Self {
        Self { files, hashed: BTreeMap::new(), under_way: Vec::new() }
    }

    /// What is loaded by itself: no module imports it, or pages elsewhere load it, or it is loaded later.
    pub(crate) fn entries(&self) -> Result<Vec<String>, Error> {
        let mut imported = Vec::new();
        for name in self.files.scripts() {
            // In a circle, nothing would be an entry.
            self.visit(name, &mut Vec::new(), &mut Vec::new())?;
            for (reference, line) in self.module(name)?.imports() {
                imported.push(self.referred(name, reference, line)?);
            }
        }
        let is_entry =
            |name: &&str| !imported.contains(name) || crate::files::is_public_entry(name);
        Ok(self.files.scripts().filter(is_entry).map(str::to_owned).collect())
    }

    /// The script of this entry, with a hash in its name.
    pub(crate) fn hashed(&mut self, entry: &str) -> Result<Script, Error> {
        if let Some(script) = self.hashed.get(entry) {
            return Ok(script.clone());
        }
        if self.under_way.iter().any(|it| it == entry) {
            return Err(Error::Cycle(self.under_way.join(", ")));
        }
        self.under_way.push(entry.to_owned());
        let text = self.link(entry, HASHED)?;
        self.under_way.pop();
        let script = Script { path: hashed_path(entry, text.as_bytes()), text };
        self.hashed.insert(entry.to_owned(), script.clone());
        Ok(script)
    }

    /// The script of this entry, as it is served at a path, or in a folder.
    pub(crate) fn link(&mut self, entry: &str, served_at: &str) -> Result<String, Error> {
        if self.module(entry)?.is_alone() {
            return self.served_from(entry, served_at, &served_text(entry, self.files.text(entry)));
        }
        let mut order = Vec::new();
        self.visit(entry, &mut Vec::new(), &mut order)?;
        let mut script = String::new();
        for name in &order {
            script.push_str(&self.as_function(name, served_at)?);
        }
        let exports = self.module(entry)?.exports;
        if !exports.is_empty() {
            let names: Vec<_> = exports.iter().map(|(outside, _)| outside.as_str()).collect();
            let (names, variable) = (names.join(", "), variable(entry));
            writeln!(script, "export const {{ {names} }} = {variable};").expect("memory");
        }
        Ok(script)
    }

    fn visit(
        &self,
        name: &str,
        way: &mut Vec<String>,
        order: &mut Vec<String>,
    ) -> Result<(), Error> {
        if order.iter().any(|it| it == name) {
            return Ok(());
        }
        let is_cycle = way.iter().any(|it| it == name);
        way.push(name.to_owned());
        if is_cycle {
            return Err(Error::Cycle(way.join(", ")));
        }
        for (reference, line) in self.module(name)?.imports() {
            self.visit(self.referred(name, reference, line)?, way, order)?;
        }
        way.pop();
        order.push(name.to_owned());
        Ok(())
    }

    fn as_function(&mut self, name: &str, served_at: &str) -> Result<String, Error> {
        let module = self.module(name)?;
        let mut text = format!("const {} = (() => {{\n", variable(name));
        for part in &module.parts {
            match part {
                Part::Lines(lines) => text.push_str(&self.served_from(name, served_at, lines)?),
                Part::Import { from, names, line } => {
                    let of = variable(self.referred(name, from, *line)?);
                    let names = match names {
                        Names::None => continue,
                        Names::All(name) => name.clone(),
                        Names::Some(names) => format!("{{ {} }}", pairs(names)),
                    };
                    writeln!(text, "const {names} = {of};").expect("memory");
                }
            }
        }
        let exports = module.exports.iter().map(|(outside, inside)| (outside, inside));
        let exports: Vec<_> = exports.map(|(o, i)| (o.clone(), i.clone())).collect();
        if !exports.is_empty() {
            writeln!(text, "return {{ {} }};", pairs(&exports)).expect("memory");
        }
        text.push_str("})();\n");
        Ok(text)
    }

    /// The lines of a file that is served elsewhere than where it lies: what it loads later has another
    /// address, and so has the file itself.
    fn served_from(&mut self, name: &str, served_at: &str, lines: &str) -> Result<String, Error> {
        let mut text = String::with_capacity(lines.len());
        let mut rest = lines;
        while let Some((before, after)) = rest.split_once("import(") {
            let mistake = || {
                let what = "`import(...)` needs the name of a file as a string".to_owned();
                Error::Source(name.to_owned(), 0, what)
            };
            let (reference, behind) = after.split_once(')').ok_or_else(mistake)?;
            let reference = literal(reference.trim()).ok_or_else(mistake)?;
            let target = self.referred(name, reference, 0)?.to_owned();
            let path = self.hashed(&target)?.path;
            write!(text, "{before}import(\"{}\")", relative(&path, served_at)).expect("memory");
            rest = behind;
        }
        text.push_str(rest);
        let own = stable_path(name);
        if own == served_at {
            return Ok(text);
        }
        let own = format!("new URL(\"{}\", import.meta.url).href", relative(&own, served_at));
        Ok(text.replace("import.meta.url", &own))
    }

    fn module(&self, name: &str) -> Result<Module, Error> {
        Module::parse(self.files.text(name))
            .map_err(|(line, what)| Error::Source(name.to_owned(), line, what))
    }

    fn referred(&self, from: &str, reference: &str, line: usize) -> Result<&'a str, Error> {
        self.files.referred(from, reference).ok_or_else(|| {
            Error::Source(from.to_owned(), line, format!("there is no file {reference}"))
        })
    }
}

/// `{ outside: inside }`, short where both are the same.
fn pairs(names: &[(String, String)]) -> String {
    let pair = |(outside, inside): &(String, String)| match outside == inside {
        true => outside.clone(),
        false => format!("{outside}: {inside}"),
    };
    names.iter().map(pair).collect::<Vec<_>>().join(", ")
}

/// The variable that has what a module exports.
fn variable(name: &str) -> String {
    let stem = name.strip_suffix(".js").unwrap_or(name);
    let plain = |it: char| if it.is_ascii_alphanumeric() { it } else { '_' };
    format!("module_{}", stem.chars().map(plain).collect::<String>())
}

/// A path as seen from another one, both from the root. The proxy may be served below a path of its own.
fn relative(path: &str, from: &str) -> String {
    let depth = from.matches('/').count() - 1;
    let up = if depth == 0 { "./".to_owned() } else { "../".repeat(depth) };
    format!("{up}{}", &path[1..])
}
