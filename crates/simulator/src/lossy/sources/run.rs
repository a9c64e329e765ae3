//! Plays a world of a source: one event after the other, in simulated time.

use std::rc::Rc;
use std::sync::Arc;

use live_users_core::MINUTE_MS;
use live_users_intake::ReconcilerRules;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::plot::Plot;
use super::reader::{Reader, webhook};
use super::report::SourceReport;
use super::script::{Body, Hook, Script};
use super::worlds::SourceWorld;
use crate::lossy::calls::{self, AGENTS};
use crate::lossy::delivery::{self, Attempt, Fate};
use crate::lossy::live_users::LiveUsers;
use crate::lossy::oracle::Oracle;
use crate::lossy::report::{Healing, Webhooks};
use crate::lossy::run::{Failure, Queue, of_gauge, of_gauges};
use crate::lossy::scenario::{Loss, Scenario};
use crate::lossy::system::{Delivery, System};
use crate::rest::CallsApi;
use crate::truth::{Party, Stretch};
use crate::world::Call;

/// How often the system is ticked at least, in milliseconds.
const TICK_MS: u64 = 1_000;
/// How many calls are drawn to estimate the mean time on the line.
const SAMPLES: u64 = 1_000;
/// The random streams of these.
const SAMPLING: u64 = 1 << 62;
/// The random stream of arrivals.
const ARRIVALS: u64 = u64::MAX;
/// How long Twilio keeps the record of an ended call, in milliseconds.
const REST_KEEPS_MS: u64 = 6 * 60 * MINUTE_MS;

/// Plays a world of a source to its end. Of the scenario count its seed, size, network, kills and
/// outage. Its network loses attempts, and the providers send again as each of them does. Each
/// simulated minute, `progress` gets the present and the end of the world, in milliseconds.
///
/// # Errors
/// If an invariant does not hold after an event, or a webhook cannot be read.
pub fn run_source(
    world: &SourceWorld,
    scenario: &Scenario,
    longest_call_minutes: Option<u32>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<SourceReport, Failure> {
    let mut scenario = scenario.clone();
    scenario.network.loses = Loss::Attempt;
    let mut run = Run::new(world, &scenario, longest_call_minutes);
    let mut minute_ms = 0;
    while let Some((now_ms, event)) = run.queue.pop() {
        if now_ms > run.end_ms {
            break;
        }
        run.events += 1;
        let played = run.happen(now_ms, event).and_then(|()| run.users.check());
        played.map_err(|what| run.failure(what, now_ms, longest_call_minutes))?;
        run.show(now_ms);
        if now_ms >= minute_ms + MINUTE_MS {
            minute_ms = now_ms;
            run.api.forget(now_ms.saturating_sub(REST_KEEPS_MS));
            progress(now_ms, run.end_ms);
        }
    }
    Ok(run.report(longest_call_minutes))
}

enum Event {
    /// The next call begins.
    Call,
    /// The stretch of this number in the truth of a call begins; after the last one it is over.
    Turn(Rc<Truth>, usize),
    /// The provider makes an attempt at a webhook.
    Send(Rc<Hook>, Attempt),
    /// The attempt arrives.
    Arrive(Rc<Hook>, Attempt),
    /// It arrives a second time. Its answer is ignored.
    ArriveAgain(Rc<Hook>),
    /// The provider notices that an attempt has failed.
    Fail(Rc<Hook>, Attempt),
    Kill,
    Start,
    Tick,
    /// No more calls begin.
    EndMeasuring,
}

/// With whom somebody is, moment by moment.
struct Truth {
    person: Arc<str>,
    call: Arc<str>,
    stretches: Vec<Stretch>,
}

struct Run<'a> {
    world: &'a SourceWorld,
    scenario: &'a Scenario,
    users: LiveUsers,
    reader: Reader,
    api: CallsApi,
    queue: Queue<Event>,
    arrivals: Arrivals,
    oracle: Oracle,
    /// A count by plus and minus.
    plus_and_minus: i64,
    /// Scores that count.
    naive: Oracle,
    events: u64,
    webhooks: Webhooks,
    kills: u64,
    /// The next valid tick.
    tick_ms: u64,
    end_ms: u64,
}

