//! The agents file: who answers on which numbers.

mod limits;
mod mistakes;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::{self, Display};
use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;

use self::limits::{AccountLimit, mistakes_in_limits};
pub use self::limits::{Beyond, Decision};
pub(crate) use self::mistakes::is_url;
pub use self::mistakes::{is_id, mistakes_in_shared};
use self::mistakes::{mistake_in, mistakes_in};
use crate::accounts::{AccountTable, Accounts, mistakes_in_accounts};
use crate::alerts::{AlertTable, mistakes_in_alerts};
use crate::caller_id::{CallerId, sip_host};
use crate::hooks::{HookTable, mistakes_in_hooks};
use crate::sources::{SourceTable, mistakes_in_sources};
use crate::tokens::{TokenTable, known_accounts, mistakes_in_tokens};
pub use live_users_twilio::Method;

/// The file that is read when `AGENTS_FILE` is not set; it may be missing.
pub const DEFAULT_FILE: &str = "agents.toml";

/// The longest agent id, in bytes: an id stands in a URL.
pub const ID_BYTES_MAX: usize = 64;
/// The longest name of an agent, in bytes.
pub const NAME_BYTES_MAX: usize = 128;
const URL_BYTES_MAX: usize = 2048;
/// The most URLs in `status_callback_urls`.
const STATUS_CALLBACK_URLS_MAX: usize = 10;

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
    #[serde(default)]
    voice_method: Option<String>,
    /// Where callers are sent when the agent's own voice application has failed.
    #[serde(default)]
    pub fallback_url: Option<String>,
    #[serde(default)]
    fallback_method: Option<String>,
    /// Who is dialled in that case when there is no `fallback_url`, in E.164.
    #[serde(default)]
    pub fallback_number: Option<String>,
    /// Where the status callbacks of its numbers are passed on to.
    #[serde(default)]
    pub status_callback_url: Option<String>,
    /// More of them.
    #[serde(default)]
    pub status_callback_urls: Vec<String>,
    #[serde(default)]
    status_callback_method: Option<String>,
    /// The hosts of SIP addresses that lead to this agent: `sip.example.com`.
    #[serde(default)]
    pub sip_hosts: Vec<String>,
    /// The ids that platforms have for this agent: an assistant's at Vapi, an agent's at Retell.
    #[serde(default)]
    pub assistants: Vec<String>,
    /// Where the built-in conversation asks what to answer; without one it only takes note.
    #[serde(default)]
    pub chat_url: Option<String>,
    /// How many calls it can hold at once, as far as its owner knows. It limits nothing without
    /// `at_capacity`.
    #[serde(default)]
    pub capacity: Option<u32>,
    /// The account that its calls belong to.
    #[serde(default)]
    pub account: Option<String>,
    /// Whether everybody may read how many live users it has.
    #[serde(default)]
    pub public: bool,
    #[serde(default)]
    at_capacity: Option<Decision>,
    #[serde(default)]
    reserved_for_inbound: Option<u32>,
}

/// The key of a URL, the URL, and the key and text of its method.
type UrlKey<'a> = (&'static str, Option<&'a str>, Option<(&'static str, &'a str)>);

/// All agents, in the order of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agents {
    list: Vec<Agent>,
    /// The place in the list by each agent's number, in the one spelling of [`CallerId`].
    numbers: HashMap<String, usize>,
    sip_hosts: BTreeMap<String, usize>,
    assistants: BTreeMap<String, usize>,
    /// Numbers that many people call from.
    shared: BTreeSet<String>,
    sources: Vec<SourceTable>,
    pub(crate) accounts: Arc<Accounts>,
    limit: AccountLimit,
    hooks: Vec<HookTable>,
    tokens: Vec<TokenTable>,
    pub(crate) alerts: Vec<AlertTable>,
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
    #[serde(default)]
    shared: Vec<String>,
    #[serde(default, rename = "agent")]
    agents: Vec<Agent>,
    #[serde(default, rename = "source")]
    sources: Vec<SourceTable>,
    #[serde(default, rename = "account")]
    accounts: Vec<AccountTable>,
    #[serde(default, rename = "hook")]
    hooks: Vec<HookTable>,
    #[serde(default, rename = "token")]
    tokens: Vec<TokenTable>,
    #[serde(default, rename = "alert")]
    alerts: Vec<AlertTable>,
    limit: Option<u32>,
    at_limit: Option<Decision>,
    limit_reserved_for_inbound: Option<u32>,
}

