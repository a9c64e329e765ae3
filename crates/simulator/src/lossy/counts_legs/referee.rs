//! How the rule up to commit f4e501d asked Twilio what became of silent calls: lists each 20 s, a
//! second look at what differs 5 s later, and then a question for each call that is missing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use live_users_twilio::rest::{Answer, CallResource, Request};
use live_users_twilio::{CallStatus, Direction};

use super::{CountsLegs, Phase, Who};
use crate::rest::CallsApi;

const POLL_MS: u64 = 20_000;
const CONFIRM_MS: u64 = 5_000;
const GRACE_MS: u64 = 10_000;
/// How long an answer takes.
const TAKES_MS: u64 = 300;
const LISTS: [CallStatus; 3] = [CallStatus::InProgress, CallStatus::Ringing, CallStatus::Queued];

/// Asks one question at a time.
#[derive(Debug, Default)]
pub(super) struct Referee {
    next_ms: u64,
    /// The first poll of this round.
    round_ms: u64,
    began_ms: u64,
    asking: VecDeque<Request>,
    listed: BTreeMap<String, CallResource>,
    /// What differed in the first poll of this round.
    differed: Option<Differences>,
    /// The answer under way.
    answer: Option<Answer>,
}

#[derive(Debug, Default)]
struct Differences {
    missing: BTreeSet<String>,
    unheard: BTreeSet<String>,
}

impl Referee {
    pub(super) fn wake_ms(&self) -> u64 {
        self.next_ms
    }

    pub(super) fn tick(&mut self, now_ms: u64, api: &mut CallsApi, known: &mut CountsLegs) {
        if now_ms < self.next_ms {
            return;
        }
        match self.answer.take() {
            Some(Answer::Page(page)) => {
                let asked = self.asking.pop_front();
                if let (Some(Request::List { status, .. }), Some(uri)) = (asked, page.next_page_uri)
                {
                    self.asking.push_front(Request::List { status, next_page_uri: Some(uri) });
                }
                self.listed.extend(page.calls.into_iter().map(|call| (call.sid.clone(), call)));
                if self.asking.is_empty() {
                    self.compare(now_ms, known);
                }
            }
            Some(answer) => {
                let asked = self.asking.pop_front();
                if let (Some(Request::Call { sid }), Answer::Call(call)) = (asked, answer)
                    && call.status.is_some_and(CallStatus::is_terminal)
                {
                    known.join(now_ms, &sid, Phase::Over, None);
                }
                if self.asking.is_empty() {
                    self.next_ms = self.round_ms + POLL_MS;
                }
            }
            None => {}
        }
        if self.asking.is_empty() && now_ms >= self.next_ms {
            self.poll(now_ms);
        }
        if let Some(request) = self.asking.front() {
            match api.ask(now_ms, request) {
                Ok(answer) => (self.answer, self.next_ms) = (Some(answer), now_ms + TAKES_MS),
                Err(_) => self.next_ms = now_ms + CONFIRM_MS,
            }
        }
    }

    fn poll(&mut self, now_ms: u64) {
        if self.differed.is_none() {
            self.round_ms = now_ms;
        }
        self.began_ms = now_ms;
        self.listed.clear();
        let list = |status| Request::List { status, next_page_uri: None };
        self.asking = LISTS.into_iter().map(list).collect();
    }

    fn compare(&mut self, now_ms: u64, known: &mut CountsLegs) {
        let Differences { missing, unheard } = self.differences(known);
        let Some(first) = self.differed.take() else {
            let agreed = missing.is_empty() && unheard.is_empty();
            self.next_ms = if agreed { self.round_ms + POLL_MS } else { now_ms + CONFIRM_MS };
            self.differed = (!agreed).then_some(Differences { missing, unheard });
            return;
        };
        for call in unheard.intersection(&first.unheard).filter_map(|sid| self.listed.get(sid)) {
            let (from, to) =
                (call.from.as_deref().unwrap_or_default(), call.to.as_deref().unwrap_or_default());
            let is_outbound = call.direction == Some(Direction::Outbound);
            let (ours, theirs) = if is_outbound { (from, to) } else { (to, from) };
            known.join(now_ms, &call.sid, Phase::Live, Some(Who::between(ours, theirs, None)));
        }
        let missing = missing.intersection(&first.missing);
        self.asking = missing.map(|sid| Request::Call { sid: sid.clone() }).collect();
        self.next_ms = if self.asking.is_empty() { self.round_ms + POLL_MS } else { now_ms };
    }

    fn differences(&self, known: &CountsLegs) -> Differences {
        let is_missing = |sid: &&String| {
            let heard_ms = known.calls.get(*sid).map_or(0, |call| call.heard_uptime_ms);
            let is_silent = self.began_ms.saturating_sub(heard_ms) >= GRACE_MS;
            is_silent && !self.listed.contains_key(*sid)
        };
        let is_unheard = |call: &&CallResource| {
            let phase = known.calls.get(&call.sid).map(|call| call.phase);
            let is_ours = matches!(call.direction, Some(Direction::Inbound | Direction::Outbound));
            call.status == Some(CallStatus::InProgress)
                && (phase == Some(Phase::Dialing)
                    || (phase.is_none() && is_ours && call.parent_call_sid.is_none()))
        };
        Differences {
            missing: known.open.iter().filter(is_missing).cloned().collect(),
            unheard: self.listed.values().filter(is_unheard).map(|it| it.sid.clone()).collect(),
        }
    }
}
