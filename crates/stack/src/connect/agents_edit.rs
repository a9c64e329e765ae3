//! Writes numbers and their former URLs into the agents file, and leaves everything else in it as
//! it is, comments included.

use std::collections::BTreeSet;

use live_users_http_kit::acts_on_text;
use live_users_intake::agents::{Agent, Agents, ID_BYTES_MAX, NAME_BYTES_MAX};
use live_users_twilio::Method;
use live_users_twilio::rest::{PhoneNumber, VoiceSettings, Webhook};
use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, Value, value};

use super::ours::Ours;

/// The text of an agents file that is being changed.
pub(super) struct AgentsEdit {
    document: DocumentMut,
    /// What the file said at first, and what known agents have learnt since.
    agents: Agents,
    /// All ids, those of new agents included.
    taken: BTreeSet<String>,
    /// The numbers of new agents.
    added: BTreeSet<String>,
    /// Whether the lines of the file end as on Windows.
    is_crlf: bool,
}

/// What the file says of a number now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entered {
    /// A new agent has it.
    Added(String),
    /// This agent had it already.
    Known(String),
}

impl AgentsEdit {
    /// Reads the text.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub(super) fn of(text: &str) -> Result<Self, String> {
        let agents = parse(text)?;
        // The line of the mistake and not the text around it, which may have secrets.
        let document = text.parse().map_err(|_| "it is no TOML".to_owned())?;
        let taken = agents.iter().map(|agent| agent.id.clone()).collect();
        let ends = text.matches('\n').count();
        let is_crlf = ends > 0 && ends == text.matches("\r\n").count();
        Ok(Self { document, agents, taken, added: BTreeSet::new(), is_crlf })
    }

    /// The text as it is now.
    pub(super) fn text(&self) -> String {
        // The library writes all ends of lines alike.
        let text = self.document.to_string();
        if self.is_crlf { text.replace('\n', "\r\n") } else { text }
    }

    /// Enters a number with what answers it now.
    ///
    /// # Errors
    /// Why the file cannot say that; then it is as it was.
    pub(super) fn enter(&mut self, number: &PhoneNumber, ours: &Ours) -> Result<Entered, String> {
        if self.added.contains(&number.number) {
            self.agents = parse(&self.text())?;
        }
        let Some(agent) = self.agents.by_number(&number.number).cloned() else {
            return self.add(number, ours);
        };
        let before = self.document.clone();
        match self.teach(&agent, number, ours).and_then(|()| parse(&self.text())) {
            Ok(agents) => {
                self.agents = agents;
                Ok(Entered::Known(agent.id))
            }
            Err(why) => {
                self.document = before;
                Err(why)
            }
        }
    }

    fn teach(&mut self, agent: &Agent, number: &PhoneNumber, ours: &Ours) -> Result<(), String> {
        let urls = check_known(agent, own_urls(number, ours))?;
        let table = self
            .table_of(&agent.id)
            .ok_or("its agent stands in an array in one line; write it as an [[agent]] table")?;
        for (key, webhook) in urls {
            set(table, key, webhook);
        }
        Ok(())
    }

    /// Adds an agent for this number. It is looked at by itself: accounts may have thousands.
    fn add(&mut self, number: &PhoneNumber, ours: &Ours) -> Result<Entered, String> {
        let id = id_of(number, &self.taken);
        let mut table = Table::new();
        table["id"] = value(&id);
        table["name"] = value(name_of(number));
        table["numbers"] = Item::Value(Value::Array(Array::from_iter([number.number.as_str()])));
        for (key, webhook) in own_urls(number, ours) {
            set(&mut table, key, webhook);
        }
        let mut alone = DocumentMut::new();
        alone["agent"] = Item::ArrayOfTables(ArrayOfTables::from_iter([table.clone()]));
        parse(&alone.to_string())?;
        let list =
            self.document.entry("agent").or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
        let list = list.as_array_of_tables_mut();
        let list = list.ok_or("agent: expected [[agent]] tables, and not an array in one line")?;
        // What stood at the end of the file stays before what is added.
        list.push(table);
        let end = self.document.trailing().as_str().unwrap_or_default().to_owned();
        self.document.set_trailing("");
        let gap = if end.is_empty() || end.ends_with('\n') { "" } else { "\n" };
        let prefix = format!("{end}{gap}\n# Entered by `live-users connect`.\n");
        let added = self.document.get_mut("agent").and_then(Item::as_array_of_tables_mut);
        if let Some(table) = added.and_then(|list| list.iter_mut().last()) {
            table.decor_mut().set_prefix(prefix);
        }
        self.taken.insert(id.clone());
        self.added.insert(number.number.clone());
        Ok(Entered::Added(id))
    }

    fn table_of(&mut self, id: &str) -> Option<&mut Table> {
        let list = self.document.get_mut("agent")?.as_array_of_tables_mut()?;
        list.iter_mut().find(|it| it.get("id").and_then(Item::as_str) == Some(id))
    }
}