impl<'a> Run<'a> {
    fn new(
        world: &'a SourceWorld,
        scenario: &'a Scenario,
        longest_call_minutes: Option<u32>,
    ) -> Self {
        let rules = (world.has_twilio() && scenario.referee).then(ReconcilerRules::default);
        let api = CallsApi::new("AC00000000000000000000000000000001", "", scenario.seed);
        let mut run = Self {
            world,
            scenario,
            users: LiveUsers::new(scenario.seed, rules),
            reader: Reader::new(world, longest_call_minutes),
            api: api.with_behaviour(scenario.rest.clone()),
            queue: Queue::default(),
            arrivals: Arrivals::new(scenario),
            oracle: Oracle::new(AGENTS.iter().map(|line| line.id)),
            plus_and_minus: 0,
            naive: Oracle::default(),
            events: 0,
            webhooks: Webhooks::default(),
            kills: 0,
            tick_ms: 0,
            end_ms: scenario.length_ms + scenario.settle_ms,
        };
        run.queue.push(0, Event::Tick);
        run.queue.push(run.arrivals.next_ms(), Event::Call);
        run.queue.push(scenario.length_ms, Event::EndMeasuring);
        if let Some(kill_every_ms) = scenario.kill_every_ms {
            run.queue.push(kill_every_ms, Event::Kill);
        }
        run
    }

    fn happen(&mut self, now_ms: u64, event: Event) -> Result<(), String> {
        match event {
            Event::Call => self.begin_call(now_ms),
            Event::Turn(truth, n) => self.turn(now_ms, &truth, n),
            Event::Send(hook, attempt) => self.send(now_ms, hook, attempt),
            Event::Arrive(hook, attempt) => {
                if self.deliver(now_ms, &hook)? != Delivery::Recorded {
                    let Scenario { seed, network, .. } = self.scenario;
                    let after_ms = delivery::noticed_after_ms(*seed, network, attempt);
                    self.queue.push(now_ms + after_ms, Event::Fail(hook, attempt));
                }
            }
            Event::ArriveAgain(hook) => drop(self.deliver(now_ms, &hook)?),
            Event::Fail(hook, attempt) => self.fail(now_ms, hook, attempt),
            Event::Kill => self.kill(now_ms),
            Event::Start => self.users.start(now_ms),
            Event::Tick if now_ms == self.tick_ms => {
                self.users.tick(now_ms, &mut self.api);
                self.plan_tick(now_ms, now_ms + TICK_MS);
                return Ok(());
            }
            Event::Tick => {}
            Event::EndMeasuring => {
                self.oracle.end_measuring(now_ms);
                self.naive.end_measuring(now_ms);
            }
        }
        self.plan_tick(now_ms, self.tick_ms);
        Ok(())
    }

    /// Plans the next tick, at this moment or when the system asks for it.
    fn plan_tick(&mut self, now_ms: u64, at_ms: u64) {
        let wake_ms = self.users.wake_ms().unwrap_or(u64::MAX).max(now_ms + 1);
        let next_ms = wake_ms.min(at_ms);
        if next_ms != self.tick_ms {
            self.tick_ms = next_ms;
            self.queue.push(next_ms, Event::Tick);
        }
    }

