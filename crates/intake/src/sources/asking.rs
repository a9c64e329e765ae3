//! How the provider of a source is asked which calls are up, or how many.

use std::sync::Arc;

use live_users_core::SECOND_MS;
use live_users_sources::{Gives, Referee, Scope};

use super::{SourceSettings, SourceTable, is_variable};

/// How often a provider is asked, unless the file says otherwise, in seconds.
const ASK_S: u32 = 20;

/// The longest interval, in seconds. Calls that are over for longer would be shown as live.
const ASK_S_MAX: u32 = 3600;

/// The most ids in `connection_ids` and in `agent_ids`. Each of them is a request or more.
const IDS_MAX: usize = 100;

/// The longest id, in bytes.
const ID_BYTES_MAX: usize = 128;

/// What is needed to ask the provider of a source.
#[derive(Clone)]
pub struct RefereeSettings {
    /// The source.
    pub source: SourceSettings,
    /// How its kind is asked.
    pub referee: &'static Referee,
    /// About which ids: see [`Scope`].
    pub ids: Arc<[String]>,
    /// The interval, in milliseconds.
    pub ask_ms: u64,
}

impl SourceTable {
    /// What its provider can be asked, if it is to be asked.
    fn asked(&self) -> Option<&'static Referee> {
        let referee = self.kind()?.referee?;
        let asks = self.api_key_env.is_some() || referee.takes_secret && self.api_url.is_some();
        asks.then_some(referee)
    }

    /// Whether its provider is asked which calls are up.
    pub(super) fn lists_calls(&self) -> bool {
        self.asked().is_some_and(|referee| referee.gives == Gives::Calls)
    }

    /// How its provider is asked; `None` if it is not.
    pub fn referee(&self) -> Option<RefereeSettings> {
        let referee = self.asked()?;
        let ids = match referee.scope {
            Scope::Key => Vec::new(),
            Scope::Connections => self.connection_ids.clone(),
            Scope::Account => self.auth_id.iter().cloned().collect(),
            Scope::Agents => self.agent_ids.clone(),
        };
        Some(RefereeSettings {
            source: self.settings(),
            referee,
            ids: ids.into(),
            ask_ms: u64::from(self.ask_seconds.unwrap_or(ASK_S)) * SECOND_MS,
        })
    }

    /// The variable that has the key with which its provider is asked.
    pub fn key_variable(&self) -> &str {
        self.api_key_env.as_deref().unwrap_or(&self.secret_env)
    }

    /// What is wrong with how its provider is asked: a field, and what was expected.
    pub(super) fn mistakes_in_asking(&self) -> Vec<(&'static str, String)> {
        let Some(kind) = self.kind() else { return Vec::new() };
        let given = [
            ("api_key_env", self.api_key_env.is_some()),
            ("api_url", self.api_url.is_some()),
            ("connection_ids", !self.connection_ids.is_empty()),
            ("auth_id", self.auth_id.is_some()),
            ("agent_ids", !self.agent_ids.is_empty()),
            ("ask_seconds", self.ask_seconds.is_some()),
        ];
        let given = given.into_iter().filter(|(_, is_given)| *is_given).map(|(field, _)| field);
        let Some(referee) = kind.referee else {
            let what = || format!("{} cannot be asked for its calls; expected none", kind.title);
            return given.map(|field| (field, what())).collect();
        };
        let own = match referee.scope {
            Scope::Key => None,
            Scope::Connections => Some("connection_ids"),
            Scope::Account => Some("auth_id"),
            Scope::Agents => Some("agent_ids"),
        };
        let is_foreign = |field: &&str| {
            ["connection_ids", "auth_id", "agent_ids"].contains(field) && own != Some(*field)
        };
        let given: Vec<_> = given.collect();
        let foreign = given.iter().copied().filter(is_foreign);
        let foreign = foreign.map(|field| (field, format!("is not of {}", kind.title)));
        let asked_by = if referee.takes_secret { "api_url" } else { "api_key_env" };
        let lone = given.first().filter(|_| self.referee().is_none());
        let lone = lone.map(|field| (*field, format!("there is no {asked_by}; expected both")));
        let wrong = self.referee().map(|it| self.mistakes_of(&it, own)).unwrap_or_default();
        foreign.chain(lone).chain(wrong).collect()
    }

    fn mistakes_of(
        &self,
        settings: &RefereeSettings,
        own: Option<&'static str>,
    ) -> Vec<(&'static str, String)> {
        let RefereeSettings { referee, ids, .. } = settings;
        let must_be_named = matches!(referee.scope, Scope::Connections | Scope::Account);
        let is_id = |id: &String| {
            (1..=ID_BYTES_MAX).contains(&id.len()) && id.bytes().all(|it| it.is_ascii_graphic())
        };
        let are_wrong = must_be_named && ids.is_empty() || !ids.iter().all(is_id);
        let key = self.api_key_env.as_deref();
        let is_far = self.ask_seconds.is_some_and(|it| !(1..=ASK_S_MAX).contains(&it));
        let needs_url = referee.api_url.is_none() && self.api_url.is_none();
        let checks = [
            (
                "api_key_env",
                key.is_some_and(|it| !is_variable(it)),
                "expected the name of an environment variable such as TELNYX_API_KEY, and never \
                 the key itself"
                    .to_owned(),
            ),
            (
                own.unwrap_or_default(),
                own.is_some() && (are_wrong || ids.len() > IDS_MAX),
                format!(
                    "expected at most {IDS_MAX} ids, each of 1 to {ID_BYTES_MAX} characters of \
                     visible ASCII{}",
                    if must_be_named { ", and at least one" } else { "" }
                ),
            ),
            ("api_url", needs_url, "is missing; expected the address of your server".to_owned()),
            ("ask_seconds", is_far, format!("expected 1 to {ASK_S_MAX}")),
        ];
        let wrong = checks.into_iter().filter(|(_, is_wrong, _)| *is_wrong);
        wrong.map(|(field, _, what)| (field, what)).collect()
    }
}
