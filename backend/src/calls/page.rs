//! Which calls are asked for: some at a time, the longest first.

use std::collections::BinaryHeap;

use live_users_core::{Agent, Call, Millis};
use live_users_http_kit::{ParameterError, Query};
use live_users_intake::agents::{ID_BYTES_MAX, is_id};
use live_users_state::State;

use super::view::Viewer;

/// Calls on one page, unless something else is asked for.
const LIMIT_DEFAULT: usize = 100;
const LIMIT_MAX: usize = 1_000;

/// What stands in the query.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PageQuery {
    limit: usize,
    /// Behind this place.
    after: Option<Place>,
    agent: Option<String>,
    suspect: Option<bool>,
}

/// Where a call stands in the order: since when it is live, and its id.
type Place = (Millis, String);

impl PageQuery {
    pub(super) fn parse(query: &str) -> Result<Self, ParameterError> {
        let query = Query::new(query);
        let after = "the `next` of the page before";
        let agent = format!("1 to {ID_BYTES_MAX} letters, digits, '-' or '_'");
        Ok(Self {
            limit: query.number("limit", LIMIT_DEFAULT, 1..=LIMIT_MAX)?,
            after: query.parsed("after", after, place_of)?,
            agent: query.parsed("agent", &agent, |id| is_id(id).then(|| id.to_owned()))?,
            suspect: query.parsed("suspect", "true or false", |text| text.parse().ok())?,
        })
    }

    /// The calls, and whether there are more.
    pub(super) fn calls(&self, state: &State, viewer: &Viewer) -> (Vec<Call>, bool) {
        // The largest on top: it goes when one that comes before it is found.
        let mut first = BinaryHeap::with_capacity(self.limit + 2);
        for open in state.tracker().open().filter(|open| open.is_live()) {
            let is_wanted = self.suspect.is_none_or(|it| it == viewer.is_suspect(open.heard()))
                && self.agent.as_deref().is_none_or(|id| is_of(open.agent(), id));
            if !is_wanted {
                continue;
            }
            let place = (open.since(), open.id().to_string());
            if self.after.as_ref().is_none_or(|after| place > *after) {
                first.push(place);
            }
            if first.len() > self.limit + 1 {
                first.pop();
            }
        }
        let mut places = first.into_sorted_vec();
        let more = places.len() > self.limit;
        places.truncate(self.limit);
        let id = |id: String| live_users_core::CallId::parse(&id).ok();
        let calls = places.into_iter().filter_map(|(_, call)| state.tracker().call(&id(call)?));
        (calls.collect(), more)
    }
}

/// What stands as `next` under a page that ends with this call.
pub(super) fn next_after(call: &Call) -> String {
    format!("{}.{}", call.since.0, call.id)
}

fn place_of(text: &str) -> Option<Place> {
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
