//! Plays a world: one event after the other, in simulated time.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use live_users_core::{HOUR_MS, MINUTE_MS};

use super::calls::{self, Calls};
use super::delivery::{self, Attempt, Fate};
use super::durability::Durability;
use super::oracle::Oracle;
use super::report::{Report, Webhooks};
use super::scenario::Scenario;
use super::system::{Delivery, System};
use crate::rest::CallsApi;
use crate::truth::{Party, Standing, Stretch};
use crate::world::{Call, Webhook};

mod failure;
mod queue;
mod score;

pub use self::failure::Failure;
pub(super) use self::queue::Queue;
pub(super) use self::score::{of_gauge, of_gauges};

/// How often the system and its beliefs are checked, in milliseconds.
const TICK_MS: u64 = 1_000;
/// How often all calls are checked, and not only those believed wrongly, in milliseconds.
const LOOK_ALL_MS: u64 = 10_000;
/// How long Twilio keeps the record of an ended call, in milliseconds. It is longer than any error
/// should last.
const REST_KEEPS_MS: u64 = 6 * HOUR_MS;

/// Plays a world to its end. Each simulated minute, `progress` gets the present and the end of the
/// world, in milliseconds.
///
/// # Errors
/// If an invariant does not hold after an event.
pub fn run(
    scenario: &Scenario,
    system: &mut dyn System,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Report, Failure> {
    let mut run = Run::new(scenario, system);
    while let Some((now_ms, event)) = run.queue.pop() {
        if now_ms > run.end_ms {
            break;
        }
        run.events += 1;
        run.happen(now_ms, event);
        run.show(now_ms);
        run.system.check().map_err(|what| run.failure(what, now_ms))?;
        if let Some(what) = run.broken.take() {
            return Err(run.failure(what, now_ms));
        }
        if now_ms >= run.minute.0 + MINUTE_MS {
            run.turn_minute(now_ms);
            progress(now_ms, run.end_ms);
        }
    }
    run.oracle.advance(run.end_ms);
    let end_ms = run.end_ms;
    run.system.finish(end_ms).map_err(|what| run.failure(what, end_ms))?;
    Ok(run.report())
}

enum Event {
    /// The next call begins.
    Call,
    /// The stretch of this number in the truth of a call begins. If there is none, the call is over.
    Turn(Rc<Call>, usize),
    /// Twilio makes an attempt at a webhook.
    Send(Rc<Webhook>, Attempt),
    /// The attempt arrives.
    Arrive(Rc<Webhook>, Attempt),
    /// The webhook arrives a second time. Its answer is ignored.
    ArriveAgain(Rc<Webhook>),
    /// Twilio notices that an attempt has failed.
    Fail(Rc<Webhook>, Attempt, delivery::Failure),
    Kill,
    Start,
    CutOff,
    Reconnect,
    Tick,
    /// No more calls begin.
    EndMeasuring,
}

struct Run<'a> {
    scenario: &'a Scenario,
    system: &'a mut dyn System,
    queue: Queue<Event>,
    calls: Calls,
    api: CallsApi,
    oracle: Oracle,
    by_number: bool,
    knows_parties: bool,
    /// The calls that are up.
    up: BTreeMap<Arc<str>, Standing>,
    events: u64,
    durability: Durability,
    /// The first broken promise.
    broken: Option<String>,
    /// The end of the world, as far as it is known.
    end_ms: u64,
    n_calls: u64,
    webhooks: Webhooks,
    kills: u64,
    looked_ms: u64,
    /// The next valid tick. Earlier ones were planned before the system asked for this one.
    tick_ms: u64,
    /// The beginning of the current minute, and the number of requests before it.
    minute: (u64, u64),
    per_minute_max: u64,
}

