//! Whether an agent, an account or a source that a query names is known to whoever asks. A name that
//! nobody knows is a slip, and *none* would be the answer to another question.

use live_users_core::{Agent, OpenCall};
use live_users_http_kit::{ParameterError, Query};
use live_users_intake::agents::{Agents, ID_BYTES_MAX, is_id};
use live_users_intake::alerts::TWILIO;
use live_users_state::State;

use crate::parts::scope::Scope;
use crate::parts::sources::OWN_ID;

/// The most names that an error lists.
const LISTED_MAX: usize = 20;

/// A name in a query that is not known. What is not there and what is not the reader's look alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnknownName {
    /// The parameter: `agent`, `account` or `source`.
    pub(crate) field: &'static str,
    /// Those that the reader may know.
    pub(crate) expected: String,
}

/// The names in a query.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Named<'a> {
    pub(crate) agent: Option<&'a str>,
    pub(crate) account: Option<&'a str>,
    pub(crate) source: Option<&'a str>,
}

/// The id of an agent, an account or a source that a query gives as this parameter.
///
/// # Errors
/// If it can be none.
pub(crate) fn id(query: &Query<'_>, name: &str) -> Result<Option<String>, ParameterError> {
    let expected = format!("1 to {ID_BYTES_MAX} letters, digits, '-' or '_'");
    query.parsed(name, &expected, |text| is_id(text).then(|| text.to_owned()))
}

impl Named<'_> {
    /// Checks that the reader of a scope knows all of them.
    ///
    /// # Errors
    /// If not.
    pub(crate) fn check(
        self,
        (agents, whole): (&Agents, &Scope),
        state: &State,
    ) -> Result<(), UnknownName> {
        if self.account.is_some_and(|id| !has_account(agents, whole, state, id)) {
            return Err(unknown_account(agents, whole));
        }
        let scope = whole.narrowed(self.account);
        let is_told = |fits: &dyn Fn(&OpenCall<'_>) -> bool| {
            let mut open = state.tracker().open();
            open.any(|it| scope.has_open(&it) && fits(&it))
        };
        let is_agent = |id: &str| {
            let configured = agents.by_id(id).map(|it| scope.has_agent(it));
            configured.unwrap_or_else(|| !scope.is_limited() && state.history().has(id))
                || is_told(&|it| matches!(it.agent(), Agent::Id(own) if **own == *id))
        };
        if self.agent.is_some_and(|id| !is_agent(id)) {
            return Err(unknown_agent(agents, &scope));
        }
        let is_source = |id: &str| {
            sources(agents, &scope).any(|it| it == id)
                || is_told(&|it| {
                    it.told().is_some_and(|told| told.sources.iter().any(|it| **it == *id))
                })
        };
        if self.source.is_some_and(|id| !is_source(id)) {
            let expected = listed(sources(agents, &scope), "another source that tells of calls");
            return Err(UnknownName { field: "source", expected });
        }
        Ok(())
    }
}

fn has_account(agents: &Agents, whole: &Scope, state: &State, id: &str) -> bool {
    let is_known = || {
        agents.has_account(id)
            || state.history().has_account(id)
            || state.tracker().breakdown_of_accounts([id]).on_the_line().users > 0
    };
    whole.has(Some(id)) && (whole.is_limited() || is_known())
}

/// The agents of the file that are in scope, as an error names them.
pub(crate) fn unknown_agent(agents: &Agents, scope: &Scope) -> UnknownName {
    let known = agents.iter().filter(|it| scope.has_agent(it));
    let expected = listed(known.map(|it| it.id.as_str()), "another agent that has calls");
    UnknownName { field: "agent", expected }
}

/// The accounts of the file, or those of the scope, as an error names them.
pub(crate) fn unknown_account(agents: &Agents, whole: &Scope) -> UnknownName {
    let expected = match (whole.accounts(), whole.agent()) {
        // Whose agent it is, is no business of who reads its calls.
        (None, Some(_)) => listed([].into_iter(), ""),
        (None, None) => {
            listed(agents.account_names().into_iter(), "another account that has calls")
        }
        (Some(own), _) => listed(own.iter().map(|it| &**it), ""),
    };
    UnknownName { field: "account", expected }
}

/// The sources that are in scope.
fn sources<'a>(agents: &'a Agents, scope: &'a Scope) -> impl Iterator<Item = &'a str> {
    let in_scope = |account: Option<&str>| !scope.is_limited() || scope.has(account);
    let of_file = agents.sources().iter().filter(move |it| in_scope(it.account.as_deref()));
    let own = Some(OWN_ID).filter(|_| !scope.is_limited());
    [TWILIO].into_iter().chain(own).chain(of_file.map(|it| it.id.as_str()))
}

/// Some names, and what else there may be.
fn listed<'a>(names: impl Iterator<Item = &'a str>, others: &'a str) -> String {
    let mut names: Vec<_> = names.take(LISTED_MAX).collect();
    names.extend(Some(others).filter(|others| !others.is_empty()));
    match names.split_last() {
        None => "none".to_owned(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}
