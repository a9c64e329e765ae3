//! Which stretches are asked for.

use std::cmp::Ordering;

use live_users_core::{CallId, Millis};
use live_users_http_kit::{ParameterError, Query};

use crate::http::calls::page::{SortKey, order};
use crate::http::named::id;

/// The fields of the query for stretches.
#[derive(Clone)]
pub(super) struct StretchQuery {
    pub(super) agent: Option<String>,
    pub(super) account: Option<String>,
    pub(super) after: Option<After>,
}

/// The row behind which rows begin.
#[derive(Clone)]
pub(super) struct After {
    /// The place of its call.
    pub(super) call: SortKey,
    /// Which row of its call it is; `None` for the last, also of those that are added.
    row: Option<usize>,
}

impl After {
    fn parse(text: &str) -> Option<Self> {
        let (at, id) = text.split_once('.')?;
        let (at, row) = match at.split_once('~') {
            Some((at, row)) => (at, Some(row.parse().ok()?)),
            None => (at, None),
        };
        Some(Self { call: (Millis(at.parse().ok()?), id.to_owned()), row })
    }
}

impl StretchQuery {
    pub(super) fn parse(query: &str) -> Result<Self, ParameterError> {
        let query = Query::new(query);
        let after = query.parsed("after", "the `cursor` of a row", After::parse)?;
        Ok(Self { agent: id(&query, "agent")?, account: id(&query, "account")?, after })
    }

    /// Whether a call that was first heard of then may have rows behind the one where they begin.
    pub(super) fn has(&self, at: Millis, id: &CallId) -> bool {
        let Some(After { call, row }) = &self.after else { return true };
        match order(at, id, call) {
            Ordering::Less => false,
            Ordering::Equal => row.is_some(),
            Ordering::Greater => true,
        }
    }

    /// How many rows of this call are left out.
    pub(super) fn skipped(&self, at: Millis, id: &str) -> usize {
        let after = self.after.as_ref().filter(|it| it.call.0 == at && it.call.1 == id);
        after.and_then(|it| it.row).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_begin_behind_a_cursor_by_the_moment_and_then_by_the_text_of_the_id() {
        let sid = format!("CA{}", "7".repeat(32));
        let query = StretchQuery::parse(&format!("after=20.{sid}")).unwrap();
        let has = |at: u64, id: &str| query.has(Millis(at), &CallId::parse(id).unwrap());
        let one = StretchQuery::parse(&format!("after=20~3.{sid}")).unwrap();
        for (at, id, is_behind) in [
            (19, "z", false),
            (20, sid.as_str(), false),
            // By the order of ids, other texts would stand behind all of Twilio's.
            (20, "A", false),
            (20, "b", true),
            (20, &format!("CA{}", "8".repeat(32)), true),
            (21, "A", true),
        ] {
            assert_eq!(has(at, id), is_behind, "{at} {id}");
            let is_its = (at, id) == (20, &*sid);
            let has = one.has(Millis(at), &CallId::parse(id).unwrap());
            assert_eq!(
                (has, one.skipped(Millis(at), id)),
                (is_behind || is_its, if is_its { 3 } else { 0 })
            );
        }
        assert_eq!(query.skipped(Millis(20), &sid), 0);
        for wrong in ["20", "~1.CA1", "20~.CA1", "20~-1.CA1", "x.CA1"] {
            assert!(StretchQuery::parse(&format!("after={wrong}")).is_err(), "{wrong}");
        }
        assert!(StretchQuery::parse("").unwrap().has(Millis(0), &CallId::parse("A").unwrap()));
    }
}
