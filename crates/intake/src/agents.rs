//! The agents file: who answers on which numbers.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::path::PathBuf;

use serde::Deserialize;

/// The file that is read when `AGENTS_FILE` is not set; it may be missing.
pub const DEFAULT_FILE: &str = "agents.toml";

/// The longest agent id, in bytes: an id stands in a URL.
pub const ID_BYTES_MAX: usize = 64;
const NAME_BYTES_MAX: usize = 128;
const URL_BYTES_MAX: usize = 2048;

/// One AI voice agent.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// What `?agent=` names in a webhook URL: letters, digits, `-` and `_`.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// The phone numbers it answers, in E.164 (`+14155550123`).
    #[serde(default)]
    pub numbers: Vec<String>,
    /// Where the agent's own voice application lives; without one the built-in conversation
    /// answers.
    #[serde(default)]
    pub voice_url: Option<String>,
    /// Where the built-in conversation asks what to answer; without one it only takes note.
    #[serde(default)]
    pub chat_url: Option<String>,
    /// How many calls it can hold at once, as far as its owner knows.
    #[serde(default)]
    pub capacity: Option<u32>,
}

/// All agents, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agents {
    list: Vec<Agent>,
}

/// Where the agents file is.
#[derive(Clone, Debug)]
pub struct AgentsFile {
    path: PathBuf,
    is_named: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, rename = "agent")]
    agents: Vec<Agent>,
}

impl AgentsFile {
    /// The file that somebody has named, or else [`DEFAULT_FILE`].
    pub fn at(named: Option<&str>) -> Self {
        Self { path: PathBuf::from(named.unwrap_or(DEFAULT_FILE)), is_named: named.is_some() }
    }

    /// Reads the agents in it, and says all that is wrong with them. A file that nobody has named
    /// may be missing: then there are no agents.
    pub fn read(&self) -> (Agents, Vec<String>) {
        let path = self.path.display();
        let text = match std::fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(_) if !self.is_named && self.is_missing() => return Default::default(),
            Err(error) => {
                let mistake = format!("AGENTS_FILE: cannot read {path}: {error}");
                return (Agents::default(), vec![mistake]);
            }
        };
        let (agents, mistakes) = Agents::parse(&text);
        (agents, mistakes.into_iter().map(|mistake| format!("{path}: {mistake}")).collect())
    }

    /// Whether there is no such file.
    pub fn is_missing(&self) -> bool {
        !self.path.exists()
    }
}

impl Display for AgentsFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.path.display(), f)
    }
}

impl Agents {
    /// Reads the text of an agents file, and says all that is wrong with it.
    pub fn parse(text: &str) -> (Self, Vec<String>) {
        match toml::from_str::<File>(text) {
            Ok(File { agents }) => {
                let mistakes = mistakes_in(&agents);
                (Self { list: agents }, mistakes)
            }
            Err(error) => (Self::default(), vec![error.to_string().trim().replace('\n', "\n    ")]),
        }
    }

    /// The agents in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Agent> {
        self.list.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The agent with this id.
    pub fn by_id(&self, id: &str) -> Option<&Agent> {
        self.list.iter().find(|agent| agent.id == id)
    }

    /// The agent that answers this number.
    pub fn by_number(&self, number: &str) -> Option<&Agent> {
        self.list.iter().find(|agent| agent.numbers.iter().any(|n| n == number))
    }
}

fn mistakes_in(agents: &[Agent]) -> Vec<String> {
    let mut mistakes = Vec::new();
    let mut ids = BTreeMap::new();
    let mut numbers = BTreeMap::new();
    for (agent, place) in agents.iter().zip(1..) {
        let mut wrong = |field: &str, what: String| {
            mistakes.push(format!("agent {place} ({:?}): {field}: {what}", agent.id));
        };
        if !is_id(&agent.id) {
            wrong("id", format!("expected 1 to {ID_BYTES_MAX} letters, digits, '-' or '_'"));
        }
        if let Some(first) = ids.insert(&agent.id, place) {
            wrong("id", format!("already the id of agent {first}; expected a different one"));
        }
        if agent.name.trim().is_empty() || agent.name.len() > NAME_BYTES_MAX {
            wrong("name", format!("expected 1 to {NAME_BYTES_MAX} bytes of text"));
        }
        for number in &agent.numbers {
            if !is_e164(number) {
                let what = format!("{number:?} is not E.164; expected + and 8 to 15 digits");
                wrong("numbers", what);
            }
            if let Some(first) = numbers.insert(number, place) {
                let what = format!("{number:?} is already a number of agent {first}");
                wrong("numbers", format!("{what}; expected each number once"));
            }
        }
        for (field, url) in [("voice_url", &agent.voice_url), ("chat_url", &agent.chat_url)] {
            if url.as_deref().is_some_and(|url| !is_url(url)) {
                wrong(field, "expected a URL that starts with https:// or http://".to_owned());
            }
        }
        if agent.capacity == Some(0) {
            wrong("capacity", "expected a whole number from 1 up".to_owned());
        }
    }
    mistakes
}

/// Whether a text can be the id of an agent.
pub fn is_id(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (1..=ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

fn is_e164(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    (8..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
}

fn is_url(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    text.len() <= URL_BYTES_MAX && host.is_some_and(|h| !h.is_empty() && !h.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        [[agent]]
        id = "booking"
        name = "Table bookings"
        numbers = ["+15005550006", "+18885550199"]
        capacity = 20

        [[agent]]
        id = "support"
        name = "Support"
        voice_url = "https://support.example.com/voice"
    "#;

    #[test]
    fn agents_are_found_by_id_and_by_number() {
        let (agents, mistakes) = Agents::parse(GOOD);
        assert_eq!(mistakes, [""; 0]);
        assert_eq!(agents.by_number("+18885550199").unwrap().id, "booking");
        assert_eq!(agents.by_id("support").unwrap().name, "Support");
        assert!(agents.by_id("Booking").is_none() && agents.by_number("").is_none());
    }

    #[test]
    fn every_mistake_of_the_file_is_reported_at_once_and_names_the_field() {
        let (_, mistakes) = Agents::parse(
            r#"
            [[agent]]
            id = "a"
            name = "A"
            numbers = ["+15005550006"]

            [[agent]]
            id = "a"
            name = ""
            numbers = ["+15005550006", "555"]
            voice_url = "example.com"
            chat_url = "file:///etc/passwd"
            capacity = 0

            [[agent]]
            id = "not an id"
            name = "B"
            "#,
        );
        let fields =
            ["2 (\"a\"): id", "name", "numbers", "numbers", "voice_url", "chat_url", "capacity"];
        for (mistake, field) in mistakes.iter().zip(fields) {
            assert!(mistake.contains(field), "{mistake} should name {field}");
        }
        assert!(mistakes[7].contains("agent 3") && mistakes[7].contains("id"), "{}", mistakes[7]);
        assert_eq!(mistakes.len(), 8);
    }

    #[test]
    fn a_key_that_does_not_exist_is_refused_with_its_line() {
        let (_, mistakes) = Agents::parse("[[agent]]\nid = \"a\"\nname = \"A\"\nnumber = \"+1\"\n");
        assert_eq!(mistakes.len(), 1);
        assert!(
            mistakes[0].contains("number") && mistakes[0].contains("line 4"),
            "{}",
            mistakes[0]
        );
    }
}
