//! The rule up to commit f4e501d, to compare with: it counts legs that began with us.
//!
//! A call that asked `/voice`, or that is in progress, is a live user until a terminal status, a
//! goodbye, the clock or the referee's list says otherwise. With whom the caller talks is no part of
//! it. Legs with a parent say nothing, `AnsweredBy` is not read, and callbacks of conferences and of
//! machine detection are refused. A call belongs to the greatest agent that was ever named.

mod referee;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use live_users_core::HOUR_MS;
use live_users_intake::Farewell;

use self::referee::Referee;
use super::calls::AGENTS;
use super::scenario::Scenario;
use super::shown::Shown;
use super::system::{Delivery, System};
use super::wall_clock::WallClock;
use crate::rest::CallsApi;
use crate::world::Webhook;

/// A live call that is older than this is over, if nothing was heard of it lately.
const MAX_CALL_MS: u64 = 4 * HOUR_MS;
const QUIET_MS: u64 = HOUR_MS / 4;

/// The words for a withheld number that were known.
const WITHHELD: [&str; 7] =
    ["anonymous", "blocked", "private", "restricted", "unavailable", "unknown", "withheld"];

/// What is known, as on a disk that survives a kill.
#[derive(Debug, Default)]
pub struct CountsLegs {
    calls: HashMap<String, Call>,
    /// The calls that are not over.
    open: BTreeSet<String>,
    referee: Option<Referee>,
    clock: WallClock,
    farewell: Farewell,
    is_down: bool,
    /// What is shown while it is up, and whether it has to be counted anew.
    shown: Shown,
    is_stale: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Dialing,
    Live,
    Over,
}

#[derive(Debug)]
struct Call {
    phase: Phase,
    /// By the wall clock.
    since_ms: u64,
    heard_ms: u64,
    /// By the time since the beginning of the world, for the referee.
    heard_uptime_ms: u64,
    person: Option<String>,
    /// Whether the agent stood in a URL, and the agent.
    agent: (bool, Arc<str>),
}

impl CountsLegs {
    /// The rule in this world.
    pub fn of(scenario: &Scenario) -> Self {
        let referee = scenario.referee.then(Referee::default);
        let shown = Shown::with_agent(0, []);
        Self { referee, clock: scenario.clock.clone(), shown, ..Self::default() }
    }

    /// Joins what was said of a call into what is known.
    fn join(&mut self, now_ms: u64, sid: &str, said: Phase, who: Option<Who>) {
        let wall_ms = self.clock.at(now_ms).0;
        self.is_stale |= !self.calls.contains_key(sid);
        let call = self.calls.entry(sid.to_owned()).or_insert_with(|| Call {
            phase: said,
            since_ms: wall_ms,
            heard_ms: wall_ms,
            heard_uptime_ms: now_ms,
            person: None,
            agent: (false, Arc::from("")),
        });
        if said >= call.phase {
            (call.heard_ms, call.heard_uptime_ms) = (wall_ms, now_ms);
        }
        if said > call.phase {
            (call.phase, call.since_ms) = (said, wall_ms);
            self.is_stale = true;
        }
        if let Some(Who { person, agent }) = who {
            self.is_stale |= person > call.person || agent > call.agent;
            call.person = call.person.take().max(person);
            call.agent = call.agent.clone().max(agent);
        }
        match call.phase {
            Phase::Over => self.open.remove(sid),
            Phase::Dialing | Phase::Live => self.open.insert(sid.to_owned()),
        };
    }

    fn live(&self) -> impl Iterator<Item = (&String, &Call)> {
        let open = self.open.iter().filter_map(|sid| Some((sid, self.calls.get(sid)?)));
        open.filter(|(_, call)| call.phase == Phase::Live)
    }

    fn users<'a>(calls: impl Iterator<Item = (&'a String, &'a Call)>) -> u64 {
        let people = calls.map(|(sid, call)| call.person.as_ref().unwrap_or(sid));
        people.collect::<BTreeSet<_>>().len() as u64
    }

    /// Counts the numbers anew if a call has changed.
    fn count(&mut self) {
        if std::mem::take(&mut self.is_stale) {
            let of = |id: &str| Self::users(self.live().filter(|(_, call)| *call.agent.1 == *id));
            let agents = AGENTS.iter().map(|line| (Arc::from(line.id), of(line.id)));
            self.shown = Shown::with_agent(Self::users(self.live()), agents);
        }
    }

    fn time_out(&mut self, now_ms: u64) {
        let wall_ms = self.clock.at(now_ms).0;
        let is_over =
            |call: &Call| wall_ms > (call.since_ms + MAX_CALL_MS).max(call.heard_ms + QUIET_MS);
        let over: Vec<_> =
            self.live().filter(|(_, call)| is_over(call)).map(|(sid, _)| sid.clone()).collect();
        over.iter().for_each(|sid| self.join(now_ms, sid, Phase::Over, None));
    }
}

