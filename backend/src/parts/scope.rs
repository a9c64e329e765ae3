//! Whose calls somebody may read: all, or those of some accounts.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use live_users_core::{Agent, Breakdown, CallId, Tracker};
use live_users_wire::{ByAgent, Count};

use super::latest::public_by_agent;

/// Whose calls somebody may read. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Scope(Option<Arc<BTreeSet<Arc<str>>>>);

impl Scope {
    /// The calls of these accounts.
    pub(crate) fn of(accounts: impl IntoIterator<Item = Arc<str>>) -> Self {
        Self(Some(Arc::new(accounts.into_iter().collect())))
    }

    /// The accounts; `None` for all calls, also those of no account.
    pub(crate) fn accounts(&self) -> Option<&BTreeSet<Arc<str>>> {
        self.0.as_deref()
    }

    /// Whether it is not all calls.
    pub(crate) fn is_limited(&self) -> bool {
        self.0.is_some()
    }

    /// Whether a call of this account, or of none, is in it.
    pub(crate) fn has(&self, account: Option<&str>) -> bool {
        self.accounts().is_none_or(|accounts| account.is_some_and(|it| accounts.contains(it)))
    }

    /// What of it is of this account, if one is named.
    pub(crate) fn narrowed(&self, account: Option<&str>) -> Self {
        match account {
            None => self.clone(),
            Some(account) => Self::of(Some(Arc::from(account)).filter(|it| self.has(Some(it)))),
        }
    }

    /// Whether a call that is known is in it: also one that is over, or a leg.
    pub(crate) fn has_call(&self, tracker: &Tracker, id: &CallId) -> bool {
        !self.is_limited() || self.has(tracker.owner(id).map(|owner| &**owner))
    }

    /// Whether what is listed of a call is in it: by whose call it is now, or was when it was listed
    /// if it is forgotten.
    pub(crate) fn has_listed(
        &self,
        tracker: &Tracker,
        id: &CallId,
        listed: Option<&Arc<str>>,
    ) -> bool {
        if !self.is_limited() {
            return true;
        }
        let owner = if tracker.knows(id) { tracker.owner(id) } else { listed };
        self.has(owner.map(|owner| &**owner))
    }

    /// The calls in it that are up, as if there were no others.
    pub(crate) fn view<'a>(&self, tracker: &'a Tracker) -> Cow<'a, Tracker> {
        match self.accounts() {
            None => Cow::Borrowed(tracker),
            Some(accounts) => Cow::Owned(tracker.of_accounts(|it| accounts.contains(it))),
        }
    }

    /// The numbers of each party.
    pub(crate) fn breakdown(&self, tracker: &Tracker) -> Breakdown {
        match self.accounts() {
            None => tracker.breakdown(),
            Some(accounts) => tracker.breakdown_of_accounts(accounts.iter().map(|it| &**it)),
        }
    }

    /// The total, with the numbers of the agents if they are given out.
    pub(crate) fn count(&self, tracker: &Tracker, gives_agents: bool) -> Count {
        let by_agent = gives_agents.then(|| -> ByAgent { public_by_agent(&self.view(tracker)) });
        Count { live_users: self.breakdown(tracker).live.users as u64, by_agent }
    }

    /// How many users an agent has on the line.
    pub(crate) fn on_the_line_with(&self, tracker: &Tracker, id: &str) -> usize {
        let of_agents = self.view(tracker).breakdown_by_agent().into_iter();
        let mut of = of_agents.filter(|(it, _)| matches!(it, Agent::Id(it) if **it == *id));
        of.next().map_or(0, |(_, breakdown)| breakdown.on_the_line().users)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_has_its_accounts_and_narrows_to_one_of_them() {
        let all = Scope::default();
        let some = Scope::of(["acme", "zeta"].map(Arc::from));
        assert!(all.has(None) && all.has(Some("acme")) && !all.is_limited());
        assert!(some.has(Some("acme")) && !some.has(Some("other")) && !some.has(None));
        let acme = Scope::of([Arc::from("acme")]);
        assert_eq!((all.narrowed(Some("acme")), some.narrowed(Some("acme"))), (acme.clone(), acme));
        assert_eq!((all.narrowed(None), some.narrowed(None)), (all, some.clone()));
        let none = some.narrowed(Some("other"));
        assert!(none.is_limited() && !none.has(Some("other")) && !none.has(None));
    }
}
