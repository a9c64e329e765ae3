//! Pages of calls: some at a time, the longest first.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use live_users_core::{Call, CallId, Millis, OpenCall};
use live_users_http_kit::{ParameterError, Query};
use live_users_intake::agents::Agents;
use live_users_state::State;
use live_users_wire::{CallPage, CallView};

use super::filter::CallFilter;
use super::view::Presenter;
use crate::http::named::Named;
use crate::parts::clock::moment;
use crate::parts::scope::Scope;

/// Calls on one page, unless the query has a limit.
const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1_000;

/// The fields of the query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PageQuery {
    /// At most so many calls; `None` if it does not say.
    limit: Option<usize>,
    /// The page begins behind this call.
    after: Option<SortKey>,
    filter: CallFilter,
}

/// Orders calls: by the moment since which they are in their phase, then by id.
pub(super) type SortKey = (Millis, String);

impl PageQuery {
    pub(super) fn parse(query: &str) -> Result<Self, ParameterError> {
        let query = Query::new(query);
        let after = "the `next` of the page before";
        // Never 0 where it is said.
        let limit = query.number("limit", 0, 1..=LIMIT_MAX)?;
        Ok(Self {
            limit: (limit > 0).then_some(limit),
            after: query.parsed("after", after, sort_key)?,
            filter: CallFilter::parse(&query)?,
        })
    }

    /// The same, which finds agents by their names too.
    pub(super) fn with_names(self, agents: &Agents) -> Self {
        Self { filter: self.filter.with_names(agents), ..self }
    }

    /// How many calls it asks for, if it says so.
    pub(super) fn limit_named(&self) -> Option<usize> {
        self.limit
    }

    /// What it names.
    pub(super) fn named(&self) -> Named<'_> {
        self.filter.named()
    }

    /// The places of all calls that are in scope, wanted and not before the page, in no order.
    pub(super) fn places(
        &self,
        state: &State,
        scope: &Scope,
        presenter: &Presenter,
    ) -> Vec<(Millis, CallId)> {
        let scope = self.filter.scope(scope);
        let is_behind = |open: &OpenCall<'_>| {
            let after = self.after.as_ref();
            after.is_none_or(|after| order(open.since(), open.id(), after).is_gt())
        };
        let open = state.tracker().open();
        let wanted = open.filter(|open| self.wants(open, &scope, presenter) && is_behind(open));
        wanted.map(|open| (open.since(), open.id().clone())).collect()
    }

    /// Those of these calls that are in scope and wanted still, each with the `after` of those behind it.
    pub(super) fn rows(
        &self,
        (state, scope): (&State, &Scope),
        presenter: &Presenter,
        places: &[(Millis, CallId)],
    ) -> Vec<(CallView, String)> {
        let scope = self.filter.scope(scope);
        let open = places.iter().filter_map(|(_, id)| state.tracker().open_call(id));
        let wanted = open.filter(|open| self.wants(open, &scope, presenter));
        let calls = wanted.map(|open| open.call());
        calls.map(|call| (presenter.call(&call), next_after(&call))).collect()
    }

    /// Whether a call that is up is one of its rows, wherever these begin.
    fn wants(&self, open: &OpenCall<'_>, scope: &Scope, presenter: &Presenter) -> bool {
        self.filter.lists(open) && scope.has_open(open) && self.filter.has(open, presenter)
    }

    /// The calls that are in scope.
    pub(super) fn calls(&self, state: &State, scope: &Scope, presenter: &Presenter) -> Page {
        let scope = self.filter.scope(scope);
        let limit = self.limit.unwrap_or(LIMIT_DEFAULT);
        let (mut matching, mut total) = (0, 0);
        // The largest is on top: a call that comes before it replaces it.
        let mut first = BinaryHeap::with_capacity(limit + 2);
        for open in state.tracker().open().filter(|open| self.filter.lists(open)) {
            if !scope.has_open(&open) {
                continue;
            }
            total += 1;
            if !self.filter.has(&open, presenter) {
                continue;
            }
            matching += 1;
            let key = (open.since(), open.id().to_string());
            if self.after.as_ref().is_none_or(|after| key > *after) {
                first.push(key);
            }
            if first.len() > limit + 1 {
                first.pop();
            }
        }
        let mut keys = first.into_sorted_vec();
        let more = keys.len() > limit;
        keys.truncate(limit);
        let id = |id: String| CallId::parse(&id).ok();
        let calls = keys.into_iter().filter_map(|(_, call)| state.tracker().call(&id(call)?));
        Page { calls: calls.collect(), more, matching, total }
    }
}

/// Some of the calls.
pub(super) struct Page {
    calls: Vec<Call>,
    /// Whether there are more behind them.
    more: bool,
    /// How many calls the filters leave, on all pages.
    matching: u64,
    /// How many there are without filters.
    total: u64,
}

impl Page {
    /// At this place of the journal, as far as the reader is told that.
    pub(super) fn view(&self, presenter: &Presenter, (epoch, seq): (u64, u64)) -> CallPage {
        CallPage {
            epoch: Some(format!("{epoch:016x}")),
            seq: Some(seq),
            calls: self.calls.iter().map(|call| presenter.call(call)).collect(),
            matching: Some(self.matching),
            total: Some(self.total),
            as_of: moment(presenter.now),
            next: self.calls.last().filter(|_| self.more).map(next_after),
        }
    }
}

/// Where a call stands, compared with a place. The text is made only where it decides: the writer waits.
pub(super) fn order(at: Millis, id: &CallId, (other, text): &SortKey) -> Ordering {
    at.cmp(other).then_with(|| id.to_string().cmp(text))
}

/// The `next` of a page that ends with this call.
fn next_after(call: &Call) -> String {
    format!("{}.{}", call.since.0, call.id)
}

fn sort_key(text: &str) -> Option<SortKey> {
    let (since, call) = text.split_once('.')?;
    Some((Millis(since.parse().ok()?), call.to_owned()))
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
            ("party=nobody", "party"),
            ("dialing=maybe", "dialing"),
            ("source=a%20b", "source"),
            ("country=USA", "country"),
            ("country=U1", "country"),
            ("search=%ff", "search"),
            (&format!("search={}", "x".repeat(33)), "search"),
            ("searchCountries=US,", "searchCountries"),
        ] {
            assert_eq!(PageQuery::parse(query).unwrap_err().name, field, "{query}");
        }
        let query = PageQuery::parse("limit=5&after=17.v3:a.b&agent=x&suspect=true&else=1");
        let query = query.unwrap();
        assert_eq!(query.after, Some((Millis(17), "v3:a.b".to_owned())));
        assert_eq!((query.limit, query.filter.suspect), (Some(5), Some(true)));
    }
}
