//! The lives that a call can have, as the webhooks that Twilio sends of it.

use std::ops::Range;

use rand::{Rng, RngExt};

use crate::caller::Caller;
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
}

/// How long people talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Talk {
    /// A few sentences.
    Brief,
    /// About so many milliseconds.
    Lasting(u64),
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

/// One webhook in so many comes twice.
const REPEATED_ONE_IN: u32 = 20;

const SENTENCES: &[&str] = &[
    "I would like to book a table for four",
    "What time do you open tomorrow?",
    "Can I change my order",
    "Please don't hang up, I am looking for the number",
    "Yes, that would be great",
    "How do I say goodbye in French?",
    "Is there parking nearby",
];

const FAREWELLS: &[&str] =
    &["okay, goodbye.", "Thank you, goodbye!", "That's all. Goodbye.", "you can hang up now"];

impl Life {
    pub(crate) fn any(rng: &mut impl Rng) -> Self {
        let mut drawn = rng.random_range(0..LIVES.iter().map(|(_, share)| share).sum());
        for (life, share) in LIVES {
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
    agent_number: &'a str,
    talk: Talk,
    outbound: bool,
    now_ms: u64,
    sequence: u32,
    webhooks: Vec<Webhook>,
}

impl<'a, R: Rng> Writer<'a, R> {
    pub(crate) fn new(
        rng: &'a mut R,
        caller: &'a Caller,
        agent_number: &'a str,
        start_ms: u64,
        talk: Talk,
    ) -> Self {
        let sid = format!("CA{:032x}", rng.random::<u128>());
        let webhooks = Vec::new();
        let (now_ms, sequence, outbound) = (start_ms, 0, false);
        Self { rng, sid, caller, agent_number, talk, outbound, now_ms, sequence, webhooks }
    }

    /// The call from its first webhook to its last, and when a person is truly on the line.
    pub(crate) fn write(mut self, life: Life) -> Call {
        let (start_ms, end_ms) = match life {
            Life::Outbound | Life::NoAnswer | Life::Busy => self.outgoing(life),
            Life::Goodbye
            | Life::HangUp
            | Life::Silent
            | Life::Redirects
            | Life::Colleague
            | Life::OwnApplication => self.incoming(life),
        };
        let person = (!self.caller.is_withheld()).then(|| self.caller.number.clone());
        Call { sid: self.sid, person, start_ms, end_ms, webhooks: self.webhooks }
    }

    fn incoming(&mut self, life: Life) -> (u64, u64) {
        let start = self.now_ms;
        self.send("/voice", "ringing", &[]);
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
        if life == Life::Goodbye {
            self.wait(2_000, 6_000);
            let farewell = FAREWELLS[self.rng.random_range(0..FAREWELLS.len())];
            self.send("/speech-result", "in-progress", &[("SpeechResult", farewell)]);
            let end = self.now_ms;
            self.wait(800, 2_000);
            self.over("completed", end - start);
            return (start, end);
        }
        let end = self.now_ms;
        self.over("completed", end - start);
        (start, end)
    }

    fn outgoing(&mut self, life: Life) -> (u64, u64) {
        self.outbound = true;
        self.progress("initiated");
        self.wait(500, 1_500);
        self.progress("ringing");
        self.wait(2_000, 6_000);
        let answered = self.now_ms;
        match life {
            Life::Busy => self.over("busy", 0),
            Life::NoAnswer => {
                self.wait(8_000, 12_000);
                self.over("no-answer", 0);
            }
            _ => {
                self.progress("in-progress");
                self.send("/voice", "in-progress", &[]);
                self.talk();
                self.over("completed", self.now_ms - answered);
                return (answered, self.now_ms);
            }
        }
        (answered, answered)
    }

    fn talk(&mut self) {
        self.repeatedly(1..6, |call| {
            call.wait(3_000, 9_000);
            let sentence = SENTENCES[call.rng.random_range(0..SENTENCES.len())];
            call.send("/speech-result", "in-progress", &[("SpeechResult", sentence)]);
        });
        self.wait(2_000, 6_000);
    }

    /// As often as in a brief talk, or until it has lasted as long as it is to.
    fn repeatedly(&mut self, brief: Range<u32>, turn: impl Fn(&mut Self)) {
        match self.talk {
            Talk::Brief => (0..self.rng.random_range(brief)).for_each(|_| turn(self)),
            Talk::Lasting(ms) => {
                let until_ms = self.now_ms + ms;
                while self.now_ms < until_ms {
                    turn(self);
                }
            }
        }
    }

    /// A leg of this call, with an id of its own: not another user.
    fn colleague(&mut self) {
        let parent = self.sid.clone();
        let leg = format!("CA{:032x}", self.rng.random::<u128>());
        let statuses = ["initiated", "ringing", "in-progress", "completed"];
        for (status, sequence) in statuses.into_iter().zip(0u32..) {
            let fields = [
                ("CallSid", leg.as_str()),
                ("ParentCallSid", &parent),
                ("CallStatus", status),
                ("Direction", "outbound-dial"),
                ("From", &self.caller.number),
                ("To", "+12065550177"),
                ("SequenceNumber", &sequence.to_string()),
            ];
            let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
            let at_ms = self.now_ms;
            self.webhooks.push(Webhook { at_ms, path: "/call-status", fields });
            self.wait(1_000, 3_000);
        }
    }

    fn over(&mut self, status: &str, duration_ms: u64) {
        let (seconds, minutes) = (duration_ms / 1000, duration_ms.div_ceil(60_000));
        let sequence = self.next_sequence();
        self.send(
            "/call-status",
            status,
            &[
                ("CallDuration", &seconds.to_string()),
                ("Duration", &minutes.to_string()),
                ("SequenceNumber", &sequence),
                ("CallbackSource", "call-progress-events"),
            ],
        );
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

    fn send(&mut self, path: &'static str, status: &str, more: &[(&str, &str)]) {
        let fields = self.fields(status, more);
        let webhook = Webhook { at_ms: self.now_ms, path, fields };
        if self.rng.random_ratio(1, REPEATED_ONE_IN) {
            self.webhooks.push(webhook.clone());
        }
        self.webhooks.push(webhook);
    }

    fn fields(&self, status: &str, more: &[(&str, &str)]) -> Vec<(String, String)> {
        let Caller { number, country, state, city } = self.caller;
        let (direction, from, to) = match self.outbound {
            true => ("outbound-api", self.agent_number, number.as_str()),
            false => ("inbound", number.as_str(), self.agent_number),
        };
        let (theirs, ours) = if self.outbound { ("To", "From") } else { ("From", "To") };
        let standard = [
            ("AccountSid".to_owned(), "AC00000000000000000000000000000001"),
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
