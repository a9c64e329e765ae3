//! Which webhooks have arrived at this process, and when: for whoever connects Twilio with it.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use live_users_intake::agents::{Agent, Agents};
use live_users_state::{Cause, Corrections};
use live_users_twilio::{Direction, Form, PARTY_BYTES_MAX};
use live_users_wire::{AcceptedView, FoundView, NumberView, RefusedView, WebhooksView};
use parking_lot::Mutex;

use super::counters::Hook;

/// The most called numbers without an agent that are remembered.
const OTHERS_MAX: usize = 1_000;

/// Digits of a number in E.164, at least and at most.
const E164_DIGITS: std::ops::RangeInclusive<usize> = 8..=15;

const HOOKS: usize = Hook::ALL.len();

/// What has arrived since the process started. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Arrivals {
    process: Arc<Inner>,
    found: Arc<Mutex<Found>>,
}

struct Inner {
    /// 32 hexadecimal digits.
    instance: String,
    since: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    accepted: [Seen; HOOKS],
    refused: Seen,
    /// When the last webhook of each kind came for a number, in E.164.
    numbers: BTreeMap<String, [Option<Instant>; HOOKS]>,
    /// How many of these belonged to no agent when they were first called.
    others: usize,
}

/// What a journal says was found by asking.
#[derive(Default)]
struct Found {
    /// How many calls it said so of when it was opened.
    before: u64,
    /// What was found since then.
    since: FoundView,
}

/// How many, and when the last one.
#[derive(Clone, Copy, Default)]
struct Seen {
    count: u64,
    last: Option<Instant>,
}

impl Arrivals {
    /// Nothing has arrived. The name of the process is drawn at random.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub(crate) fn begin(now: Instant) -> io::Result<Self> {
        let mut drawn = [0; 16];
        getrandom::fill(&mut drawn).map_err(io::Error::other)?;
        let instance = format!("{:032x}", u128::from_be_bytes(drawn));
        let process = Arc::new(Inner { instance, since: now, state: Mutex::default() });
        Ok(Self { process, found: Arc::default() })
    }

    /// The same process, with what another journal says.
    pub(crate) fn of_another_journal(&self) -> Self {
        Self { process: self.process.clone(), found: Arc::default() }
    }

    /// Which process this is.
    pub(crate) fn instance(&self) -> &str {
        &self.process.instance
    }

    /// The journal is open, and says this of the time before.
    pub(crate) fn begin_after(&self, corrections: &Corrections) {
        self.found.lock().before = missed_starts(corrections);
    }

    /// A webhook was signed and tells of a call.
    pub(crate) fn accept(&self, hook: Hook, form: &Form, agents: &Agents, now: Instant) {
        // Before the lock, which all webhooks take.
        let called = called_number(form, agents);
        let mut state = self.process.state.lock();
        state.accepted[hook as usize].add(now);
        let Some((number, is_agents)) = called else { return };
        if let Some(seen) = state.numbers.get_mut(number) {
            seen[hook as usize] = Some(now);
            return;
        }
        if !is_agents {
            if state.others == OTHERS_MAX {
                return;
            }
            state.others += 1;
        }
        let mut seen = [None; HOOKS];
        seen[hook as usize] = Some(now);
        state.numbers.insert(number.to_owned(), seen);
    }

    /// A webhook was not signed, or not for this URL.
    pub(crate) fn refuse(&self, now: Instant) {
        self.process.state.lock().refused.add(now);
    }

    /// The webhooks.
    pub(crate) fn webhooks(&self, now: Instant) -> WebhooksView {
        let state = self.process.state.lock();
        let accepted = |hook| {
            let Seen { count, last } = state.accepted[hook as usize];
            AcceptedView { accepted: count, last_ago_ms: last.map(|last| ago_ms(last, now)) }
        };
        let Seen { count, last } = state.refused;
        WebhooksView {
            since_ms: ago_ms(self.process.since, now),
            voice: accepted(Hook::Voice),
            speech_result: accepted(Hook::Speech),
            call_status: accepted(Hook::Status),
            refused: RefusedView { count, last_ago_ms: last.map(|last| ago_ms(last, now)) },
        }
    }

    /// The numbers of these agents in their order, and then the others that were called.
    pub(crate) fn numbers(&self, agents: &Agents, now: Instant) -> Vec<NumberView> {
        let state = self.process.state.lock();
        let row = |number: &str, agent: Option<&Agent>| {
            let seen = state.numbers.get(number).copied().unwrap_or_default();
            let ago_ms = |hook| seen[hook as usize].map(|last| ago_ms(last, now));
            NumberView {
                number: number.to_owned(),
                agent: agent.map(|agent| agent.id.clone()),
                voice_ago_ms: ago_ms(Hook::Voice),
                speech_result_ago_ms: ago_ms(Hook::Speech),
                call_status_ago_ms: ago_ms(Hook::Status),
            }
        };
        let own = agents.iter().flat_map(|agent| {
            agent.numbers.iter().map(move |number| (number.as_str(), Some(agent)))
        });
        let others = state.numbers.keys().filter(|number| !agents.is_own_number(number));
        own.chain(others.map(|number| (number.as_str(), None)))
            .map(|(number, agent)| row(number, agent))
            .collect()
    }

    /// What the journal says now, at its time in milliseconds: the calls that were found by asking
    /// since it was opened.
    pub(crate) fn learn_found(&self, corrections: &Corrections, now_ms: u64) -> FoundView {
        let mut found = self.found.lock();
        let calls = missed_starts(corrections).saturating_sub(found.before);
        let mut newest = corrections.recent().rev();
        let last = newest.find(|it| it.cause == Cause::MissedStart).filter(|_| calls > 0);
        let last_ago_ms = last.map(|last| now_ms.saturating_sub(last.at.0));
        found.since = FoundView { calls, last_ago_ms };
        found.since
    }

    /// What it said when it last answered.
    pub(crate) fn found(&self) -> FoundView {
        self.found.lock().since
    }
}