fn parse(text: &str) -> Result<Agents, String> {
    let (agents, mistakes) = Agents::parse(text);
    if mistakes.is_empty() { Ok(agents) } else { Err(mistakes.join("; ")) }
}

/// The URLs that a number has in Twilio, each with the beginning of its key; those that lead to us
/// are no agent's own.
type OwnUrls<'a> = [(&'static str, Option<&'a Webhook>); 3];

fn own_urls<'a>(number: &'a PhoneNumber, ours: &Ours) -> OwnUrls<'a> {
    let VoiceSettings { voice, fallback, status_callback } = &number.settings;
    let is_there = |it: &&Webhook| it.url.is_some();
    let own_voice = Some(voice).filter(|it| !ours.is_voice(it, status_callback));
    // A fallback is the agent's own if it is not the primary handler once more.
    let own_fallback =
        Some(fallback).filter(|it| !ours.is_voice(it, status_callback) && it.url != voice.url);
    let own_status = Some(status_callback).filter(|it| !ours.is_status_callback(it, voice));
    [
        ("voice", own_voice.filter(is_there)),
        ("fallback", own_fallback.filter(is_there)),
        ("status_callback", own_status.filter(is_there)),
    ]
}

/// What a known agent learns. It has one URL of each kind for all its numbers, so a number with
/// another one needs an agent of its own.
fn check_known<'a>(agent: &Agent, urls: OwnUrls<'a>) -> Result<OwnUrls<'a>, String> {
    let id = &agent.id;
    if agent.chat_url.is_some() && urls[0].1.is_some() {
        return Err(format!(
            "agent {id:?} has a chat_url, which would answer its callers from then on; remove it, or \
             take the number's URL away in Twilio"
        ));
    }
    let has = [
        (&agent.voice_url, agent.voice_method()),
        (&agent.fallback_url, agent.fallback_method()),
        (&agent.status_callback_url, agent.status_callback_method()),
    ];
    let mut learnt = urls;
    for ((key, webhook), (has_url, has_method)) in learnt.iter_mut().zip(has) {
        let Some((url, method)) = webhook.and_then(|it| Some((it.url.as_ref()?, it.method))) else {
            continue;
        };
        if *key == "fallback" && agent.voice_url.as_ref() == Some(url) {
            // As `connect` has set it.
            *webhook = None;
            continue;
        }
        let is_same = match has_url {
            Some(has) => has == url && has_method == method,
            // Its other numbers have no such URL, and would get this one.
            None => *key == "voice" || agent.numbers.len() == 1,
        };
        if !is_same {
            return Err(format!(
                "agent {id:?} has another {key}_url or {key}_method than this number has in Twilio; \
                 give the number an agent of its own"
            ));
        }
    }
    Ok(learnt)
}

fn set(table: &mut Table, key: &str, webhook: Option<&Webhook>) {
    let Some((url, method)) = webhook.and_then(|it| Some((it.url.as_ref()?, it.method))) else {
        return;
    };
    table[&format!("{key}_url")] = value(url);
    let method_key = format!("{key}_method");
    match method {
        Method::Get => table[&method_key] = value("GET"),
        Method::Post => drop(table.remove(&method_key)),
    }
}

/// The friendly name on one line, and no longer than an agent's name may be.
fn name_of(number: &PhoneNumber) -> String {
    let name: String = number.friendly_name.chars().filter(|c| !acts_on_text(*c)).collect();
    let name = name.trim();
    let end = (0..=name.len().min(NAME_BYTES_MAX)).rev().find(|at| name.is_char_boundary(*at));
    let name = name[..end.unwrap_or_default()].trim_end();
    if name.is_empty() { number.number.clone() } else { name.to_owned() }
}

