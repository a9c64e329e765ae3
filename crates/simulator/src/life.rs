//! The lives that a call can have, as the webhooks that Twilio sends of it.

mod campaign;
mod conference;
mod dial;
mod moves;
mod queue;
mod talk;

use std::sync::Arc;

use rand::{Rng, RngExt};

use crate::caller::Caller;
use crate::truth::{Course, Party};
use crate::world::{Call, Webhook};

/// How a call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// The caller talks, says goodbye, and we hang up.
    Goodbye,
    /// The caller talks and hangs up without a word.
    HangUp,
    /// The caller says nothing at all.
    Silent,
    /// The agent's application sends the call back to `/voice` again and again.
    Redirects,
    /// The agent brings a colleague into the call with `<Dial>`.
    Colleague,
    /// We call, and the person picks up.
    Outbound,
    /// We call, and nobody picks up.
    NoAnswer,
    /// We call, and the line is busy.
    Busy,
    /// The agent's own application talks to the caller: of what is said nothing comes to us.
    OwnApplication,
    /// The agent dials a colleague for the caller, who may come back or not.
    DialPerson,
    /// The agent brings the caller and a colleague into a conference.
    Conference,
    /// The caller waits in a queue, and is put through, comes back or gives up.
    Queue,
    /// The agent is an AI host that is dialled by SIP, and later a colleague is dialled.
    DialSip,
    /// The agent dials another agent.
    DialAgent,
    /// We call with machine detection.
    Campaign,
    /// The call moves from agent to agent by `<Redirect>`.
    Moves,
}

/// One agent, and a number that it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AgentLine<'a> {
    pub(crate) id: &'a str,
    pub(crate) number: &'a str,
}

/// How long people talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Talk {
    /// A few sentences.
    Brief,
    /// About so many milliseconds.
    Lasting(u64),
}

impl Talk {
    fn ms(self) -> u64 {
        match self {
            Self::Brief => 20_000,
            Self::Lasting(ms) => ms,
        }
    }
}

/// How often each life is met, in percent.
const LIVES: &[(Life, u32)] = &[
    (Life::Goodbye, 34),
    (Life::HangUp, 28),
    (Life::Silent, 5),
    (Life::Redirects, 8),
    (Life::Colleague, 6),
    (Life::Outbound, 12),
    (Life::NoAnswer, 4),
    (Life::Busy, 3),
];

/// The account of every call.
const ACCOUNT: &str = "AC00000000000000000000000000000001";

/// One webhook in so many comes twice.
const REPEATED_ONE_IN: u32 = 20;

impl Life {
    pub(crate) fn any(rng: &mut impl Rng) -> Self {
        Self::drawn(LIVES, rng)
    }

    /// One of these lives, which have these shares.
    pub(crate) fn drawn(lives: &[(Self, u32)], rng: &mut impl Rng) -> Self {
        let mut drawn = rng.random_range(0..lives.iter().map(|(_, share)| share).sum());
        for (life, share) in lives {
            match drawn.checked_sub(*share) {
                Some(rest) => drawn = rest,
                None => return *life,
            }
        }
        Self::Goodbye
    }
}

/// Writes the life of one call down, webhook by webhook.
pub(crate) struct Writer<'a, R> {
    rng: &'a mut R,
    sid: String,
    caller: &'a Caller,
    /// The number that is called, or that calls.
    line: AgentLine<'a>,
    /// All agents, of which one may take over.
    agents: &'a [AgentLine<'a>],
    /// The agent that has the call now.
    agent: Arc<str>,
    /// The agent in the query of the number's own URLs.
    number_agent: Option<String>,
    /// The agent in the query of what the call requests now.
    url_agent: Option<String>,
    talk: Talk,
    outbound: bool,
    /// Whether our answer to a goodbye may be lost on its way back.
    may_lose_answers: bool,
    answered_by: Option<&'static str>,
    now_ms: u64,
    sequence: u32,
    course: Course,
    webhooks: Vec<Webhook>,
}

