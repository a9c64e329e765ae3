//! The texts of the page in each language: read, compared with the English ones, and passed on to scripts,
//! to pages and to the server.

mod spaces;

use std::collections::{BTreeMap, BTreeSet};

use icu_locale_core::Locale;
use icu_plurals::{PluralCategory, PluralRules};
use serde_json::Value;

use crate::Error;
use crate::files::Files;

/// The language that all others are compared with, and that is spoken where there is none of the reader's.
pub(crate) const ENGLISH: &str = "en";

/// A language that nobody speaks: English in brackets. A text on the page without brackets is in no file of
/// messages. It has a name of the kind that is meant for this.
pub(crate) const PSEUDO: &str = "en-XA";

/// Where the files are, in the folder of the page.
const FOLDER: &str = "messages/";

/// The form of a plural that there has to be.
const OTHER: &str = "other";

/// All languages.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    /// By their tags; the first is English.
    languages: Vec<(String, Sections)>,
}

/// The messages of a language, by section and key.
type Sections = BTreeMap<String, BTreeMap<String, Message>>;

/// What is said, in one form or in several for numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Plain(String),
    /// By the names of the plural categories.
    Plural(BTreeMap<String, String>),
}

impl Messages {
    /// Reads the files of the folder, and adds the pseudo-language if it is wanted.
    pub(crate) fn read(files: &Files, with_pseudo: bool) -> Result<Self, Error> {
        let mut languages = Vec::new();
        for name in files.ending_in(".json") {
            let Some(tag) = name.strip_prefix(FOLDER).and_then(|it| it.strip_suffix(".json"))
            else {
                continue;
            };
            let sections = sections(files.text(name)).map_err(|what| of_file(tag, "", what))?;
            languages.push((tag.to_owned(), sections));
        }
        languages.sort_by_key(|(tag, _)| (tag != ENGLISH, tag.clone()));
        let Some((english, others)) = languages.split_first() else { return Ok(Self::default()) };
        if english.0 != ENGLISH {
            return Err(of_file(ENGLISH, "", "there is no such file".to_owned()));
        }
        check(english, &english.1)?;
        for other in others {
            check(other, &english.1)?;
        }
        if with_pseudo {
            let pseudo = english.1.iter().map(|(name, section)| {
                let keys = section.iter().map(|(key, message)| (key.clone(), bracketed(message)));
                (name.clone(), keys.collect())
            });
            let pseudo = (PSEUDO.to_owned(), pseudo.collect());
            languages.push(pseudo);
        }
        Ok(Self { languages })
    }

    /// The tags of the languages, the first of which is English.
    pub(crate) fn tags(&self) -> Vec<&str> {
        match self.languages.as_slice() {
            [] => vec![ENGLISH],
            languages => languages.iter().map(|(tag, _)| tag.as_str()).collect(),
        }
    }

    /// The names of all sections.
    pub(crate) fn sections(&self) -> impl Iterator<Item = &str> {
        let english = self.languages.first().into_iter();
        english.flat_map(|(_, sections)| sections.keys().map(String::as_str))
    }

    /// The message of this section and key, such as `page.title`.
    pub(crate) fn find(&self, tag: &str, path: &str) -> Option<&Message> {
        let (section, key) = path.split_once('.')?;
        let (_, sections) = self.languages.iter().find(|(it, _)| it == tag)?;
        sections.get(section)?.get(key)
    }

    /// A module for each section, with what it says in these languages.
    pub(crate) fn modules(&self, tags: &[&str]) -> Vec<(String, String)> {
        let Some((_, english)) = self.languages.first() else { return Vec::new() };
        let module = |section: &String| {
            let of = self.languages.iter().filter(|(tag, _)| tags.contains(&tag.as_str()));
            let by_language = of.map(|(tag, sections)| {
                let keys = sections[section].iter();
                let keys: serde_json::Map<_, _> =
                    keys.map(|(key, message)| (key.clone(), message.json())).collect();
                (tag.clone(), Value::Object(keys))
            });
            let json = Value::Object(by_language.collect());
            (format!("{FOLDER}{section}.js"), format!("export const byLanguage = {json};\n"))
        };
        english.keys().map(module).collect()
    }