impl Seen {
    fn add(&mut self, now: Instant) {
        self.count += 1;
        self.last = Some(now);
    }
}

fn missed_starts(corrections: &Corrections) -> u64 {
    let missed = corrections.totals().filter(|(cause, _)| *cause == Cause::MissedStart);
    missed.map(|(_, n)| n).sum()
}

fn ago_ms(then: Instant, now: Instant) -> u64 {
    u64::try_from(now.saturating_duration_since(then).as_millis()).unwrap_or(u64::MAX)
}

/// The number that somebody has called, in E.164, and whether it is an agent's.
///
/// Trap: what an app or a SIP phone dials stands in `To` as well, and is somebody else's number. So
/// a number of no agent counts only where a phone has called it.
fn called_number<'a>(form: &'a Form, agents: &'a Agents) -> Option<(&'a str, bool)> {
    let text = |name| form.text_within(name, PARTY_BYTES_MAX).ok().flatten();
    let is_inbound = text("Direction").is_none_or(|it| it == Direction::Inbound.as_str());
    if !is_inbound || form.has("ParentCallSid") {
        return None;
    }
    let to = text("To")?;
    if let Some((number, _)) = agents.own_number(to) {
        return Some((number, true));
    }
    let is_by_phone = text("From").is_none_or(|from| !from.contains([':', '@']));
    (is_by_phone && is_e164(to)).then_some((to, false))
}