impl System for CountsLegs {
    fn name(&self) -> &'static str {
        "counts-legs"
    }

    fn deliver(&mut self, now_ms: u64, webhook: &Webhook) -> Delivery {
        if self.is_down {
            return Delivery::NoConnection;
        }
        let (sid, status) = (webhook.field("CallSid"), webhook.field("CallStatus"));
        if webhook.path == "/call-status" && status.is_empty() {
            return Delivery::Refused { after_ms: 0 };
        }
        let (parent, direction) = (webhook.field("ParentCallSid"), webhook.field("Direction"));
        if !parent.is_empty() || direction == "outbound-dial" {
            if let Some(call) = self.calls.get_mut(parent).filter(|it| it.phase == Phase::Live) {
                (call.heard_ms, call.heard_uptime_ms) = (self.clock.at(now_ms).0, now_ms);
            }
            return Delivery::Recorded;
        }
        let asks = webhook.path != "/call-status";
        let said = match (status, direction) {
            _ if self.farewell.is_meant(webhook.field("SpeechResult")) => Phase::Over,
            ("completed" | "busy" | "failed" | "no-answer" | "canceled", _) => Phase::Over,
            ("in-progress", _) => Phase::Live,
            (_, "inbound") if asks => Phase::Live,
            _ => Phase::Dialing,
        };
        self.join(now_ms, sid, said, Some(Who::of(webhook)));
        self.count();
        Delivery::Recorded
    }

    fn tick(&mut self, now_ms: u64, api: &mut CallsApi) {
        if self.is_down {
            return;
        }
        self.time_out(now_ms);
        if let Some(mut referee) = self.referee.take() {
            referee.tick(now_ms, api, self);
            self.referee = Some(referee);
        }
        self.count();
    }

    fn wake_ms(&self) -> Option<u64> {
        self.referee.as_ref().filter(|_| !self.is_down).map(Referee::wake_ms)
    }

    fn shown(&self) -> Option<u64> {
        self.shown.all[0].filter(|_| !self.is_down)
    }

    fn shown_numbers(&self) -> Option<Shown> {
        (!self.is_down).then(|| self.shown.clone())
    }

    fn is_live(&self, call_sid: &str) -> Option<bool> {
        Some(self.calls.get(call_sid).is_some_and(|call| call.phase == Phase::Live))
    }

    fn kill(&mut self, _now_ms: u64) {
        self.is_down = true;
    }

    fn start(&mut self, _now_ms: u64) {
        self.is_down = false;
        self.referee = self.referee.take().map(|_| Referee::default());
    }

    fn check(&mut self) -> Result<(), String> {
        Ok(())
    }
}

/// Who is on a call.
struct Who {
    person: Option<String>,
    agent: (bool, Arc<str>),
}

impl Who {
    fn of(webhook: &Webhook) -> Self {
        let is_outbound = webhook.field("Direction") == "outbound-api";
        let (from, to) = (webhook.field("From"), webhook.field("To"));
        let (ours, theirs) = if is_outbound { (from, to) } else { (to, from) };
        Self::between(ours, theirs, webhook.agent.as_deref())
    }

    fn between(ours: &str, theirs: &str, named: Option<&str>) -> Self {
        let by_number = AGENTS.iter().find(|line| line.number == ours).map_or("", |line| line.id);
        let agent = (named.is_some(), Arc::from(named.unwrap_or(by_number)));
        Self { person: identity(theirs), agent }
    }
}

/// The person behind a number: the number as it was written.
fn identity(theirs: &str) -> Option<String> {
    let text = theirs.to_lowercase();
    if let Some((_, rest)) = text.split_once(':') {
        let user = rest.split('@').next().unwrap_or_default();
        let is_withheld = WITHHELD.contains(&user.trim_start_matches('+')) || user == "+266696687";
        return (!is_withheld).then_some(text);
    }
    let digits = text.strip_prefix('+').unwrap_or(&text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && text != "+266696687").then_some(text)
}