impl<'a> Run<'a> {
    fn new(scenario: &'a Scenario, system: &'a mut dyn System) -> Self {
        let by_number = system.is_live("CA").is_none();
        let knows_parties = system.party_of("CA").is_some();
        let api = CallsApi::new("AC00000000000000000000000000000001", "", scenario.seed);
        let mut run = Self {
            scenario,
            system,
            queue: Queue::default(),
            calls: Calls::new(scenario),
            api: api.with_behaviour(scenario.rest.clone()),
            oracle: Oracle::new(calls::AGENTS.iter().map(|line| line.id)),
            by_number,
            knows_parties,
            up: BTreeMap::new(),
            events: 0,
            durability: Durability::default(),
            broken: None,
            end_ms: scenario.length_ms + scenario.settle_ms,
            n_calls: 0,
            webhooks: Webhooks::default(),
            kills: 0,
            looked_ms: 0,
            tick_ms: 0,
            minute: (0, 0),
            per_minute_max: 0,
        };
        run.queue.push(0, Event::Tick);
        run.queue.push(run.calls.next_ms(), Event::Call);
        run.queue.push(scenario.length_ms, Event::EndMeasuring);
        if let Some(kill_every_ms) = scenario.kill_every_ms {
            run.queue.push(kill_every_ms, Event::Kill);
        }
        if let Some(cut_every_ms) = scenario.cut_every_ms {
            run.queue.push(cut_every_ms / 2, Event::CutOff);
        }
        run
    }

    fn happen(&mut self, now_ms: u64, event: Event) {
        match event {
            Event::Call => self.begin_call(now_ms),
            Event::Turn(call, n) => self.turn(now_ms, &call, n),
            Event::Send(webhook, attempt) => self.send(now_ms, webhook, attempt),
            Event::Arrive(webhook, attempt) => self.arrive(now_ms, webhook, attempt),
            Event::ArriveAgain(webhook) => {
                self.deliver(now_ms, &webhook);
            }
            Event::Fail(webhook, attempt, failure) => {
                match delivery::next(self.scenario.retries, attempt, failure, now_ms) {
                    Some(next) => {
                        self.webhooks.retries += 1;
                        self.send(now_ms, webhook, next);
                    }
                    None => self.webhooks.lost += 1,
                }
            }
            Event::Kill => self.kill(now_ms),
            Event::Start => {
                self.system.start(now_ms);
                self.look_at_all(now_ms);
            }
            Event::CutOff => self.cut_off(now_ms),
            Event::Reconnect => self.system.reconnect(now_ms),
            Event::Tick if now_ms == self.tick_ms => return self.tick(now_ms),
            Event::Tick => {}
            Event::EndMeasuring => self.oracle.end_measuring(now_ms),
        }
        let wake_ms = self.system.wake_ms().unwrap_or(u64::MAX).max(now_ms + 1);
        if wake_ms < self.tick_ms {
            self.plan_tick(wake_ms);
        }
    }

    /// What is shown after an event.
    fn show(&mut self, now_ms: u64) {
        let shown = self.system.shown();
        match self.system.shown_numbers() {
            Some(numbers) => {
                if self.broken.is_none() && numbers.all[0] != shown {
                    let why = format!("the number is {shown:?}, and of the five {:?}", numbers.all);
                    self.broken = Some(why);
                }
                self.oracle.show(now_ms, Some(&numbers));
            }
            None if shown.is_none() => self.oracle.show(now_ms, None),
            None => self.oracle.show_one(now_ms, shown),
        }
    }

    fn turn(&mut self, now_ms: u64, call: &Call, n: usize) {
        let before = n.checked_sub(1).and_then(|n| call.truth.get(n));
        let after = call.truth.get(n);
        let (before, after) = (before.map(Stretch::standing), after.map(Stretch::standing));
        match &after {
            Some(after) => drop(self.up.insert(Arc::from(call.sid.as_str()), after.clone())),
            None => {
                self.up.remove(call.sid.as_str());
                self.durability.leave(&call.sid);
            }
        }
        self.oracle.turn(now_ms, &calls::person(call), before.as_ref(), after.as_ref());
        self.truth_has_changed(now_ms, &call.sid, before);
    }

