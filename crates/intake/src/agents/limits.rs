//! Limits: how many calls may occupy an agent, or all together, and what decides a call beyond them.

use std::fmt;

use live_users_core::{Admission, Bound, Direction, Evidence, Instead, LimitOf, Said, Source};
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::mistakes::is_url;
use super::{Agent, Agents};

/// The longest name of a queue that Twilio takes, in characters.
const QUEUE_CHARS_MAX: usize = 64;
/// The longest sentence to a caller who is turned away, in bytes: it takes half a minute to say.
const SAY_BYTES_MAX: usize = 500;

const EXPECTED: &str = "expected \"busy\", \"queue:NAME\", \"redirect:URL\" or \"say:TEXT\"";

/// What decides a call beyond a limit, as the file has it: `at_capacity`, `at_limit`.
#[derive(Clone, PartialEq, Eq)]
pub enum Decision {
    /// `busy`: the line is busy.
    Busy,
    /// `queue:NAME`: the caller waits in this queue.
    Queue(String),
    /// `redirect:URL`: this URL answers.
    Redirect(String),
    /// `say:TEXT`: the caller hears this, and we hang up.
    Say(String),
    /// Anything else: a mistake.
    Unknown,
}

/// Without the URL, which may have a key in it.
impl fmt::Debug for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl<'de> Deserialize<'de> for Decision {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer).map_err(|_| D::Error::custom(EXPECTED))?;
        Ok(match text.split_once(':') {
            None if text == "busy" => Self::Busy,
            Some(("queue", name)) => Self::Queue(name.to_owned()),
            Some(("redirect", url)) => Self::Redirect(url.to_owned()),
            Some(("say", text)) => Self::Say(text.trim().to_owned()),
            _ => Self::Unknown,
        })
    }
}

impl Decision {
    /// The words of those that the file may have, for metrics.
    pub const WORDS: [&'static str; 4] = ["busy", "queue", "redirect", "say"];

    /// Its word in the file.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Busy | Self::Unknown => "busy",
            Self::Queue(_) => "queue",
            Self::Redirect(_) => "redirect",
            Self::Say(_) => "say",
        }
    }

    /// What becomes of a call.
    pub fn instead(&self) -> Instead {
        match self {
            Self::Busy | Self::Say(_) | Self::Unknown => Instead::Refuse,
            Self::Queue(_) => Instead::Queue,
            Self::Redirect(_) => Instead::Elsewhere,
        }
    }

    /// The URL of a redirect.
    pub fn url(&self) -> Option<&str> {
        match self {
            Self::Redirect(url) => Some(url),
            Self::Busy | Self::Queue(_) | Self::Say(_) | Self::Unknown => None,
        }
    }

    fn mistake(&self) -> Option<String> {
        match self {
            Self::Unknown => Some(EXPECTED.to_owned()),
            Self::Queue(name) => {
                let chars = name.chars().count();
                let is_good = (1..=QUEUE_CHARS_MAX).contains(&chars) && name.trim() == name;
                let is_good = is_good && !name.chars().any(char::is_control);
                (!is_good).then(|| {
                    format!(
                        "expected a queue of 1 to {QUEUE_CHARS_MAX} characters behind \"queue:\""
                    )
                })
            }
            Self::Redirect(url) => (!is_url(url))
                .then(|| "expected a URL with https:// or http:// behind \"redirect:\"".to_owned()),
            Self::Say(text) => {
                let is_good = (1..=SAY_BYTES_MAX).contains(&text.len());
                (!is_good).then(|| {
                    format!("expected a text of 1 to {SAY_BYTES_MAX} bytes behind \"say:\"")
                })
            }
            Self::Busy => None,
        }
    }
}

/// The limit of all agents together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct AccountLimit {
    pub(super) limit: Option<u32>,
    pub(super) at_limit: Option<Decision>,
    pub(super) reserved: Option<u32>,
}

/// What decides a call that was turned away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beyond<'a> {
    /// The agent that it counts for, if that is configured.
    pub agent: Option<&'a str>,
    /// What the file says about calls beyond it.
    pub decision: &'a Decision,
}

impl Agent {
    /// What decides a call beyond its capacity; `None` if that is only shown.
    pub fn at_capacity(&self) -> Option<&Decision> {
        self.capacity.and(self.at_capacity.as_ref())
    }
}

