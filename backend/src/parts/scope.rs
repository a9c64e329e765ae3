//! What somebody may read: of which calls, and how much of them.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use live_users_core::{Agent, Call, CallId, OpenCall, Tracker};
use live_users_intake::agents;
use live_users_state::{LinkScope, LinkView, SharedLink};
use live_users_wire::Summary;

/// What somebody may read. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Scope {
    calls: Calls,
    detail: Detail,
}

/// Of which calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Calls {
    /// Of all, also those of no account.
    #[default]
    All,
    /// Of those of these accounts.
    Accounts(Arc<BTreeSet<Arc<str>>>),
    /// Of those of this agent.
    Agent(Arc<str>),
}

/// How much of them. Each has what those before it have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Detail {
    /// The numbers of all of them together.
    Total,
    /// The numbers of their agents, places and accounts, too.
    Numbers,
    /// The calls themselves, and what happens to them.
    Calls,
    /// What is a matter of whoever runs this: what is sent to others, and how the provider is asked.
    #[default]
    Operations,
}

impl Scope {
    /// The calls of these accounts.
    pub(crate) fn of(accounts: impl IntoIterator<Item = Arc<str>>) -> Self {
        let calls = Calls::Accounts(Arc::new(accounts.into_iter().collect()));
        Self { calls, detail: Detail::Calls }
    }

    /// What the readers of a link see.
    pub(crate) fn of_link(link: &SharedLink) -> Self {
        Self::of_scope(&link.scope, link.view)
    }

    /// The same by what a link says.
    pub(crate) fn of_scope(scope: &LinkScope, view: LinkView) -> Self {
        let detail = match view {
            LinkView::Page => Detail::Calls,
            LinkView::Wallboard => Detail::Numbers,
        };
        match scope {
            LinkScope::All => Self { calls: Calls::All, detail },
            LinkScope::Total => Self { calls: Calls::All, detail: Detail::Total },
            LinkScope::Agent(agent) => Self { calls: Calls::Agent(agent.clone()), detail },
            LinkScope::Account(account) => Self { detail, ..Self::of([account.clone()]) },
        }
    }

    /// The accounts; `None` where they do not say which calls it is.
    pub(crate) fn accounts(&self) -> Option<&BTreeSet<Arc<str>>> {
        match &self.calls {
            Calls::Accounts(accounts) => Some(accounts),
            Calls::All | Calls::Agent(_) => None,
        }
    }

    /// The agent whose calls it is, if it is those of one.
    pub(crate) fn agent(&self) -> Option<&Arc<str>> {
        match &self.calls {
            Calls::Agent(agent) => Some(agent),
            Calls::All | Calls::Accounts(_) => None,
        }
    }

    /// How much may be read.
    pub(crate) fn detail(&self) -> Detail {
        self.detail
    }

    /// Whether it is not all calls with all that is told of them.
    pub(crate) fn is_limited(&self) -> bool {
        self.calls != Calls::All || self.detail < Detail::Calls
    }

    /// Whether it is everything, as whoever runs this sees it. The readers of a link to all calls do not.
    pub(crate) fn is_operators(&self) -> bool {
        *self == Self::default()
    }

    /// Whether all that is of this account, or of none, is in it. Nothing of an account is an
    /// agent's.
    pub(crate) fn has(&self, account: Option<&str>) -> bool {
        match &self.calls {
            Calls::All => true,
            Calls::Accounts(accounts) => account.is_some_and(|it| accounts.contains(it)),
            Calls::Agent(_) => false,
        }
    }

    /// Whether an agent of the file is in it.
    pub(crate) fn has_agent(&self, agent: &agents::Agent) -> bool {
        match &self.calls {
            Calls::Agent(id) => agent.id == **id,
            Calls::All | Calls::Accounts(_) => self.has(agent.account.as_deref()),
        }
    }

    /// Whether a call that is up is in it.
    pub(crate) fn has_open(&self, open: &OpenCall<'_>) -> bool {
        match &self.calls {
            Calls::Agent(id) => is_of(open.agent(), id),
            Calls::All | Calls::Accounts(_) => self.has(open.owner().map(|owner| &**owner)),
        }
    }