    fn begin_call(&mut self, now_ms: u64) {
        let (n, call) = self.calls.make();
        self.n_calls += 1;
        calls::note(&mut self.api, &call);
        let (mut call, webhooks) = (call.clone(), call.webhooks);
        call.webhooks.clear();
        let call = Rc::new(call);
        for (n, stretch) in call.truth.iter().enumerate() {
            self.queue.push(stretch.from_ms, Event::Turn(Rc::clone(&call), n));
        }
        if let Some(end_ms) = call.end_ms() {
            self.queue.push(end_ms, Event::Turn(Rc::clone(&call), call.truth.len()));
        }
        let last_ms = webhooks.iter().map(|webhook| webhook.at_ms);
        let last_ms = last_ms.chain(call.end_ms()).max().unwrap_or(now_ms);
        self.end_ms = self.end_ms.max(last_ms + self.scenario.settle_ms);
        for (webhook, number) in webhooks.into_iter().zip(0..) {
            self.webhooks.sent += 1;
            let at_ms = webhook.at_ms;
            let attempt = Attempt { call: n, webhook: number, n: 0, first_ms: at_ms };
            self.queue.push(at_ms, Event::Send(Rc::new(webhook), attempt));
        }
        let next_ms = self.calls.next_ms().max(now_ms);
        if next_ms < self.scenario.length_ms {
            self.queue.push(next_ms, Event::Call);
        }
    }

    fn send(&mut self, now_ms: u64, webhook: Rc<Webhook>, attempt: Attempt) {
        let Scenario { seed, network, .. } = self.scenario;
        match delivery::fate(*seed, network, attempt) {
            Fate::Vanishes => self.webhooks.lost += 1,
            Fate::Fails { noticed_after_ms } => {
                let failed = Event::Fail(webhook, attempt, delivery::Failure::Connection);
                self.queue.push(now_ms + noticed_after_ms, failed);
            }
            Fate::Arrives { after_ms, again_after_ms } => {
                if let Some(again_after_ms) = again_after_ms {
                    let again = Event::ArriveAgain(Rc::clone(&webhook));
                    self.queue.push(now_ms + again_after_ms, again);
                }
                self.queue.push(now_ms + after_ms, Event::Arrive(webhook, attempt));
            }
        }
    }

    fn arrive(&mut self, now_ms: u64, webhook: Rc<Webhook>, attempt: Attempt) {
        let Scenario { seed, network, .. } = self.scenario;
        let (failure, after_ms) = match self.deliver(now_ms, &webhook) {
            Delivery::Recorded | Delivery::Answered => return,
            Delivery::Refused { after_ms } => (delivery::Failure::Refused, after_ms),
            Delivery::NoConnection => (delivery::Failure::Connection, 0),
        };
        let noticed_ms = now_ms + after_ms + delivery::noticed_after_ms(*seed, network, attempt);
        self.queue.push(noticed_ms, Event::Fail(webhook, attempt, failure));
    }

    fn deliver(&mut self, now_ms: u64, webhook: &Webhook) -> Delivery {
        let outage = self.scenario.outage_ms;
        if outage.is_some_and(|(from, until)| (from..until).contains(&now_ms)) {
            return Delivery::NoConnection;
        }
        let delivery = self.system.deliver(now_ms, webhook);
        if delivery == Delivery::NoConnection {
            return delivery;
        }
        self.webhooks.delivered += 1;
        if delivery == Delivery::Recorded {
            let is_up = self.up.contains_key(webhook.field("CallSid"));
            self.durability.acknowledge(webhook, is_up);
        }
        self.look_at(now_ms, webhook.field("CallSid"));
        delivery
    }

    fn kill(&mut self, now_ms: u64) {
        self.kills += 1;
        self.system.kill(now_ms);
        self.queue.push(now_ms + self.scenario.down_ms, Event::Start);
        let next_ms = now_ms + self.scenario.kill_every_ms.unwrap_or(u64::MAX / 2);
        if next_ms < self.scenario.length_ms {
            self.queue.push(next_ms, Event::Kill);
        }
    }