/// The friendly name in the letters of an id: "Table bookings" becomes `table-bookings`.
fn id_of(number: &PhoneNumber, taken: &BTreeSet<String>) -> String {
    let mut id = String::new();
    for c in name_of(number).chars() {
        match c {
            'a'..='z' | '0'..='9' | '_' => id.push(c),
            'A'..='Z' => id.push(c.to_ascii_lowercase()),
            _ if id.ends_with('-') || id.is_empty() => {}
            _ => id.push('-'),
        }
    }
    id.truncate(ID_BYTES_MAX - 4);
    let id = id.trim_end_matches('-');
    let id = if id.is_empty() { number.number.trim_start_matches('+') } else { id };
    let mut numbered = (2..).map(|n| format!("{id}-{n}"));
    let free = |id: &String| !taken.contains(id);
    [id.to_owned()].into_iter().find(free).or_else(|| numbered.find(free)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(digits: &str, name: &str, voice: &str) -> PhoneNumber {
        PhoneNumber {
            sid: "PN1".to_owned(),
            number: digits.to_owned(),
            friendly_name: name.to_owned(),
            settings: VoiceSettings { voice: Webhook::post(voice), ..VoiceSettings::default() },
            application_sid: None,
            trunk_sid: None,
            takes_calls: true,
        }
    }

    fn ours() -> Ours {
        Ours::new("https://calls.example.com")
    }

    const FILE: &str = "# Ours.\n[[agent]]\nid = \"booking\" # the id\nname = \"Table bookings\"\n\
                        numbers = [\"+12065550100\"]\n";

    #[test]
    fn a_new_number_is_entered_and_the_rest_stays_to_the_byte() {
        let mut edit = AgentsEdit::of(FILE).unwrap();
        let mut number = number("+12065550199", "Table Bookings!", "https://agent.example.com/v");
        number.settings.voice.method = Method::Get;
        number.settings.status_callback = Webhook::post("https://agent.example.com/status");
        assert_eq!(edit.enter(&number, &ours()), Ok(Entered::Added("table-bookings".to_owned())));
        let text = edit.text();
        assert!(text.starts_with(FILE), "{text}");
        let (agents, mistakes) = Agents::parse(&text);
        assert!(mistakes.is_empty(), "{mistakes:?}");
        let agent = agents.by_number("+12065550199").unwrap();
        assert_eq!(agent.voice_url.as_deref(), Some("https://agent.example.com/v"));
        assert_eq!(agent.status_callback_url.as_deref(), Some("https://agent.example.com/status"));
        assert!(text.contains("voice_method = \"GET\""), "{text}");
        // The same once more is the same file.
        assert_eq!(edit.enter(&number, &ours()), Ok(Entered::Known("table-bookings".to_owned())));
        assert_eq!(edit.text(), text);
    }

    #[test]
    fn comments_stay_above_what_is_entered_and_ends_of_lines_as_they_are() {
        let one = number("+12065550199", "Desk", "https://agent.example.com/v");
        let two = number("+12065550198", "Desk", "https://agent.example.com/v");
        let with_end = format!("{FILE}\n# The end.");
        for file in ["# Our agents.\n", "\n# Ours.\n\n# More.", &with_end, FILE, ""] {
            for file in [file.to_owned(), file.replace('\n', "\r\n")] {
                let mut edit = AgentsEdit::of(&file).unwrap();
                edit.enter(&one, &ours()).unwrap();
                edit.enter(&two, &ours()).unwrap();
                let text = edit.text();
                assert!(text.starts_with(&file), "{text:?}");
                let lines = text.matches('\n').count();
                let crlf = if file.contains("\r\n") { lines } else { 0 };
                assert_eq!(text.matches("\r\n").count(), crlf, "{text:?}");
                let (agents, mistakes) = Agents::parse(&text);
                assert_eq!(mistakes, [""; 0]);
                assert_eq!(agents.by_number("+12065550198").unwrap().id, "desk-2");
            }
        }
    }

    #[test]
    fn a_scheme_may_be_in_capital_letters() {
        let mut edit = AgentsEdit::of(FILE).unwrap();
        let one = number("+12065550199", "Desk", "HTTPS://agent.example.com/v");
        edit.enter(&one, &ours()).unwrap();
        assert!(edit.text().contains("voice_url = \"HTTPS://agent.example.com/v\""));
    }

    #[test]
    fn a_known_agent_learns_its_url_and_no_other_replaces_it() {
        let mut edit = AgentsEdit::of(FILE).unwrap();
        let one = number("+12065550100", "", "https://one.example.com/v");
        assert_eq!(edit.enter(&one, &ours()), Ok(Entered::Known("booking".to_owned())));
        assert!(edit.text().contains("id = \"booking\" # the id"), "{}", edit.text());
        assert!(edit.text().contains("voice_url = \"https://one.example.com/v\""));
        let text = edit.text();
        let another = number("+12065550100", "", "https://two.example.com/v");
        assert!(edit.enter(&another, &ours()).unwrap_err().contains("an agent of its own"));
        assert_eq!(edit.text(), text);
    }

    #[test]
    fn an_agent_with_a_chat_keeps_it() {
        let file = format!("{FILE}chat_url = \"https://chat.example.com\"\n");
        let mut edit = AgentsEdit::of(&file).unwrap();
        let one = number("+12065550100", "", "https://one.example.com/v");
        assert!(edit.enter(&one, &ours()).unwrap_err().contains("chat_url"));
        assert_eq!(edit.text(), file);
    }

    #[test]
    fn numbers_of_one_agent_have_the_same_urls_and_methods() {
        let file = FILE.replace("\"]", "\", \"+12065550199\"]");
        let mut edit = AgentsEdit::of(&file).unwrap();
        let mut one = number("+12065550100", "", "https://one.example.com/v");
        one.settings.voice.method = Method::Get;
        edit.enter(&one, &ours()).unwrap();
        let other = number("+12065550199", "", "https://one.example.com/v");
        assert!(edit.enter(&other, &ours()).unwrap_err().contains("voice_method"));
        one.settings.status_callback = Webhook::post("https://one.example.com/status");
        assert!(edit.enter(&one, &ours()).unwrap_err().contains("status_callback_url"));
    }

    #[test]
    fn a_second_connect_takes_our_fallback_for_no_other_one() {
        let mut edit = AgentsEdit::of(FILE).unwrap();
        let mut one = number("+12065550100", "", "https://one.example.com/v");
        edit.enter(&one, &ours()).unwrap();
        let text = edit.text();
        one.settings.fallback = one.settings.voice.clone();
        one.settings.voice = Webhook::post("https://calls.example.com/voice");
        edit.enter(&one, &ours()).unwrap();
        assert_eq!(edit.text(), text);
    }

    #[test]
    fn our_own_urls_become_nobodys() {
        let mut edit = AgentsEdit::of("").unwrap();
        let number = number("+12065550100", "Booking", "https://calls.example.com/voice");
        edit.enter(&number, &ours()).unwrap();
        assert!(!edit.text().contains("calls.example.com"), "{}", edit.text());
    }

    #[test]
    fn names_become_ids_that_nobody_has() {
        let id = |name: &str, taken: &[&str]| {
            let taken = taken.iter().map(|it| (*it).to_owned()).collect();
            id_of(&number("+12065550100", name, "https://a.example"), &taken)
        };
        assert_eq!(id("Front desk (EU)", &[]), "front-desk-eu");
        assert_eq!(id("(206) 555-0100", &[]), "206-555-0100");
        assert_eq!(id("", &[]), "12065550100");
        assert_eq!(id("日本", &[]), "12065550100");
        assert_eq!(id("Desk", &["desk", "desk-2"]), "desk-3");
        assert!(id(&"long ".repeat(40), &[]).len() <= ID_BYTES_MAX);
        let long = name_of(&number("+12065550100", &"日\n".repeat(64), "https://a.example"));
        assert_eq!(long, "日".repeat(42));
    }

    #[test]
    fn a_url_that_no_agents_file_takes_is_told_and_changes_nothing() {
        let mut edit = AgentsEdit::of(FILE).unwrap();
        let long = number("+12065550199", "X", &format!("https://a.example/{}", "x".repeat(3000)));
        assert!(edit.enter(&long, &ours()).unwrap_err().contains("voice_url"));
        assert_eq!(edit.text(), FILE);
    }
}