    /// What of it is of this account, if one is named.
    pub(crate) fn narrowed(&self, account: Option<&str>) -> Self {
        match account {
            None => self.clone(),
            Some(account) => {
                let account = Some(Arc::from(account)).filter(|it| self.has(Some(it)));
                Self { detail: self.detail.min(Detail::Calls), ..Self::of(account) }
            }
        }
    }

    /// Whether a call that is known is in it: also one that is over, or a leg.
    pub(crate) fn has_call(&self, tracker: &Tracker, id: &CallId) -> bool {
        match &self.calls {
            Calls::All => true,
            Calls::Accounts(_) => self.has(tracker.owner(id).map(|owner| &**owner)),
            Calls::Agent(agent) => {
                let of_call = |call: &Call| is_of(call.acting_agent(), agent);
                tracker.call(id).is_some_and(|call| match &call.details.leg {
                    // A leg is its call's.
                    Some(leg) => leg
                        .parent
                        .as_ref()
                        .and_then(|parent| tracker.call(parent))
                        .is_some_and(|parent| of_call(&parent)),
                    None => of_call(&call),
                })
            }
        }
    }

    /// Whether anything of a call that is known is in it: also of one that was in it and has moved on.
    pub(crate) fn has_of_call(&self, tracker: &Tracker, id: &CallId) -> bool {
        let was_in = || {
            let call = tracker.call(id).filter(|call| call.details.leg.is_none());
            call.is_some_and(|call| {
                call.details
                    .stretches
                    .iter()
                    .any(|it| self.has_stretch(&it.agent, it.account.as_deref()))
            })
        };
        self.has_call(tracker, id) || was_in()
    }

    /// Whether a stretch with this agent is in it, during which the call belonged to this account.
    pub(crate) fn has_stretch(&self, agent: &Agent, account: Option<&str>) -> bool {
        match &self.calls {
            Calls::Agent(of) => is_of(agent, of),
            Calls::All | Calls::Accounts(_) => self.has(account),
        }
    }

    /// Whether what is listed of a call is in it: by whose call it was when it was listed, as far as
    /// that is known, or else is now.
    pub(crate) fn has_listed(
        &self,
        tracker: &Tracker,
        id: &CallId,
        (account, agent): (Option<&Arc<str>>, Option<&Agent>),
    ) -> bool {
        match &self.calls {
            Calls::All => true,
            Calls::Accounts(_) => {
                self.has(account.or_else(|| tracker.owner(id)).map(|owner| &**owner))
            }
            Calls::Agent(of) => match agent {
                // With whom the caller was then: where the call is now is no matter of this agent.
                Some(agent) => is_of(agent, of),
                None => self.has_call(tracker, id),
            },
        }
    }

    /// The calls in it that are up, as if there were no others.
    pub(crate) fn view<'a>(&self, tracker: &'a Tracker) -> Cow<'a, Tracker> {
        match &self.calls {
            Calls::All => Cow::Borrowed(tracker),
            Calls::Accounts(accounts) => {
                Cow::Owned(tracker.of_accounts(|it| accounts.contains(it)))
            }
            Calls::Agent(agent) => Cow::Owned(tracker.of_agent(&Agent::Id(agent.clone()))),
        }
    }

    /// What of a summary of its calls it is allowed to tell.
    pub(crate) fn limit(&self, summary: Summary) -> Summary {
        let mut summary = summary;
        if self.detail < Detail::Calls {
            summary.drift.recent.clear();
        }
        if self.detail == Detail::Total {
            let Summary { public_by_agent, by_agent, by_country, by_region, .. } = &mut summary;
            *public_by_agent = None;
            by_agent.clear();
            by_country.clear();
            by_region.clear();
            summary.sources.clear();
            summary.by_account.clear();
        }
        summary
    }
}

fn is_of(agent: &Agent, id: &str) -> bool {
    matches!(agent, Agent::Id(it) if **it == *id)
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
