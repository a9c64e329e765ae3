//! What is understood of a module: its imports, its exports, and which lines are comments.
//!
//! This is no parser. It knows `import` and `export` at the beginning of a line, and `import("./x.js")`
//! within one, as the modules have them, and refuses every form that it does not know.

/// A module, taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Module {
    pub(crate) parts: Vec<Part>,
    /// The names of what it exports.
    pub(crate) exports: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// Text without comments and imports, and without `export` before what it declares.
    Text(String),
    /// `import { names } from "from";`, with `a as b` as `a: b`. Without names, the module is only run.
    Import { from: String, names: Vec<String>, line: usize },
    /// `import("from")`: the module is loaded when this is run.
    Load { from: String, line: usize },
}

/// A line, and what is wrong with it.
pub(crate) type Mistake = (usize, String);

impl Module {
    /// Takes a text apart.
    pub(crate) fn parse(text: &str) -> Result<Self, Mistake> {
        let mut module = Self::default();
        let mut lines = code(text).into_iter();
        while let Some((number, line)) = lines.next() {
            if line.starts_with("import ") || line.starts_with("import{") {
                let mut statement = line.to_owned();
                while !statement.trim_end().ends_with(';') {
                    let (_, more) = lines.next().ok_or((number, "no end with `;`".to_owned()))?;
                    statement.push(' ');
                    statement.push_str(more);
                }
                let statement = statement.trim_end().trim_end_matches(';');
                module.parts.push(import(statement, number)?);
            } else if let Some(declared) = line.strip_prefix("export ") {
                let name = declared_name(declared).ok_or_else(|| unknown(line, number))?;
                module.exports.push(name.to_owned());
                module.line(declared, number)?;
            } else if line.starts_with("export{") || line.starts_with("export*") {
                return Err(unknown(line, number));
            } else {
                module.line(line, number)?;
            }
        }
        Ok(module)
    }

    /// Whether it is no module at all, and so may be a script of the old kind.
    pub(crate) fn is_alone(&self) -> bool {
        self.exports.is_empty() && self.parts.iter().all(|it| matches!(it, Part::Text(_)))
    }

    /// What it imports, and in which line.
    pub(crate) fn imports(&self) -> impl Iterator<Item = (&str, usize)> {
        self.parts.iter().filter_map(|part| match part {
            Part::Import { from, line, .. } => Some((from.as_str(), *line)),
            Part::Text(_) | Part::Load { .. } => None,
        })
    }

    /// What it loads while it runs, and in which line.
    pub(crate) fn loads(&self) -> impl Iterator<Item = (&str, usize)> {
        self.parts.iter().filter_map(|part| match part {
            Part::Load { from, line } => Some((from.as_str(), *line)),
            Part::Text(_) | Part::Import { .. } => None,
        })
    }

    fn line(&mut self, line: &str, number: usize) -> Result<(), Mistake> {
        let mut rest = line;
        while let Some((before, after)) = split_at_load(rest) {
            let loaded = after.strip_prefix('(').and_then(|it| it.split_once(')'));
            let loaded = loaded.and_then(|(from, behind)| Some((literal(from)?, behind)));
            let (from, behind) = loaded.ok_or_else(|| unknown(line, number))?;
            self.text(before);
            self.parts.push(Part::Load { from: from.to_owned(), line: number });
            rest = behind;
        }
        self.text(rest);
        self.text("\n");
        Ok(())
    }

    fn text(&mut self, text: &str) {
        match self.parts.last_mut() {
            Some(Part::Text(before)) => before.push_str(text),
            _ => self.parts.push(Part::Text(text.to_owned())),
        }
    }
}

fn unknown(statement: &str, line: usize) -> Mistake {
    (line, format!("this form is not known to crates/assets: {statement}"))
}

