//! Pages of calls: some at a time, the longest first.

use std::collections::BinaryHeap;

use live_users_core::{Agent, Call, Millis, OpenCall};
use live_users_http_kit::{ParameterError, Query};
use live_users_intake::agents::{ID_BYTES_MAX, is_id};
use live_users_state::State;
use live_users_wire::CallPage;

use super::view::Presenter;
use crate::parts::clock::moment;
use crate::parts::scope::Scope;

/// Calls on one page, unless the query has a limit.
const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1_000;

/// The fields of the query.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PageQuery {
    limit: usize,
    /// The page begins behind this call.
    after: Option<SortKey>,
    agent: Option<String>,
    account: Option<String>,
    suspect: Option<bool>,
}

/// Orders calls: by the moment since which they are live, then by id.
type SortKey = (Millis, String);

impl PageQuery {
    pub(super) fn parse(query: &str) -> Result<Self, ParameterError> {
        let query = Query::new(query);
        let after = "the `next` of the page before";
        let agent = format!("1 to {ID_BYTES_MAX} letters, digits, '-' or '_'");
        Ok(Self {
            limit: query.number("limit", LIMIT_DEFAULT, 1..=LIMIT_MAX)?,
            after: query.parsed("after", after, sort_key)?,
            agent: query.parsed("agent", &agent, |id| is_id(id).then(|| id.to_owned()))?,
            account: query.parsed("account", &agent, |id| is_id(id).then(|| id.to_owned()))?,
            suspect: query.parsed("suspect", "true or false", |text| text.parse().ok())?,
        })
    }

    /// The calls that are in scope.
    pub(super) fn calls(&self, state: &State, scope: &Scope, presenter: &Presenter) -> Page {
        let scope = scope.narrowed(self.account.as_deref());
        // The largest is on top: a call that comes before it replaces it.
        let mut first = BinaryHeap::with_capacity(self.limit + 2);
        // A leg and a colleague's call have no party.
        let listed = |open: &OpenCall<'_>| open.is_live() && open.party().is_some();
        for open in state.tracker().open().filter(listed) {
            let is_suspect =
                || open.is_counted() && presenter.is_suspect((open.heard(), open.limits()));
            let is_wanted = scope.has(open.owner().map(|owner| &**owner))
                && self.suspect.is_none_or(|it| it == is_suspect())
                && self.agent.as_deref().is_none_or(|id| is_of(open.agent(), id));
            if !is_wanted {
                continue;
            }
            let key = (open.since(), open.id().to_string());
            if self.after.as_ref().is_none_or(|after| key > *after) {
                first.push(key);
            }
            if first.len() > self.limit + 1 {
                first.pop();
            }
        }
        let mut keys = first.into_sorted_vec();
        let more = keys.len() > self.limit;
        keys.truncate(self.limit);
        let id = |id: String| live_users_core::CallId::parse(&id).ok();
        let calls = keys.into_iter().filter_map(|(_, call)| state.tracker().call(&id(call)?));
        Page { calls: calls.collect(), more }
    }
}

/// Some of the calls.
pub(super) struct Page {
    calls: Vec<Call>,
    /// Whether there are more behind them.
    more: bool,
}

impl Page {
    pub(super) fn view(&self, presenter: &Presenter) -> CallPage {
        CallPage {
            calls: self.calls.iter().map(|call| presenter.call(call)).collect(),
            as_of: moment(presenter.now),
            next: self.calls.last().filter(|_| self.more).map(next_after),
        }
    }
}

/// The `next` of a page that ends with this call.
fn next_after(call: &Call) -> String {
    format!("{}.{}", call.since.0, call.id)
}

fn sort_key(text: &str) -> Option<SortKey> {
    let (since, call) = text.split_once('.')?;
    Some((Millis(since.parse().ok()?), call.to_owned()))
}

fn is_of(agent: &Agent, id: &str) -> bool {
    matches!(agent, Agent::Id(own) if **own == *id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_asked_for_is_named() {
        for (query, field) in [
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
            ("limit=ten", "limit"),
            ("after=x", "after"),
            ("after=x.CA1", "after"),
            ("agent=a%20b", "agent"),
            ("account=a%20b", "account"),
            ("suspect=maybe", "suspect"),
        ] {
            assert_eq!(PageQuery::parse(query).unwrap_err().name, field, "{query}");
        }
        let query = PageQuery::parse("limit=5&after=17.v3:a.b&agent=x&suspect=true&else=1");
        let query = query.unwrap();
        assert_eq!(query.after, Some((Millis(17), "v3:a.b".to_owned())));
        assert_eq!((query.limit, query.suspect), (5, Some(true)));
    }
}