impl<'a, R: Rng> Writer<'a, R> {
    pub(crate) fn new(
        rng: &'a mut R,
        caller: &'a Caller,
        line: AgentLine<'a>,
        start_ms: u64,
        talk: Talk,
    ) -> Self {
        let sid = any_sid(rng);
        Self {
            rng,
            sid,
            caller,
            line,
            agents: &[],
            agent: Arc::from(line.id),
            number_agent: None,
            url_agent: None,
            talk,
            outbound: false,
            may_lose_answers: false,
            answered_by: None,
            now_ms: start_ms,
            sequence: 0,
            course: Course::default(),
            webhooks: Vec::new(),
        }
    }

    /// The same writer for a world with these agents, in which answers get lost.
    pub(crate) fn among(self, agents: &'a [AgentLine<'a>]) -> Self {
        Self { agents, may_lose_answers: true, ..self }
    }

    /// The call from its first webhook to its last, and with whom the person is truly connected.
    pub(crate) fn write(mut self, life: Life) -> Call {
        match life {
            Life::Outbound | Life::NoAnswer | Life::Busy => self.outgoing(life),
            Life::Goodbye
            | Life::HangUp
            | Life::Silent
            | Life::Redirects
            | Life::Colleague
            | Life::OwnApplication => self.incoming(life),
            Life::DialPerson => self.dial_person(),
            Life::Conference => self.conference(),
            Life::Queue => self.queue(),
            Life::DialSip => self.dial_sip(),
            Life::DialAgent => self.dial_agent(),
            Life::Campaign => self.campaign(),
            Life::Moves => self.moves(),
        }
        // What other parties of the call send lies in between.
        self.webhooks.sort_by_key(|webhook| webhook.at_ms);
        let (person, truth) = (self.caller.person.clone(), self.course.into_stretches());
        Call { sid: self.sid, person, truth, webhooks: self.webhooks }
    }

    fn incoming(&mut self, life: Life) {
        let start = self.begin();
        match life {
            Life::Silent => self.wait(6_000, 9_000),
            Life::Redirects => {
                self.repeatedly(2..5, |call| {
                    call.wait(3_000, 8_000);
                    call.send("/voice", "in-progress", &[]);
                });
                self.wait(2_000, 8_000);
            }
            Life::OwnApplication => match self.talk {
                Talk::Brief => self.wait(8_000, 40_000),
                Talk::Lasting(ms) => self.now_ms += ms,
            },
            Life::Colleague => {
                self.talk();
                self.colleague();
                self.wait(2_000, 4_000);
            }
            _ => self.talk(),
        }
        match life {
            Life::Goodbye => self.goodbye(start),
            _ => self.hang_up(start),
        }
    }

    fn outgoing(&mut self, life: Life) {
        self.outbound = true;
        self.turn(Party::Waiting);
        self.progress("initiated");
        self.wait(500, 1_500);
        self.progress("ringing");
        self.wait(2_000, 6_000);
        let answered = self.now_ms;
        match life {
            Life::Busy => self.nobody("busy"),
            Life::NoAnswer => {
                self.wait(8_000, 12_000);
                self.nobody("no-answer");
            }
            _ => {
                self.turn(Party::Agent);
                self.progress("in-progress");
                self.send("/voice", "in-progress", &[]);
                self.talk();
                self.hang_up(answered);
            }
        }
    }

    /// A call comes in: the agent answers at once. Returns the moment.
    fn begin(&mut self) -> u64 {
        self.turn(Party::Agent);
        self.send("/voice", "ringing", &[]);
        self.now_ms
    }

    /// The person hangs up.
    fn hang_up(&mut self, start_ms: u64) {
        self.course.turn(self.now_ms, None);
        self.over("completed", self.now_ms - start_ms);
    }

    /// Nobody has picked up.
    fn nobody(&mut self, status: &str) {
        self.course.turn(self.now_ms, None);
        self.over(status, 0);
    }

    /// From now on the person is connected with this party.
    fn turn(&mut self, party: Party) {
        let standing = (party, Arc::clone(&self.agent));
        self.course.turn(self.now_ms, Some(standing));
    }

    /// A leg of this call, with an id of its own: not another user.
    fn colleague(&mut self) {
        let parent = self.sid.clone();
        let leg = any_sid(self.rng);
        let statuses = ["initiated", "ringing", "in-progress", "completed"];
        let parties = [Party::Waiting, Party::Waiting, Party::Person, Party::Agent];
        for ((status, party), sequence) in statuses.into_iter().zip(parties).zip(0u32..) {
            let fields = [
                ("CallSid", leg.as_str()),
                ("ParentCallSid", &parent),
                ("CallStatus", status),
                ("Direction", "outbound-dial"),
                ("From", &self.caller.number),
                ("To", "+12065550177"),
                ("SequenceNumber", &sequence.to_string()),
            ];
            self.turn(party);
            self.post("/call-status", None, &fields);
            self.wait(1_000, 3_000);
        }
    }

    fn over(&mut self, status: &str, duration_ms: u64) {
        let (seconds, minutes) = (duration_ms / 1000, duration_ms.div_ceil(60_000));
        let (seconds, minutes) = (seconds.to_string(), minutes.to_string());
        let sequence = self.next_sequence();
        let mut more = vec![
            ("CallDuration", seconds.as_str()),
            ("Duration", &minutes),
            ("SequenceNumber", &sequence),
            ("CallbackSource", "call-progress-events"),
        ];
        more.extend(self.answered_by.map(|by| ("AnsweredBy", by)));
        self.send("/call-status", status, &more);
    }

    fn progress(&mut self, status: &str) {
        let sequence = self.next_sequence();
        let more = [("SequenceNumber", &*sequence), ("CallbackSource", "call-progress-events")];
        self.send("/call-status", status, &more);
    }

    fn next_sequence(&mut self) -> String {
        self.sequence += 1;
        (self.sequence - 1).to_string()
    }

    fn wait(&mut self, from_ms: u64, to_ms: u64) {
        self.now_ms += self.rng.random_range(from_ms..to_ms);
    }

    /// Sends a webhook of the call itself.
    fn send(&mut self, path: &'static str, status: &str, more: &[(&str, &str)]) {
        let fields = self.fields(status, more);
        let agent = match path {
            "/call-status" => self.number_agent.clone(),
            _ => self.url_agent.clone(),
        };
        let webhook = Webhook { at_ms: self.now_ms, path, agent, fields };
        if self.rng.random_ratio(1, REPEATED_ONE_IN) {
            self.webhooks.push(webhook.clone());
        }
        self.webhooks.push(webhook);
    }

    /// Sends a webhook with these fields and no others.
    fn post(&mut self, path: &'static str, agent: Option<&str>, fields: &[(&str, &str)]) {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let fields = fields.iter().map(owned).collect();
        let (at_ms, agent) = (self.now_ms, agent.map(str::to_owned));
        self.webhooks.push(Webhook { at_ms, path, agent, fields });
    }

    fn fields(&self, status: &str, more: &[(&str, &str)]) -> Vec<(String, String)> {
        let Caller { number, person: _, country, state, city } = self.caller;
        let agent_number = self.line.number;
        let (direction, from, to) = match self.outbound {
            true => ("outbound-api", agent_number, number.as_str()),
            false => ("inbound", number.as_str(), agent_number),
        };
        let (theirs, ours) = if self.outbound { ("To", "From") } else { ("From", "To") };
        let standard = [
            ("AccountSid".to_owned(), ACCOUNT),
            ("ApiVersion".to_owned(), "2010-04-01"),
            ("CallSid".to_owned(), self.sid.as_str()),
            ("CallStatus".to_owned(), status),
            ("Direction".to_owned(), direction),
            ("From".to_owned(), from),
            ("Caller".to_owned(), from),
            ("To".to_owned(), to),
            ("Called".to_owned(), to),
            (format!("{theirs}Country"), country),
            (format!("{theirs}State"), state),
            (format!("{theirs}City"), city),
            (format!("{theirs}Zip"), ""),
            (format!("{ours}Country"), "US"),
        ];
        let more = more.iter().map(|(name, value)| ((*name).to_owned(), *value));
        standard.into_iter().chain(more).map(|(name, value)| (name, value.to_owned())).collect()
    }
}

fn any_sid(rng: &mut impl Rng) -> String {
    format!("CA{:032x}", rng.random::<u128>())
}