fn is_e164(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        E164_DIGITS.contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const AGENTS: &str = "[[agent]]\nid = \"a\"\nname = \"A\"\n\
                          numbers = [\"+15005550006\", \"+15005550007\"]";

    fn agents() -> Agents {
        Agents::parse(AGENTS).0
    }

    fn form(fields: &[(&str, &str)]) -> Form {
        Form::from_pairs(fields.iter().copied())
    }

    #[test]
    fn each_process_has_a_name_of_its_own() {
        let now = Instant::now();
        let names = [(); 2].map(|()| Arrivals::begin(now).unwrap().instance().to_owned());
        assert!(names[0] != names[1] && names.iter().all(|name| name.len() == 32), "{names:?}");
    }

    #[test]
    fn webhooks_are_told_by_kind_and_by_number_with_their_ages() {
        let start = Instant::now();
        let later = |seconds| start + Duration::from_secs(seconds);
        let (arrivals, agents) = (Arrivals::begin(start).unwrap(), agents());
        let inbound = |to| form(&[("Direction", "inbound"), ("From", "+14155550123"), ("To", to)]);
        arrivals.accept(Hook::Voice, &inbound("sip:15005550007@a.example"), &agents, later(1));
        arrivals.accept(Hook::Voice, &inbound("+12065550100"), &agents, later(2));
        arrivals.accept(Hook::Status, &inbound("+12065550100"), &agents, later(3));
        arrivals.refuse(later(4));
        let webhooks = arrivals.webhooks(later(5));
        let accepted = |accepted, ago: Option<u64>| AcceptedView {
            accepted,
            last_ago_ms: ago.map(|s| s * 1_000),
        };
        assert_eq!(webhooks.since_ms, 5_000);
        assert_eq!(webhooks.voice, accepted(2, Some(3)));
        assert_eq!(webhooks.speech_result, accepted(0, None));
        assert_eq!(webhooks.call_status, accepted(1, Some(2)));
        assert_eq!(webhooks.refused, RefusedView { count: 1, last_ago_ms: Some(1_000) });
        let row = |number: &str, agent: Option<&str>, ago_ms: [Option<u64>; 3]| NumberView {
            number: number.to_owned(),
            agent: agent.map(str::to_owned),
            voice_ago_ms: ago_ms[0],
            speech_result_ago_ms: ago_ms[1],
            call_status_ago_ms: ago_ms[2],
        };
        assert_eq!(
            arrivals.numbers(&agents, later(5)),
            [
                row("+15005550006", Some("a"), [None; 3]),
                row("+15005550007", Some("a"), [Some(4_000), None, None]),
                row("+12065550100", None, [Some(3_000), None, Some(2_000)]),
            ]
        );
    }

    #[test]
    fn a_number_of_somebody_else_is_never_listed() {
        let agents = agents();
        let phone = ("From", "+14155550123");
        for fields in [
            &[("Direction", "outbound-api"), ("From", "+15005550006"), ("To", "+14155550123")][..],
            &[("Direction", "outbound-dial"), phone, ("To", "+12065550100")],
            &[("ParentCallSid", "CA1"), phone, ("To", "+12065550100")],
            &[("From", "client:jo"), ("To", "+12065550100")],
            &[("From", "sip:jo@a.example"), ("To", "+12065550100")],
            &[("From", "jo@a.example"), ("To", "+12065550100")],
            &[phone, ("To", "sip:+12065550100@a.example")],
            &[phone, ("To", "+1206555010x")],
            &[phone, ("To", "+1206555")],
            &[phone],
        ] {
            assert_eq!(called_number(&form(fields), &agents), None, "{fields:?}");
        }
        for from in ["+14155550123", "anonymous", "266696687"] {
            let called = form(&[("From", from), ("To", "+12065550100")]);
            assert_eq!(called_number(&called, &agents), Some(("+12065550100", false)), "{from}");
        }
        let from_an_app = form(&[("From", "client:jo"), ("To", "+15005550006")]);
        assert_eq!(called_number(&from_an_app, &agents), Some(("+15005550006", true)));
    }

    #[test]
    fn so_many_numbers_of_no_agent_are_listed_and_no_more() {
        let now = Instant::now();
        let (arrivals, agents) = (Arrivals::begin(now).unwrap(), agents());
        for n in 0..OTHERS_MAX + 9 {
            let number = format!("+1206{n:07}");
            arrivals.accept(Hook::Voice, &form(&[("To", &number)]), &agents, now);
        }
        arrivals.accept(Hook::Voice, &form(&[("To", "+15005550006")]), &agents, now);
        let numbers = arrivals.numbers(&agents, now);
        assert_eq!(numbers.len(), 2 + OTHERS_MAX);
        assert_eq!(numbers[0].voice_ago_ms, Some(0), "an agent's number finds its place");
        assert_eq!(arrivals.webhooks(now).voice.accepted, OTHERS_MAX as u64 + 10);
    }
}