fn import(statement: &str, line: usize) -> Result<Part, Mistake> {
    let unknown = || unknown(statement, line);
    let rest = statement.strip_prefix("import").ok_or_else(unknown)?.trim();
    let (names, from) = match rest.rsplit_once(" from ") {
        None => (Vec::new(), rest),
        Some((names, from)) => (list(names).ok_or_else(unknown)?, from.trim()),
    };
    let from = literal(from).ok_or_else(unknown)?.to_owned();
    Ok(Part::Import { from, names, line })
}

/// `{ a, b as c }`, as names of a pattern: `b: c`.
fn list(text: &str) -> Option<Vec<String>> {
    let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    let names = inner.split(',').map(str::trim).filter(|it| !it.is_empty());
    let pattern = |name: &str| match name.split_once(" as ") {
        Some((outside, inside)) => {
            Some(format!("{}: {}", identifier(outside.trim())?, identifier(inside.trim())?))
        }
        None => identifier(name).map(str::to_owned),
    };
    names.map(pattern).collect()
}

/// What a statement behind `export` declares. A variable that may change is none of it: who imports it
/// would see each change, and not in a joined script.
fn declared_name(declared: &str) -> Option<&str> {
    let kinds =
        ["async function* ", "async function ", "function* ", "function ", "class ", "const "];
    let rest = kinds.iter().find_map(|kind| declared.strip_prefix(kind))?;
    let end = rest.find(|it: char| !is_in_identifier(it)).unwrap_or(rest.len());
    identifier(&rest[..end])
}

fn identifier(text: &str) -> Option<&str> {
    let is_one = !text.is_empty() && text.chars().all(is_in_identifier);
    (is_one && !text.starts_with(|it: char| it.is_ascii_digit()) && text != "default")
        .then_some(text)
}

fn is_in_identifier(it: char) -> bool {
    it.is_alphanumeric() || it == '_' || it == '$'
}

/// The text of a string of one line, with nothing in it that means something else.
fn literal(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|it| matches!(it, '"' | '\''))?;
    let inner = text[1..].strip_suffix(quote)?;
    (!inner.contains(['"', '\'', '\\', '`'])).then_some(inner)
}

/// What is before and behind an `import` that loads a module while the line runs.
fn split_at_load(line: &str) -> Option<(&str, &str)> {
    line.match_indices("import").find_map(|(at, word)| {
        let (before, after) = (&line[..at], &line[at + word.len()..]);
        let next = after.trim_start();
        let is_load = next.is_empty() || next.starts_with('(');
        (is_load && !before.ends_with(is_in_identifier)).then_some((before, after))
    })
}

/// The text without the lines that are comments, and without what is before each line.
pub(crate) fn without_comments(text: &str) -> String {
    code(text).into_iter().flat_map(|(_, line)| [line, "\n"]).collect()
}

/// The lines that are no comments, each with its number and without the space before it. A comment behind
/// code stays, and so does everything within the backticks of a template, where it may be what the
/// template says.
fn code(text: &str) -> Vec<(usize, &str)> {
    let numbered = || (1..).zip(text.lines());
    let mut kept = Vec::new();
    let (mut is_in_comment, mut is_in_template) = (false, false);
    for (number, line) in numbered() {
        let trimmed = line.trim();
        if is_in_comment {
            is_in_comment = !trimmed.ends_with("*/");
            continue;
        }
        if !is_in_template {
            if trimmed.is_empty() || trimmed.starts_with("//") {
                continue;
            }
            let is_block = trimmed.starts_with("/*");
            if is_block
                && (!trimmed.contains("*/") || trimmed.find("*/") == Some(trimmed.len() - 2))
            {
                is_in_comment = !trimmed.ends_with("*/");
                continue;
            }
        }
        kept.push((number, if is_in_template { line } else { line.trim_start() }));
        is_in_template ^= line.matches('`').count() % 2 == 1;
    }
    // A backtick that begins no template: nothing above is certain.
    if is_in_template || is_in_comment { numbered().collect() } else { kept }
}