    fn begin_call(&mut self, now_ms: u64) {
        let n = self.arrivals.n;
        let mut plot = Plot::drawn(self.scenario, n, self.arrivals.next_ms());
        if self.world.has_twilio() {
            plot.answer_at_once();
        }
        self.arrivals.pass_time();
        let (stretches, hooks) = Script::write(self.world, self.scenario.seed, n, &plot);
        self.note(&hooks);
        let call: Arc<str> = Arc::from(format!("call {n}"));
        let person = plot.person.as_deref().map_or_else(|| Arc::clone(&call), Arc::from);
        let last_ms = hooks.iter().map(|hook| hook.at_ms);
        let last_ms = last_ms.chain(stretches.last().map(|it| it.to_ms)).max().unwrap_or(now_ms);
        self.end_ms = self.end_ms.max(last_ms + self.scenario.settle_ms);
        let moments: Vec<_> = stretches.iter().map(|it| it.from_ms).collect();
        let over_ms = stretches.last().map(|it| it.to_ms);
        let truth = Rc::new(Truth { person, call, stretches });
        for (n, at_ms) in moments.into_iter().chain(over_ms).enumerate() {
            self.queue.push(at_ms, Event::Turn(Rc::clone(&truth), n));
        }
        let is_sent = |hook: &Hook| !matches!(hook.body, Body::Twilio { is_sent: false, .. });
        for (hook, number) in hooks.into_iter().zip(0..).filter(|(hook, _)| is_sent(hook)) {
            self.webhooks.sent += 1;
            let at_ms = hook.at_ms;
            let attempt = Attempt { call: n, webhook: number, n: 0, first_ms: at_ms };
            self.queue.push(at_ms, Event::Send(Rc::new(hook), attempt));
        }
        let next_ms = self.arrivals.next_ms().max(now_ms);
        if next_ms < self.scenario.length_ms {
            self.queue.push(next_ms, Event::Call);
        }
    }

    /// Enters what Twilio will send into its own record.
    fn note(&mut self, hooks: &[Hook]) {
        let of_twilio = hooks.iter().filter_map(|hook| match &hook.body {
            Body::Twilio { path, fields, .. } => Some(webhook(hook.at_ms, path, fields)),
            Body::Json(_) | Body::Form(_) => None,
        });
        let webhooks: Vec<_> = of_twilio.collect();
        if let Some(first) = webhooks.first() {
            let sid = first.field("CallSid").to_owned();
            let call = Call { sid, person: None, truth: Vec::new(), webhooks };
            calls::note(&mut self.api, &call);
        }
    }

    fn turn(&mut self, now_ms: u64, truth: &Truth, n: usize) {
        let at = |n: usize| truth.stretches.get(n).map(Stretch::standing);
        let (before, after) = (n.checked_sub(1).and_then(at), at(n));
        self.oracle.turn(now_ms, &truth.person, before.as_ref(), after.as_ref());
        let is_live = |it: &&(Party, Arc<str>)| it.0 == Party::Agent;
        let (before, after) = (before.as_ref().filter(is_live), after.as_ref().filter(is_live));
        self.naive.turn(now_ms, &truth.call, before, after);
    }

    fn send(&mut self, now_ms: u64, hook: Rc<Hook>, attempt: Attempt) {
        let Scenario { seed, network, .. } = self.scenario;
        match delivery::fate(*seed, network, attempt) {
            Fate::Vanishes => self.webhooks.lost += 1,
            Fate::Fails { noticed_after_ms } => {
                self.queue.push(now_ms + noticed_after_ms, Event::Fail(hook, attempt));
            }
            Fate::Arrives { after_ms, again_after_ms } => {
                if let Some(again_after_ms) = again_after_ms {
                    let again = Event::ArriveAgain(Rc::clone(&hook));
                    self.queue.push(now_ms + again_after_ms, again);
                }
                self.queue.push(now_ms + after_ms, Event::Arrive(hook, attempt));
            }
        }
    }

    /// The provider sends it again, or gives up.
    fn fail(&mut self, now_ms: u64, hook: Rc<Hook>, attempt: Attempt) {
        let retries_ms = self.world.tellers[hook.teller].retries_ms;
        match retries_ms.get(attempt.n as usize) {
            Some(after_ms) => {
                self.webhooks.retries += 1;
                let next = Attempt { n: attempt.n + 1, ..attempt };
                self.queue.push(now_ms + after_ms, Event::Send(hook, next));
            }
            None => self.webhooks.lost += 1,
        }
    }