impl File {
    fn limit(&self) -> AccountLimit {
        AccountLimit {
            limit: self.limit,
            at_limit: self.at_limit.clone(),
            reserved: self.limit_reserved_for_inbound,
        }
    }
}

impl Agent {
    /// The account that its calls belong to, if it has one.
    pub fn account(&self) -> Option<Arc<str>> {
        self.account.as_deref().map(Arc::from)
    }

    /// The method that `voice_url` is requested by: `voice_method` of the file.
    pub fn voice_method(&self) -> Method {
        self.voice_method.as_deref().and_then(Method::parse).unwrap_or_default()
    }

    /// The method that `fallback_url` is requested by: `fallback_method` of the file.
    pub fn fallback_method(&self) -> Method {
        self.fallback_method.as_deref().and_then(Method::parse).unwrap_or_default()
    }

    /// Where the status callbacks of its numbers are passed on to, each once:
    /// `status_callback_url`, and those of `status_callback_urls`.
    pub fn status_callback_targets(&self) -> Vec<&str> {
        let mut targets: Vec<&str> = Vec::new();
        let one = self.status_callback_url.iter();
        for url in one.chain(&self.status_callback_urls) {
            if !targets.contains(&url.as_str()) {
                targets.push(url);
            }
        }
        targets
    }

    /// The method that these are requested by: `status_callback_method` of the file.
    pub fn status_callback_method(&self) -> Method {
        self.status_callback_method.as_deref().and_then(Method::parse).unwrap_or_default()
    }