    fn cut_off(&mut self, now_ms: u64) {
        self.system.cut_off(now_ms);
        self.queue.push(now_ms + self.scenario.cut_ms, Event::Reconnect);
        let next_ms = now_ms + self.scenario.cut_every_ms.unwrap_or(u64::MAX / 2);
        if next_ms < self.scenario.length_ms {
            self.queue.push(next_ms, Event::CutOff);
        }
    }

    fn tick(&mut self, now_ms: u64) {
        let was_shown = self.system.shown().is_some();
        self.system.tick(now_ms, &mut self.api);
        let is_back = !was_shown && self.system.shown().is_some();
        if is_back || now_ms >= self.looked_ms + LOOK_ALL_MS {
            self.look_at_all(now_ms);
        } else {
            self.look_at_wrong(now_ms);
        }
        let wake_ms = self.system.wake_ms().unwrap_or(u64::MAX).max(now_ms + 1);
        self.plan_tick(wake_ms.min(now_ms + TICK_MS));
    }

    fn plan_tick(&mut self, at_ms: u64) {
        self.tick_ms = at_ms;
        self.queue.push(at_ms, Event::Tick);
    }

    fn turn_minute(&mut self, now_ms: u64) {
        let asked = self.api.asked().total();
        self.per_minute_max = self.per_minute_max.max(asked - self.minute.1);
        self.minute = (now_ms - now_ms % MINUTE_MS, asked);
        self.api.forget(now_ms.saturating_sub(REST_KEEPS_MS));
    }

    /// Notes that the system may believe something else of this call now.
    fn look_at(&mut self, now_ms: u64, call: &str) {
        if self.by_number || self.system.shown().is_none() {
            return;
        }
        let truth = self.up.get(call);
        if self.broken.is_none() {
            self.broken = self.durability.broken(self.system, call, truth.is_some());
        }
        let is_live = truth.is_some_and(|(party, _)| *party == Party::Agent);
        let believed = self.system.is_live(call).unwrap_or_default();
        self.oracle.live.believe(now_ms, call, believed != is_live);
        if let Some(belief) = self.system.party_of(call) {
            self.oracle.standings.believe(now_ms, call, belief.is_wrong(truth));
        }
    }

    /// The truth about a call changes. A system that is down keeps its belief: whether the call is
    /// with an agent was right and is wrong now, or the other way round. Its party is wrong until
    /// the system can be asked again.
    fn truth_has_changed(&mut self, now_ms: u64, call: &str, before: Option<Standing>) {
        if self.by_number || self.system.shown().is_some() {
            return self.look_at(now_ms, call);
        }
        let is_with_agent = |it: Option<&Standing>| it.is_some_and(|it| it.0 == Party::Agent);
        if is_with_agent(before.as_ref()) != is_with_agent(self.up.get(call)) {
            let was_wrong = self.oracle.live.is_wrong(call);
            self.oracle.live.believe(now_ms, call, !was_wrong);
        }
        if self.knows_parties {
            self.oracle.standings.believe(now_ms, call, true);
        }
    }

    fn look_at_wrong(&mut self, now_ms: u64) {
        let Oracle { live, standings, .. } = &self.oracle;
        let wrong: Vec<_> = live.wrong().chain(standings.wrong()).cloned().collect();
        wrong.iter().for_each(|call| self.look_at(now_ms, call));
    }

    fn look_at_all(&mut self, now_ms: u64) {
        self.looked_ms = now_ms;
        self.look_at_wrong(now_ms);
        if !self.by_number {
            let up: Vec<_> = self.up.keys().cloned().collect();
            up.iter().for_each(|call| self.look_at(now_ms, call));
        }
    }

    fn failure(&self, what: String, at_ms: u64) -> Failure {
        let system = self.system.name();
        let command = format!("{} --system {system}", self.scenario.command());
        Failure { what, at_ms, command }
    }
}
