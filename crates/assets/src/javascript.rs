//! What is understood of a module: its imports, its exports, and which lines are comments.
//!
//! This is no parser. It knows `import` and `export` at the beginning of a line, as the modules have them,
//! and refuses every form that it does not know.

/// A module, taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Module {
    /// The lines without comments and imports, and without `export` before what they declare.
    pub(crate) parts: Vec<Part>,
    /// What it exports: the name outside, and the name in the module.
    pub(crate) exports: Vec<(String, String)>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Lines(String),
    Import { from: String, names: Names, line: usize },
}

/// What is imported.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// Nothing: the module is only run.
    None,
    /// The name outside, and the name in the module.
    Some(Vec<(String, String)>),
    /// All of it, under this name.
    All(String),
}

/// A line, and what is wrong with it.
pub(crate) type Mistake = (usize, String);

impl Module {
    /// Takes a text apart.
    pub(crate) fn parse(text: &str) -> Result<Self, Mistake> {
        let mut module = Self::default();
        let mut lines = text.lines().enumerate();
        while let Some((at, line)) = lines.next() {
            let number = at + 1;
            let is_import = line.starts_with("import ") || line.starts_with("import{");
            let is_list = line.starts_with("export {") || line.starts_with("export{");
            if is_import || is_list {
                let mut statement = line.to_owned();
                while !statement.trim_end().ends_with(';') {
                    let (_, more) = lines.next().ok_or((number, "no end with `;`".to_owned()))?;
                    statement.push(' ');
                    statement.push_str(more);
                }
                let statement = statement.trim_end().trim_end_matches(';');
                match is_import {
                    true => module.parts.push(import(statement, number)?),
                    false => module.exports.extend(export_list(statement, number)?),
                }
            } else if let Some(declared) = line.strip_prefix("export ") {
                let name = declared_name(declared).ok_or_else(|| unknown(line, number))?;
                module.exports.push((name.to_owned(), name.to_owned()));
                module.line(declared);
            } else {
                module.line(line);
            }
        }
        for part in &mut module.parts {
            if let Part::Lines(lines) = part {
                *lines = without_comments(lines);
            }
        }
        Ok(module)
    }

    /// Whether it is no module at all, and so may be a script of the old kind.
    pub(crate) fn is_alone(&self) -> bool {
        self.exports.is_empty() && self.parts.iter().all(|it| matches!(it, Part::Lines(_)))
    }

    pub(crate) fn imports(&self) -> impl Iterator<Item = (&str, usize)> {
        self.parts.iter().filter_map(|part| match part {
            Part::Import { from, line, .. } => Some((from.as_str(), *line)),
            Part::Lines(_) => None,
        })
    }

    fn line(&mut self, line: &str) {
        if !matches!(self.parts.last(), Some(Part::Lines(_))) {
            self.parts.push(Part::Lines(String::new()));
        }
        if let Some(Part::Lines(text)) = self.parts.last_mut() {
            text.push_str(line);
            text.push('\n');
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
        None => (Names::None, rest),
        Some((names, from)) => {
            let names = names.trim();
            let names = match names.strip_prefix("* as ") {
                Some(name) => Names::All(identifier(name.trim()).ok_or_else(unknown)?.to_owned()),
                None => Names::Some(list(names).ok_or_else(unknown)?),
            };
            (names, from.trim())
        }
    };
    let from = literal(from).ok_or_else(unknown)?.to_owned();
    Ok(Part::Import { from, names, line })
}

fn export_list(statement: &str, line: usize) -> Result<Vec<(String, String)>, Mistake> {
    let names = statement.strip_prefix("export").and_then(list);
    // Of `a as b`, `b` is the name outside.
    let names = names.ok_or_else(|| unknown(statement, line))?;
    Ok(names.into_iter().map(|(inside, outside)| (outside, inside)).collect())
}

/// `{ a, b as c }`.
fn list(text: &str) -> Option<Vec<(String, String)>> {
    let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    let names = inner.split(',').map(str::trim).filter(|it| !it.is_empty());
    names
        .map(|name| {
            let (outside, inside) = name.split_once(" as ").unwrap_or((name, name));
            let pair = (identifier(outside.trim())?, identifier(inside.trim())?);
            Some((pair.0.to_owned(), pair.1.to_owned()))
        })
        .collect()
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
pub(crate) fn literal(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|it| matches!(it, '"' | '\''))?;
    let inner = text[1..].strip_suffix(quote)?;
    (!inner.contains(['"', '\'', '\\', '`'])).then_some(inner)
}

/// The text without the lines that are comments. A comment behind code stays, and so does everything
/// within the backticks of a template, where it may be what the template says.
pub(crate) fn without_comments(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let (mut is_in_comment, mut is_in_template) = (false, false);
    for line in text.lines() {
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
        is_in_template ^= line.matches('`').count() % 2 == 1;
        kept.push_str(line);
        kept.push('\n');
    }
    // A backtick that begins no template: nothing above is certain.
    if is_in_template || is_in_comment { text.to_owned() } else { kept }
}