    /// The keys of all URLs, each with its URL, and with the key and text of its method.
    fn urls(&self) -> Vec<UrlKey<'_>> {
        // The method of the list is that of the one URL, which may be left out then.
        let of_list = match (&self.status_callback_url, self.status_callback_urls.first()) {
            (None, Some(first)) => ("status_callback_urls", Some(first)),
            (one, _) => ("status_callback_url", one.as_ref()),
        };
        let urls = [
            ("voice_url", self.voice_url.as_ref(), "voice_method", &self.voice_method),
            ("fallback_url", self.fallback_url.as_ref(), "fallback_method", &self.fallback_method),
            (of_list.0, of_list.1, "status_callback_method", &self.status_callback_method),
            ("chat_url", self.chat_url.as_ref(), "", &None),
        ];
        let more = self.status_callback_urls.iter().skip(usize::from(of_list.0.ends_with('s')));
        let more = more.map(|url| ("status_callback_urls", Some(url), "", &None));
        let urls = urls.into_iter().chain(more);
        let urls = urls.map(|(field, url, of_method, method)| {
            let method = method.as_deref().map(|method| (of_method, method));
            (field, url.map(String::as_str), method)
        });
        urls.collect()
    }
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

    /// The bytes of the file; `None` if it cannot be read.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        std::fs::read(&self.path).ok()
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
            Ok(file) => {
                let limit = file.limit();
                let File { shared, agents, sources, accounts, hooks, tokens, alerts, .. } = file;
                let mut mistakes = mistakes_in(&agents);
                mistakes.extend(mistakes_in_limits(&agents, &limit));
                mistakes.extend(mistakes_in_shared("shared", &shared));
                mistakes.extend(mistakes_in_sources(&sources));
                mistakes.extend(mistakes_in_accounts(&accounts));
                let ids: Vec<_> = agents.iter().map(|agent| agent.id.as_str()).collect();
                mistakes.extend(mistakes_in_hooks(&hooks, &ids));
                let known = known_accounts(&agents, &sources, &accounts);
                mistakes.extend(mistakes_in_tokens(&tokens, &known));
                let accounts = Arc::new(Accounts::of(accounts));
                let agents = Self::of(agents).sharing(&shared);
                let agents = Self { sources, accounts, hooks, tokens, limit, alerts, ..agents };
                mistakes.extend(mistakes_in_alerts(&agents));
                (agents, mistakes)
            }
            Err(error) => (Self::default(), vec![mistake_in(text, &error)]),
        }
    }

    fn of(list: Vec<Agent>) -> Self {
        let (mut numbers, mut sip_hosts) = (HashMap::new(), BTreeMap::new());
        let mut assistants = BTreeMap::new();
        for (place, agent) in list.iter().enumerate() {
            for number in &agent.numbers {
                if let Some(number) = CallerId::parse(number).number() {
                    numbers.entry(number.to_owned()).or_insert(place);
                }
            }
            for host in &agent.sip_hosts {
                sip_hosts.entry(host.to_lowercase()).or_insert(place);
            }
            for id in &agent.assistants {
                assistants.entry(id.clone()).or_insert(place);
            }
        }
        Self { list, numbers, sip_hosts, assistants, ..Self::default() }
    }

    /// These agents, with more numbers that many people call from.
    #[must_use]
    pub fn sharing(mut self, numbers: &[String]) -> Self {
        let numbers = numbers.iter().map(|number| CallerId::parse(number));
        self.shared.extend(numbers.filter_map(|caller_id| caller_id.number().map(str::to_owned)));
        self
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

    /// The agent that a platform calls by this id.
    pub fn by_assistant(&self, id: &str) -> Option<&Agent> {
        self.list.get(*self.assistants.get(id)?)
    }

    /// Who tells of calls beside Twilio's webhooks, in the order of the file.
    pub fn sources(&self) -> &[SourceTable] {
        &self.sources
    }

    /// The accounts with tokens of their own, in the order of the file.
    pub fn accounts(&self) -> &[AccountTable] {
        &self.accounts.tables
    }

    /// What the account with this id of Twilio's is called.
    pub fn account_of(&self, sid: &str) -> Option<&Arc<str>> {
        self.accounts.by_sid(sid)
    }

    /// Who is told by webhooks of our own, in the order of the file.
    pub fn hooks(&self) -> &[HookTable] {
        &self.hooks
    }

    /// Whether calls may belong to an account of this name by this file.
    pub fn has_account(&self, name: &str) -> bool {
        self.account_names().contains(name)
    }

    /// The names of all accounts that calls may belong to by this file.
    pub fn account_names(&self) -> BTreeSet<&str> {
        known_accounts(&self.list, &self.sources, self.accounts())
    }

    /// Who may read the calls of some accounts, in the order of the file.
    pub fn tokens(&self) -> &[TokenTable] {
        &self.tokens
    }

    /// The agent that answers this number, in any of its spellings: also without its plus, and in
    /// an address of SIP or WhatsApp.
    pub fn by_number(&self, number: &str) -> Option<&Agent> {
        self.own_number(number).map(|(_, agent)| agent)
    }

    /// The number of the file that this one is, in any of its spellings, and whose it is.
    pub fn own_number(&self, number: &str) -> Option<(&str, &Agent)> {
        if self.numbers.is_empty() {
            return None;
        }
        let (number, place) = self.numbers.get_key_value(CallerId::parse(number).number()?)?;
        Some((number, self.list.get(*place)?))
    }

    /// The agent that a SIP address leads to by its host: `sip:room-7@SIP.example.com:5060`.
    pub fn by_sip_host(&self, address: &str) -> Option<&Agent> {
        let host = sip_host(address)?;
        let dots = host.match_indices('.').map(|(at, _)| at + 1);
        let mut hosts = [0].into_iter().chain(dots).map(|at| &host[at..]);
        let place = hosts.find_map(|host| self.sip_hosts.get(host))?;
        self.list.get(*place)
    }

    /// Whether one end of a call is a number of one of these agents, and so nobody's identity.
    pub fn is_own_number(&self, caller_id: &str) -> bool {
        self.by_number(caller_id).is_some()
    }

    /// Whether many people call from this number, so it does not tell who calls.
    pub fn is_shared_number(&self, caller_id: &str) -> bool {
        !self.shared.is_empty()
            && CallerId::parse(caller_id)
                .number()
                .is_some_and(|number| self.shared.contains(number))
    }
}

#[cfg(test)]
mod tests;
