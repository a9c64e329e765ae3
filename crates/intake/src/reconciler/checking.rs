//! Calls that we have and the lists of open calls do not: the list of completed calls, then each call
//! by its name.

use std::collections::VecDeque;

use live_users_core::{CallId, Evidence, Millis};
use live_users_twilio::CallStatus;
use live_users_twilio::rest::CallPage;

use super::held::HELD_CALLS_MAX;
use super::{BULK_CHECK_PAGES_MAX, CHECKING_MS_MAX, Missing, Reconciler, Round, Stage};
use crate::evidence::of_known;

impl Reconciler {
    /// After this long a new poll is better, in milliseconds: also than asking again for what fails,
    /// where the number is as old as the last poll.
    pub(super) fn checking_ms_max(&self) -> u64 {
        match self.rules.is_only_source && self.failure.is_some() {
            true => CHECKING_MS_MAX.min(self.rules.poll_every_ms),
            false => CHECKING_MS_MAX,
        }
    }

    /// Ends those of the missing calls that are on this page of completed ones.
    pub(super) fn bulk_check(
        &mut self,
        (now, since): (Millis, Millis),
        round: Round,
        mut missing: Missing,
        pages: usize,
        page: CallPage,
    ) -> Vec<Evidence> {
        let listed = page.calls.iter().filter(|call| call.status == Some(CallStatus::Completed));
        let named = listed.filter_map(|call| CallId::parse(&call.sid).ok().zip(Some(call)));
        let over = named.filter(|(id, _)| missing.live.remove(id));
        let evidence = over.filter_map(|(id, call)| of_known(id, call)).collect();
        let next_page_uri = page.next_page_uri.filter(|_| pages < BULK_CHECK_PAGES_MAX);
        let is_done = missing.live.is_empty() || next_page_uri.is_none();
        self.stage = match is_done {
            true => self.checking(now, round, missing),
            false => Stage::BulkChecking { round, missing, pages, next_page_uri, since },
        };
        evidence
    }

    pub(super) fn checking(&self, now: Millis, round: Round, missing: Missing) -> Stage {
        let calls: VecDeque<_> = missing.live.into_iter().chain(missing.dialing).collect();
        let is_held = calls.len() <= HELD_CALLS_MAX;
        match calls.is_empty() {
            true => Stage::Idle { until: self.next_poll(&round) },
            false => Stage::Checking { round, calls, since: now, is_held },
        }
    }

    /// After a failure the pages that were read are too old to go on with, and calls are asked for by
    /// name instead of by their list. A call that the provider has trouble with goes behind the
    /// others, so that it does not hold them up; where nothing else tells of calls it waits for the
    /// next round, because what the others have shown waits for the end of this one.
    pub(super) fn go_on_after_failure(&mut self, now: Millis) {
        let idle = Stage::Idle { until: Millis(0) };
        self.stage = match std::mem::replace(&mut self.stage, idle) {
            Stage::Polling { round, .. } => Stage::Between { round, until: self.backoff.free_at() },
            Stage::BulkChecking { round, missing, .. } => self.checking(now, round, missing),
            Stage::Checking { round, calls, .. }
                if self.rules.is_only_source && calls.len() <= 1 =>
            {
                Stage::Idle { until: self.next_poll(&round) }
            }
            Stage::Checking { round, mut calls, since, is_held } => {
                match self.rules.is_only_source {
                    true => drop(calls.pop_front()),
                    false => calls.rotate_left(1.min(calls.len())),
                }
                Stage::Checking { round, calls, since, is_held }
            }
            other => other,
        };
    }
}