    /// What the server says, as Rust: the languages, and these sections of the messages.
    pub(crate) fn rust(&self, sections: &[&str]) -> Result<String, Error> {
        use std::fmt::Write;

        let mut text = format!("static TAGS: &[&str] = &{:?};\n\n", self.tags());
        text.push_str("static MESSAGES: &[(&str, &[Forms])] = &[\n");
        for section in sections {
            let Some(keys) = self.languages.first().and_then(|(_, it)| it.get(*section)) else {
                return Err(of_file(ENGLISH, section, "there is no such section".to_owned()));
            };
            for key in keys.keys() {
                let of = |it: &Sections| format!("&{:?}", it[*section][key].forms());
                let forms: Vec<_> = self.languages.iter().map(|(_, it)| of(it)).collect();
                let forms = forms.join(", ");
                let path = format!("{section}.{key}");
                writeln!(text, "    ({path:?}, &[{forms}]),").expect("memory");
            }
        }
        text.push_str("];\n");
        Ok(text)
    }
}

impl Message {
    /// The form that there always is.
    pub(crate) fn other(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Plural(forms) => &forms[OTHER],
        }
    }

    /// The categories of the forms with their texts; the one that is for everything else comes last.
    fn forms(&self) -> Vec<(&str, &str)> {
        match self {
            Self::Plain(text) => vec![(OTHER, text)],
            Self::Plural(forms) => {
                let mut forms: Vec<_> =
                    forms.iter().map(|(form, text)| (form.as_str(), text.as_str())).collect();
                forms.sort_by_key(|(form, _)| *form == OTHER);
                forms
            }
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Plain(text) => Value::String(text.clone()),
            Self::Plural(forms) => {
                let forms = forms.iter();
                forms.map(|(form, text)| (form.clone(), Value::String(text.clone()))).collect()
            }
        }
    }
}

fn of_file(tag: &str, key: &str, what: String) -> Error {
    Error::Message(tag.to_owned(), key.to_owned(), what)
}

fn sections(text: &str) -> Result<Sections, String> {
    let json: BTreeMap<String, BTreeMap<String, Value>> = serde_json::from_str(text)
        .map_err(|error| format!("expected sections of keys: {error}"))?;
    let mut sections = Sections::new();
    for (section, keys) in json {
        let mut messages = BTreeMap::new();
        for (key, value) in keys {
            let path = format!("{section}.{key}");
            let message =
                message(value).ok_or(format!("{path}: expected a text, or forms of one"))?;
            messages.insert(key, message);
        }
        sections.insert(section, messages);
    }
    Ok(sections)
}

fn message(value: Value) -> Option<Message> {
    match value {
        Value::String(text) => Some(Message::Plain(text)),
        Value::Object(forms) => {
            let form = |(name, text): (String, Value)| Some((name, text.as_str()?.to_owned()));
            Some(Message::Plural(forms.into_iter().map(form).collect::<Option<_>>()?))
        }
        _ => None,
    }
}

/// Compares a language with English: it has the same keys, with the same in braces and the same code, and
/// the forms of plurals that it has.
fn check((tag, sections): &(String, Sections), english: &Sections) -> Result<(), Error> {
    let paths = |of: &Sections| -> BTreeSet<String> {
        let of = of.iter();
        of.flat_map(|(section, keys)| keys.keys().map(move |key| format!("{section}.{key}")))
            .collect()
    };
    let (own, all) = (paths(sections), paths(english));
    if let Some(missing) = all.difference(&own).next() {
        return Err(of_file(tag, missing, "this key is missing".to_owned()));
    }
    if let Some(strange) = own.difference(&all).next() {
        return Err(of_file(tag, strange, format!("{ENGLISH}.json has no such key")));
    }
    let categories = categories(tag)?;
    for (section, keys) in sections {
        for (key, message) in keys {
            let path = format!("{section}.{key}");
            check_forms(message, &categories).map_err(|what| of_file(tag, &path, what))?;
            let expected = english[section][key].other();
            for (_, text) in message.forms() {
                let checked = check_text(text, expected).and_then(|()| spaces::check(tag, text));
                checked.map_err(|what| of_file(tag, &path, what))?;
            }
        }
    }
    Ok(())
}