impl Agents {
    /// How many calls all agents together may hold, if the file has that.
    pub fn limit(&self) -> Option<u32> {
        self.limit.limit
    }

    /// What decides a call beyond the limit of all agents together.
    pub fn at_limit(&self) -> Option<&Decision> {
        self.limit.limit.and(self.limit.at_limit.as_ref())
    }

    /// The limits for the call of a voice request; `None` if there are none for it.
    pub fn admission(&self, evidence: &Evidence) -> Option<Admission> {
        let may_begin = evidence.source == Source::Voice
            && !matches!(evidence.said, Said::Over(_))
            && evidence.conference.is_none()
            && !evidence.is_leg();
        if !may_begin {
            return None;
        }
        let is_outbound = evidence.direction == Some(Direction::Outbound);
        let bound = |places: Option<u32>, decision: Option<&Decision>, reserved: Option<u32>| {
            let reserved = reserved.filter(|_| is_outbound).unwrap_or_default();
            let instead = decision?.instead();
            Some(Bound { places: places?.saturating_sub(reserved), instead })
        };
        let agent = self.counted_for(evidence);
        let agent = agent
            .and_then(|it| bound(it.capacity, it.at_capacity.as_ref(), it.reserved_for_inbound));
        let AccountLimit { limit, at_limit, reserved } = &self.limit;
        let all = bound(*limit, at_limit.as_ref(), *reserved);
        (agent.is_some() || all.is_some()).then_some(Admission { agent, all })
    }

    /// What the file says now about a call that was turned away by this limit.
    pub fn beyond<'a>(&'a self, evidence: &Evidence, by: LimitOf) -> Option<Beyond<'a>> {
        let agent = self.counted_for(evidence);
        let decision = match by {
            LimitOf::Agent => agent?.at_capacity()?,
            LimitOf::Account => self.at_limit()?,
        };
        Some(Beyond { agent: agent.map(|agent| agent.id.as_str()), decision })
    }

    fn counted_for(&self, evidence: &Evidence) -> Option<&Agent> {
        match &evidence.agent {
            live_users_core::Agent::Id(id) => self.by_id(id),
            live_users_core::Agent::Unknown | live_users_core::Agent::Address(_) => None,
        }
    }
}

/// All that is wrong with limits.
pub(super) fn mistakes_in_limits(agents: &[Agent], account: &AccountLimit) -> Vec<String> {
    let of_agents = agents.iter().zip(1..).flat_map(|(agent, place)| {
        let fields = ["capacity", "at_capacity", "reserved_for_inbound"];
        let mistakes = mistakes(
            fields,
            agent.capacity,
            agent.at_capacity.as_ref(),
            agent.reserved_for_inbound,
        );
        mistakes.into_iter().map(move |what| format!("agent {place} ({:?}): {what}", agent.id))
    });
    let fields = ["limit", "at_limit", "limit_reserved_for_inbound"];
    let AccountLimit { limit, at_limit, reserved } = account;
    let alone = limit.filter(|_| at_limit.is_none());
    let alone = alone.map(|_| "limit: there is no at_limit; expected both or neither".to_owned());
    let of_account = mistakes(fields, *limit, at_limit.as_ref(), *reserved);
    of_agents.chain(alone).chain(of_account).collect()
}

fn mistakes(
    [limit, at_limit, reserved]: [&str; 3],
    places: Option<u32>,
    decision: Option<&Decision>,
    kept: Option<u32>,
) -> Vec<String> {
    let mut mistakes = Vec::new();
    if places == Some(0) {
        mistakes.push(format!("{limit}: expected a whole number from 1 up"));
    }
    if let Some(what) = decision.and_then(Decision::mistake) {
        mistakes.push(format!("{at_limit}: {what}"));
    }
    if decision.is_some() && places.is_none() {
        mistakes.push(format!("{at_limit}: there is no {limit}; expected both"));
    }
    match kept {
        Some(_) if decision.is_none() => {
            mistakes.push(format!("{reserved}: there is no {at_limit}; expected both"));
        }
        Some(kept) if places.is_some_and(|places| kept >= places) => {
            mistakes.push(format!("{reserved}: expected fewer places than {limit} has"));
        }
        Some(_) | None => {}
    }
    mistakes
}

#[cfg(test)]
mod tests;
