//! The calls whose stretches are rows, in the order in which they were first heard of: those that are
//! known whole, and between them those that the journal tells of.

use std::collections::{HashSet, VecDeque};
use std::iter::Peekable;
use std::vec::IntoIter;

use actix_web::web::Data;
use live_users_core::{Call, CallId, Millis, Phase, Tracker};
use live_users_http_kit::ParameterError;
use live_users_replica::TOMBSTONE_MS;
use live_users_state::{PastCalls, Show, Wanted};
use live_users_wire::CallView;

use super::query::{After, StretchQuery};
use crate::http::calls::export::{Source, sorted};
use crate::http::calls::page::{SortKey, order};
use crate::http::calls::view::{Presenter, Span, is_users};
use crate::http::error::ApiError;
use crate::http::rows::CHUNK;
use crate::parts::journal_reader::JournalReader;
use crate::parts::queue::View;
use crate::parts::scope::Scope;

/// What the rows of one call are made of.
pub(super) struct CallSpans {
    pub(super) first: Millis,
    /// Without its stretches.
    pub(super) call: CallView,
    pub(super) spans: Vec<Span>,
    /// Whether the call is in scope as it is now.
    pub(super) is_here: bool,
}

impl CallSpans {
    /// Of a call that is a user's and was in scope at some time.
    fn of(
        tracker: &Tracker,
        call: &Call,
        (scope, presenter): (&Scope, &Presenter),
    ) -> Option<Self> {
        let is_shown = scope.has_of_call(tracker, &call.id) && is_users(call);
        is_shown.then(|| Self {
            first: call.first,
            is_here: scope.has_call(tracker, &call.id),
            spans: presenter.spans(call),
            call: presenter.outline(call),
        })
    }

    /// Where its rows stand among those of other calls.
    fn place(&self) -> SortKey {
        (self.first, self.call.call_sid.clone())
    }
}

/// What the journal has to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PastRange {
    /// Since when the first of the wanted calls may have begun.
    from: Millis,
    /// Only calls that ended since then are wanted.
    ended_from: Millis,
    /// The last record that counts.
    last: u64,
    /// Whether rows are missing if the journal does not reach back to `from`.
    has_to_reach: bool,
}

impl PastRange {
    /// `None` if all wanted calls are known whole. Without a row that they begin behind, those are wanted
    /// that are remembered.
    pub(super) fn of(
        after: Option<&After>,
        tracker: &Tracker,
        (now, last): (Millis, u64),
    ) -> Option<Self> {
        let (forgotten, condensed) =
            (now.minus(TOMBSTONE_MS), tracker.remembered().condensed_before());
        let from = after.map_or(forgotten, |it| it.call.0);
        let ended_from = if after.is_some() { Millis(0) } else { forgotten };
        let has_to_reach = after.is_some() && from < condensed;
        // What is only remembered has ended before the one moment, what is forgotten before the other.
        (from < condensed.max(forgotten)).then_some(Self { from, ended_from, last, has_to_reach })
    }
}

/// The calls, some at a time.
pub(super) struct Calls {
    source: Source,
    journal: Data<JournalReader>,
    known: Peekable<IntoIter<(Millis, CallId)>>,
    past: Option<PastCalls<CallSpans>>,
    /// What the journal has told.
    told: VecDeque<CallSpans>,
}

impl Calls {
    pub(super) async fn begin(
        (source, journal): (Source, Data<JournalReader>),
        query: &StretchQuery,
        mut known: Vec<(Millis, CallId)>,
        (range, presenter): (Option<PastRange>, Presenter),
    ) -> Result<Self, ApiError> {
        let mut past = None;
        if let Some(PastRange { from, ended_from, last, has_to_reach }) = range {
            if has_to_reach && !journal.reaches_back_to(from).await? {
                let expected =
                    "a row of a later call, or none: the journal does not reach back to it";
                return Err(ParameterError::new("after", expected).into());
            }
            let ids: HashSet<_> = known.iter().map(|(_, id)| id.clone()).collect();
            known.retain(|(at, id)| query.has(*at, id));
            let (query, scope) = (query.clone(), source.scope.clone());
            let wanted: Wanted = Box::new(move |at, id| query.has(at, id) && !ids.contains(id));
            let show: Show<CallSpans> = Box::new(move |tracker, call| {
                let is_late = matches!(call.phase, Phase::Ended(_)) && call.since >= ended_from;
                is_late.then(|| CallSpans::of(tracker, call, (&scope, &presenter))).flatten()
            });
            past = Some(journal.past_calls((from, last), wanted, show).await?);
        }
        let known = sorted(known).into_iter().peekable();
        Ok(Self { source, journal, known, past, told: VecDeque::new() })
    }

    pub(super) fn scope(&self) -> &Scope {
        &self.source.scope
    }

    /// The next ones, at least one unless some of the known ones are gone. `None` at the end.
    pub(super) async fn next_chunk(&mut self) -> Result<Option<Vec<CallSpans>>, ApiError> {
        while self.told.is_empty()
            && let Some(past) = self.past.take()
        {
            let (past, told) = self.journal.read_on(past).await?;
            if let Some(told) = told {
                self.past = Some(past);
                self.told.extend(told);
            }
        }
        let next_told = self.told.front().map(CallSpans::place);
        let comes_first = |(at, id): &(Millis, CallId)| {
            next_told.as_ref().is_none_or(|told| order(*at, id, told).is_lt())
        };
        let mut chunk = Vec::new();
        while chunk.len() < CHUNK
            && let Some(next) = self.known.next_if(comes_first)
        {
            chunk.push(next);
        }
        if !chunk.is_empty() {
            return self.of_known(chunk).await.map(Some);
        }
        let mut calls = Vec::new();
        let next_known = self.known.peek();
        while calls.len() < CHUNK
            && let Some(call) = self.told.pop_front_if(|told| {
                next_known.is_none_or(|(at, id)| order(*at, id, &told.place()).is_gt())
            })
        {
            calls.push(call);
        }
        Ok(Some(calls).filter(|calls| !calls.is_empty()))
    }

    async fn of_known(&self, chunk: Vec<(Millis, CallId)>) -> Result<Vec<CallSpans>, ApiError> {
        let (scope, rules) = (self.source.scope.clone(), self.source.rules);
        let found = self.source.queue.query(move |View { state, now, .. }| {
            let (tracker, presenter) = (state.tracker(), Presenter { now, rules });
            let (mut calls, mut gone) = (Vec::new(), Vec::new());
            for (_, id) in chunk {
                match tracker.call(&id) {
                    Some(call) => calls.extend(CallSpans::of(tracker, &call, (&scope, &presenter))),
                    // Since its place was looked up.
                    None => gone.extend(tracker.remembered_end(&id).map(|end| (id, end))),
                }
            }
            (calls, gone, presenter)
        });
        let (mut calls, gone, presenter) = found.await?;
        for (id, end) in gone {
            let recalled = self.journal.recall(&id, end).await?;
            calls.extend(recalled.and_then(|it| {
                CallSpans::of(&it.tracker, &it.call, (&self.source.scope, &presenter))
            }));
        }
        calls.sort_by_cached_key(CallSpans::place);
        Ok(calls)
    }
}