    fn deliver(&mut self, now_ms: u64, hook: &Hook) -> Result<Delivery, String> {
        let outage = self.scenario.outage_ms;
        if outage.is_some_and(|(from, until)| (from..until).contains(&now_ms)) {
            return Ok(Delivery::NoConnection);
        }
        let delivery = self.reader.deliver(&mut self.users, now_ms, hook)?;
        if delivery != Delivery::NoConnection {
            self.webhooks.delivered += 1;
            self.plus_and_minus += hook.plus;
        }
        // What is not recorded is answered all the same, where somebody on the line waits for that.
        Ok(if delivery == Delivery::Answered { Delivery::Recorded } else { delivery })
    }

    fn kill(&mut self, now_ms: u64) {
        self.kills += 1;
        self.users.kill(now_ms);
        self.reader.kill();
        self.queue.push(now_ms + self.scenario.down_ms, Event::Start);
        let next_ms = now_ms + self.scenario.kill_every_ms.unwrap_or(u64::MAX / 2);
        if next_ms < self.scenario.length_ms {
            self.queue.push(next_ms, Event::Kill);
        }
    }

    fn show(&mut self, now_ms: u64) {
        self.oracle.show(now_ms, self.users.shown_numbers().as_ref());
        // A counter that survives a kill, and is down for as long.
        let naive = u64::try_from(self.plus_and_minus).unwrap_or_default();
        self.naive.show_one(now_ms, self.users.shown().map(|_| naive));
    }

    #[expect(clippy::cast_precision_loss, reason = "no world is 2^53 ms long")]
    fn report(mut self, longest_call_minutes: Option<u32>) -> SourceReport {
        self.oracle.advance(self.end_ms);
        self.naive.advance(self.end_ms);
        let healed_ms = self.oracle.number().healed_ms.clone();
        SourceReport {
            source: self.world.name,
            world: self.scenario.kind.name(),
            seed: self.scenario.seed,
            hours: self.scenario.length_ms as f64 / 3_600_000.0,
            longest_call_minutes,
            events: self.events,
            calls: self.arrivals.n,
            webhooks: self.webhooks,
            kills: self.kills,
            numbers: of_gauges(self.oracle.all()),
            plus_and_minus: of_gauge(self.naive.number()),
            healing: Healing::of("number", healed_ms, self.oracle.number_never_healed()),
        }
    }

    fn failure(&self, what: String, at_ms: u64, longest_call_minutes: Option<u32>) -> Failure {
        let mut command = self.scenario.command();
        command.push_str(&format!(" --sources {}", self.world.name));
        if let Some(minutes) = longest_call_minutes {
            command.push_str(&format!(" --longest-call-minutes {minutes}"));
        }
        Failure { what, at_ms, command }
    }
}

/// When calls begin.
struct Arrivals {
    rng: ChaCha8Rng,
    gap_ms: f64,
    next_ms: f64,
    /// The number of the next call.
    n: u64,
}

impl Arrivals {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
    fn new(scenario: &Scenario) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(scenario.seed);
        rng.set_stream(ARRIVALS);
        let plots = (0..SAMPLES).map(|n| Plot::drawn(scenario, SAMPLING + n, 0));
        let sum: u64 = plots.map(|plot| plot.answered_ms()).sum();
        let gap_ms = sum as f64 / SAMPLES as f64 / f64::from(scenario.live.max(1));
        let mut arrivals = Self { rng, gap_ms, next_ms: 0.0, n: 0 };
        arrivals.pass_time();
        arrivals.n = 0;
        arrivals
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "times are not")]
    fn next_ms(&self) -> u64 {
        self.next_ms as u64
    }

    /// The gaps between independent arrivals are exponential.
    fn pass_time(&mut self) {
        self.next_ms -= self.gap_ms * (1.0 - self.rng.random::<f64>()).ln();
        self.n += 1;
    }
}
