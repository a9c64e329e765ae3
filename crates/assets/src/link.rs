//! Joins a module and all that it imports into one script, and what it loads later into chunks.
//!
//! Each module becomes a function that is run once and gives what the module exports, in the order in
//! which a browser would run them. What one declares, no other sees.
//!
//! A module that is loaded by `import("./x.js")` is a chunk, with all that it alone imports. What it has in
//! common with its script is handed to it, so each module runs once. So a chunk does not name its script,
//! and the hash in the name of the script covers the names of its chunks: a script only ever loads the
//! chunks that it was made with. What several chunks have in common is in the script.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::files::{Files, is_public_entry, served_text, stable_path};
use crate::javascript::{Module, Part};
use crate::{Error, HASHED, hashed_path};

/// What a script loads its chunks by.
const RUNTIME: &str = include_str!("chunk.js");

pub(crate) struct Linker<'a> {
    files: &'a Files,
    modules: BTreeMap<&'a str, Module>,
    /// What the names of these scripts have that others have not, such as `.de`.
    suffix: &'a str,
    /// Scripts that are taken where the text is the same.
    same: &'a Scripts,
}

/// The scripts with hashes in their names, by the names of the modules that they begin with.
pub(crate) type Scripts = BTreeMap<String, Script>;

/// A script with a hash in its name.
#[derive(Clone)]
pub(crate) struct Script {
    /// The module that it begins with.
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) text: String,
}

/// What becomes of a module and of all that it imports and loads.
struct Graph<'a> {
    /// The modules of the script, in the order in which they run.
    script: Vec<&'a str>,
    /// Each module that is loaded later, and in their order those that come with it, itself the last.
    chunks: Vec<(&'a str, Vec<&'a str>)>,
}

impl<'a> Linker<'a> {
    pub(crate) fn new(files: &'a Files, suffix: &'a str, same: &'a Scripts) -> Result<Self, Error> {
        let mut modules = BTreeMap::new();
        for name in files.scripts() {
            let module = Module::parse(files.text(name))
                .map_err(|(line, what)| Error::Source(name.to_owned(), line, what))?;
            modules.insert(name, module);
        }
        Ok(Self { files, modules, suffix, same })
    }