/// The plural categories of a language.
fn categories(tag: &str) -> Result<Vec<&'static str>, Error> {
    let locale: Locale =
        tag.parse().map_err(|_| of_file(tag, "", "this is no language".to_owned()))?;
    let rules = PluralRules::try_new_cardinal(locale.into())
        .map_err(|error| of_file(tag, "", format!("no plurals are known: {error}")))?;
    Ok(rules.categories().map(category).collect())
}

fn category(category: PluralCategory) -> &'static str {
    match category {
        PluralCategory::Zero => "zero",
        PluralCategory::One => "one",
        PluralCategory::Two => "two",
        PluralCategory::Few => "few",
        PluralCategory::Many => "many",
        PluralCategory::Other => OTHER,
    }
}

/// A text may be one for all numbers. Of forms, there are those that the language has; `many` may be missing
/// where it is only for millions, as in French.
fn check_forms(message: &Message, categories: &[&str]) -> Result<(), String> {
    let Message::Plural(forms) = message else { return Ok(()) };
    if let Some(strange) = forms.keys().find(|form| !categories.contains(&form.as_str())) {
        return Err(format!(
            "this language has no form `{strange}`, only {}",
            categories.join(", ")
        ));
    }
    let is_needed = |form: &&&str| **form != "many" || categories.contains(&"few");
    match categories.iter().filter(is_needed).find(|form| !forms.contains_key(**form)) {
        Some(missing) => Err(format!("the form `{missing}` is missing")),
        None => Ok(()),
    }
}

/// The number itself need not stand in a form that is for one number alone: `a call`.
fn check_text(text: &str, english: &str) -> Result<(), String> {
    let without_n = |text| -> BTreeSet<String> {
        placeholders(text).into_iter().filter(|name| name != "n").collect()
    };
    let (own, expected) = (without_n(text), without_n(english));
    if own != expected || (placeholders(text).contains("n") && !placeholders(english).contains("n"))
    {
        let names: Vec<_> = placeholders(english).into_iter().collect();
        return Err(format!("expected in braces: {}", names.join(", ")));
    }
    match code(text)? == code(english)? {
        true => Ok(()),
        false => Err("it has other <code> than the English text".to_owned()),
    }
}

/// The names in braces.
fn placeholders(text: &str) -> BTreeSet<String> {
    let after = text.split('{').skip(1);
    after.filter_map(|it| it.split_once('}')).map(|(name, _)| name.to_owned()).collect()
}

/// What stands in `<code>`, which is no language's. There are no other tags.
fn code(text: &str) -> Result<BTreeSet<&str>, String> {
    const WRONG: &str = "expected of HTML only <code>...</code>";
    let mut found = BTreeSet::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<code>") {
        let (inner, behind) = after.split_once("</code>").ok_or(WRONG)?;
        if before.contains(['<', '>']) || inner.contains(['<', '>']) {
            return Err(WRONG.to_owned());
        }
        found.insert(inner);
        rest = behind;
    }
    if rest.contains(['<', '>']) { Err(WRONG.to_owned()) } else { Ok(found) }
}

/// The text of a page, in which only `<code>` is HTML.
pub(crate) fn html(text: &str) -> String {
    let escaped =
        text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    escaped.replace("&lt;code&gt;", "<code>").replace("&lt;/code&gt;", "</code>")
}

fn bracketed(message: &Message) -> Message {
    let in_brackets = |text: &String| format!("⟦{text}⟧");
    match message {
        Message::Plain(text) => Message::Plain(in_brackets(text)),
        Message::Plural(forms) => {
            let forms = forms.iter();
            Message::Plural(forms.map(|(form, text)| (form.clone(), in_brackets(text))).collect())
        }
    }
}

#[cfg(test)]
mod tests;
