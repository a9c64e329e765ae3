//! Which of the calls a request wants.

use std::collections::BTreeSet;

use live_users_core::{Agent, OpenCall, Party, Place};
use live_users_http_kit::{ParameterError, Query};
use live_users_intake::agents::Agents;
use live_users_intake::alerts::TWILIO;
use live_users_state::words;

use super::view::Presenter;
use crate::http::named::{Named, id};
use crate::parts::presentation::{agent_ref, label};
use crate::parts::scope::Scope;

/// The value of `country` for calls of which no country is known.
const UNKNOWN: &str = "unknown";

/// The fields of the query that choose calls; of those that are named, a call has to fit all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CallFilter {
    agent: Option<String>,
    pub(super) account: Option<String>,
    source: Option<String>,
    pub(super) suspect: Option<bool>,
    party: Option<Party>,
    /// Whether calls that were not answered yet are wanted, too.
    dialing: Option<bool>,
    country: Option<String>,
    /// In lower case.
    search: Option<String>,
    /// Countries whose names, in the language of whoever searches, have the text in them.
    search_countries: BTreeSet<String>,
    /// The ids of the agents whose names have it.
    found_agents: BTreeSet<String>,
}

/// The longest text that is searched for, in characters.
const SEARCH_CHARS_MAX: usize = 32;

/// The text as it is looked for.
fn searched(text: &str) -> Option<String> {
    (text.chars().count() <= SEARCH_CHARS_MAX).then(|| text.to_lowercase())
}

impl CallFilter {
    pub(super) fn parse(query: &Query<'_>) -> Result<Self, ParameterError> {
        let one = "a country as US, or unknown";
        let several = "countries as US,CA";
        let countries = |text: &str| text.split(',').map(country).collect::<Option<BTreeSet<_>>>();
        Ok(Self {
            agent: id(query, "agent")?,
            account: id(query, "account")?,
            source: id(query, "source")?,
            suspect: query.parsed("suspect", "true or false", |text| text.parse().ok())?,
            party: query.parsed("party", "agent, waiting, person or machine", party)?,
            dialing: query.parsed("dialing", "true or false", |text| text.parse().ok())?,
            country: query.parsed("country", one, |text| match text {
                UNKNOWN => Some(UNKNOWN.to_owned()),
                text => country(text),
            })?,
            search: query.parsed("search", "a text of at most 32 characters", searched)?,
            search_countries: query
                .parsed("searchCountries", several, countries)?
                .unwrap_or_default(),
            found_agents: BTreeSet::new(),
        })
    }

    /// The same with the names of these agents.
    pub(super) fn with_names(mut self, agents: &Agents) -> Self {
        if let Some(search) = &self.search {
            let found = agents.iter().filter(|it| it.name.to_lowercase().contains(search));
            self.found_agents = found.map(|it| it.id.to_string()).collect();
        }
        self
    }

    /// Whether a call that is up is one of those that a list without other filters has. A leg and a
    /// colleague's call have no party. Who asks for those that wait means all of them.
    pub(super) fn lists(&self, open: &OpenCall<'_>) -> bool {
        let with_dialing = self.dialing.unwrap_or(self.party == Some(Party::Waiting));
        open.party().is_some() && (with_dialing || open.is_live())
    }

    /// Whether this call is wanted, if it is in the scope.
    pub(super) fn has(&self, open: &OpenCall<'_>, presenter: &Presenter) -> bool {
        let is_suspect =
            || open.is_counted() && presenter.is_suspect((open.heard(), open.limits()));
        self.suspect.is_none_or(|it| it == is_suspect())
            && self.party.is_none_or(|it| open.party() == Some(it))
            && self.agent.as_deref().is_none_or(|id| is_of(open.agent(), id))
            && self.source.as_deref().is_none_or(|id| is_told_by(open, id))
            && self.country.as_deref().is_none_or(|it| is_in(open.place(), it))
            && self.search.as_deref().is_none_or(|text| self.finds(text, open))
    }

    /// What it names.
    pub(super) fn named(&self) -> Named<'_> {
        Named {
            agent: self.agent.as_deref(),
            account: self.account.as_deref(),
            source: self.source.as_deref(),
        }
    }

    /// What of the scope is left.
    pub(super) fn scope(&self, whole: &Scope) -> Scope {
        whole.narrowed(self.account.as_deref())
    }

    /// By what is shown of a call: the caller's label, the agent and the place.
    fn finds(&self, text: &str, open: &OpenCall<'_>) -> bool {
        let has = |shown: &str| shown.to_lowercase().contains(text);
        let Place { country, region, city } = open.place();
        let country = country.as_ref().map(ToString::to_string);
        let agent = agent_ref(open.agent());
        open.caller().is_some_and(|caller| label(caller).contains(text))
            || [agent.agent.as_deref(), agent.address.as_deref()].into_iter().flatten().any(has)
            || agent.agent.is_some_and(|id| self.found_agents.contains(&id))
            || [region.as_deref(), city.as_deref()].into_iter().flatten().any(has)
            || country.is_some_and(|it| self.search_countries.contains(&it) || has(&it))
    }
}

fn party(text: &str) -> Option<Party> {
    Party::ALL.into_iter().find(|it| words::of_party(*it) == text)
}

/// Two letters, in capitals.
fn country(text: &str) -> Option<String> {
    let is_code = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    is_code.then(|| text.to_ascii_uppercase())
}

fn is_of(agent: &Agent, id: &str) -> bool {
    matches!(agent, Agent::Id(own) if **own == *id)
}

fn is_told_by(open: &OpenCall<'_>, id: &str) -> bool {
    match id {
        TWILIO => open.is_twilios(),
        id => open.told().is_some_and(|told| told.sources.iter().any(|source| **source == *id)),
    }
}

fn is_in(place: &Place, wanted: &str) -> bool {
    match &place.country {
        None => wanted == UNKNOWN,
        Some(country) => country.to_string() == wanted,
    }
}