    /// What is loaded by itself: no module imports or loads it, or pages elsewhere load it.
    pub(crate) fn entries(&self) -> Result<Vec<&'a str>, Error> {
        let mut referred = Vec::new();
        for (name, module) in &self.modules {
            // In a circle, nothing would be an entry.
            self.visit(name, &mut Vec::new(), &mut Vec::new())?;
            for (reference, line) in module.imports().chain(module.loads()) {
                referred.push(self.referred(name, reference, line)?);
            }
        }
        let is_entry = |name: &&str| !referred.contains(name) || is_public_entry(name);
        Ok(self.modules.keys().copied().filter(is_entry).collect())
    }

    /// The script of this entry, and its chunks.
    pub(crate) fn hashed(&self, entry: &str) -> Result<(Script, Vec<Script>), Error> {
        let script = |name: &str, text: String| {
            let same = self.same.get(name).filter(|it| it.text == text);
            same.cloned().unwrap_or_else(|| {
                let stem = name.strip_suffix(".js").unwrap_or(name);
                let path = hashed_path(&format!("{stem}{}.js", self.suffix), text.as_bytes());
                Script { name: name.to_owned(), path, text }
            })
        };
        let graph = self.graph(entry)?;
        let mut loads = BTreeMap::new();
        let mut chunks = Vec::new();
        for (name, modules) in &graph.chunks {
            let shared = self.shared(modules)?;
            let chunk = script(name, self.chunk(modules, &shared)?);
            let path = relative(&chunk.path, HASHED);
            let shared = shared.join(", ");
            loads.insert(*name, format!("import_chunk(\"{path}\", () => [{shared}])"));
            chunks.push(chunk);
        }
        Ok((script(entry, self.script(&graph.script, HASHED, &loads)?), chunks))
    }

    /// The script of this entry, as it is served at a path. It has no chunks there.
    pub(crate) fn link(&self, entry: &str, served_at: &str) -> Result<String, Error> {
        self.script(&self.graph(entry)?.script, served_at, &BTreeMap::new())
    }

    fn graph(&self, entry: &str) -> Result<Graph<'a>, Error> {
        if !self.modules[entry].exports.is_empty() {
            let what = "nothing imports or loads this module".to_owned();
            return Err(Error::Source(entry.to_owned(), 1, what));
        }
        let mut script = Vec::new();
        self.visit(entry, &mut Vec::new(), &mut script)?;
        let mut chunks: Vec<(&str, Vec<&str>)> = Vec::new();
        for name in &script {
            for (reference, line) in self.modules[name].loads() {
                let loaded = self.referred(name, reference, line)?;
                if !chunks.iter().any(|(it, _)| *it == loaded) {
                    let mut modules = Vec::new();
                    self.visit(loaded, &mut Vec::new(), &mut modules)?;
                    modules.retain(|it| !script.contains(it));
                    chunks.push((loaded, modules));
                }
            }
        }
        let times = |name: &str| chunks.iter().filter(|(_, it)| it.contains(&name)).count();
        let mut common: Vec<&str> = Vec::new();
        for name in chunks.iter().flat_map(|(_, it)| it) {
            if times(name) > 1 && !common.contains(name) {
                common.push(name);
            }
        }
        for (_, modules) in &mut chunks {
            modules.retain(|it| !common.contains(it));
        }
        script.extend(common);
        for (name, modules) in &chunks {
            if !modules.contains(name) {
                let what = "it is loaded by `import(...)`, and imported as well".to_owned();
                return Err(Error::Source((*name).to_owned(), 1, what));
            }
            for name in modules {
                if let Some((reference, line)) = self.modules[name].loads().next() {
                    let what = format!("{reference} is loaded by what is itself loaded later");
                    return Err(Error::Source((*name).to_owned(), line, what));
                }
            }
        }
        Ok(Graph { script, chunks })
    }

    fn visit(
        &self,
        name: &str,
        way: &mut Vec<&'a str>,
        order: &mut Vec<&'a str>,
    ) -> Result<(), Error> {
        if order.contains(&name) {
            return Ok(());
        }
        let (name, module) = self.modules.get_key_value(name).expect("a script of the folder");
        let is_cycle = way.contains(name);
        way.push(name);
        if is_cycle {
            return Err(Error::Cycle(way.join(", ")));
        }
        for (reference, line) in module.imports() {
            self.visit(self.referred(name, reference, line)?, way, order)?;
        }
        way.pop();
        order.push(name);
        Ok(())
    }

    /// The variables of what these modules import and that is not among them.
    fn shared(&self, modules: &[&str]) -> Result<Vec<String>, Error> {
        let mut shared = Vec::new();
        for name in modules {
            for (reference, line) in self.modules[name].imports() {
                let imported = self.referred(name, reference, line)?;
                let variable = variable(imported);
                if !modules.contains(&imported) && !shared.contains(&variable) {
                    shared.push(variable);
                }
            }
        }
        Ok(shared)
    }

    /// Modules that are loaded together, the last of which is what is loaded.
    fn chunk(&self, modules: &[&str], shared: &[String]) -> Result<String, Error> {
        let mut text = format!("const link = ([{}]) => {{\n", shared.join(", "));
        for name in modules {
            text.push_str(&self.as_function(name, HASHED, &BTreeMap::new())?);
        }
        let loaded = modules.last().map_or_else(String::new, |it| variable(it));
        write!(
            text,
            "return {loaded};\n}};\nlet linked;\n\
             export default (shared) => (linked ??= link(shared()));\n"
        )
        .expect("memory");
        Ok(text)
    }

    /// Modules that run at once, the last of which is the entry, unless chunks have more in common.
    fn script(
        &self,
        modules: &[&str],
        served_at: &str,
        loads: &BTreeMap<&str, String>,
    ) -> Result<String, Error> {
        if let [name] = modules
            && self.modules[name].is_alone()
        {
            return Ok(served_from(name, served_at, &served_text(name, self.files.text(name))));
        }
        let mut script = String::new();
        if !loads.is_empty() {
            script.push_str(&crate::javascript::without_comments(RUNTIME));
        }
        for name in modules {
            script.push_str(&self.as_function(name, served_at, loads)?);
        }
        Ok(script)
    }

    fn as_function(
        &self,
        name: &str,
        served_at: &str,
        loads: &BTreeMap<&str, String>,
    ) -> Result<String, Error> {
        let module = &self.modules[name];
        let mut text = format!("const {} = (() => {{\n", variable(name));
        for part in &module.parts {
            match part {
                Part::Text(part) => text.push_str(&served_from(name, served_at, part)),
                Part::Import { names, .. } if names.is_empty() => {}
                Part::Import { from, names, line } => {
                    let of = variable(self.referred(name, from, *line)?);
                    writeln!(text, "const {{ {} }} = {of};", names.join(", ")).expect("memory");
                }
                Part::Load { from, line } => {
                    let loaded = self.referred(name, from, *line)?;
                    let load = loads.get(loaded).ok_or_else(|| {
                        let what = format!("pages elsewhere load this, and not {from} with it");
                        Error::Source(name.to_owned(), *line, what)
                    })?;
                    text.push_str(load);
                }
            }
        }
        writeln!(text, "return {{ {} }};\n}})();", module.exports.join(", ")).expect("memory");
        Ok(text)
    }

    fn referred(&self, from: &str, reference: &str, line: usize) -> Result<&'a str, Error> {
        self.files.referred(from, reference).ok_or_else(|| {
            Error::Source(from.to_owned(), line, format!("there is no file {reference}"))
        })
    }
}

/// Text of a file that is served elsewhere than where it lies: the file itself has another address there.
fn served_from(name: &str, served_at: &str, text: &str) -> String {
    let own = stable_path(name);
    if own == served_at {
        return text.to_owned();
    }
    let own = format!("new URL(\"{}\", import.meta.url).href", relative(&own, served_at));
    text.replace("import.meta.url", &own)
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
