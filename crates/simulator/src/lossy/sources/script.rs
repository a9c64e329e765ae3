//! The course of one call as it truly was, and what each teller sends of it.

use std::sync::Arc;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::plot::{HandOver, Outcome, Plot};
use super::worlds::{HandsOver, SourceWorld, Voicemails};
use crate::lossy::calls::BEGINNING_MS;
use crate::truth::{Course, Party, Stretch};

/// From an answer to the moment at which a voicemail is known to be one, in milliseconds.
const DETECTION_MS: std::ops::Range<u64> = 2_000..4_000;
/// How long a voicemail lasts after that, in milliseconds.
const VOICEMAIL_MS: std::ops::Range<u64> = 4_000..12_000;
/// How often an application says that a call is still up, in milliseconds.
pub(super) const HEARTBEAT_MS: u64 = 30_000;
/// The random streams of what is sent.
const SENDING: u64 = 1 << 61;

/// Something of which a provider may tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// The call exists.
    Begins,
    /// It rings.
    Rings,
    /// The agent and the caller are connected.
    Answered,
    /// What has picked up is a voicemail.
    Voicemail,
    /// The agent has a colleague dialled for the caller.
    Dials,
    /// The colleague has picked up; or, where the provider hands over by itself, the agent has
    /// left.
    HandedOver,
    /// The caller is back with the agent.
    Back,
    /// It is still up.
    Alive,
    /// The call is over.
    Over(Outcome),
}

/// Whether a webhook is one that somebody would add for, or subtract for, who counts by plus and
/// minus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Nothing,
    Plus,
    Minus,
}

/// The body of a webhook.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// As JSON.
    Json(String),
    /// As a form.
    Form(Vec<(&'static str, String)>),
    /// A form of Twilio's.
    Twilio {
        /// The path that it is sent to.
        path: &'static str,
        fields: Vec<(&'static str, String)>,
        /// Whether it is sent to us. If not, only Twilio's list tells of it.
        is_sent: bool,
    },
}

/// One webhook.
#[derive(Clone, Debug)]
pub(super) struct Hook {
    /// When it is sent, in milliseconds from the beginning of the world.
    pub(super) at_ms: u64,
    /// Who sends it: a number of one of the world's tellers.
    pub(super) teller: usize,
    pub(super) body: Body,
    /// What it does to a count by plus and minus.
    pub(super) plus: i64,
}

/// The ids of one call at all who may tell of it.
#[derive(Clone, Debug)]
pub(super) struct Ids {
    /// A UUID.
    pub(super) call: String,
    /// The UUID of the colleague's leg.
    pub(super) leg: String,
    /// 32 hexadecimal digits, for whoever puts something in front of them.
    pub(super) hex: String,
    /// Twilio's.
    pub(super) sid: String,
}

/// Writes one call down.
pub(super) struct Script<'a> {
    world: &'a SourceWorld,
    pub(super) plot: &'a Plot,
    pub(super) ids: Ids,
    pub(super) rng: ChaCha8Rng,
    /// The present, in milliseconds from the beginning of the world.
    pub(super) now_ms: u64,
    /// When it was answered.
    pub(super) answered_ms: Option<u64>,
    /// Whether the agent has handed the caller over for good.
    pub(super) has_left: bool,
    /// How many webhooks were sent, for ids of their own.
    sent: u64,
    teller: usize,
    /// Whether each teller has told the answer, and the end.
    signed: Vec<(bool, bool)>,
    course: Course,
    hooks: Vec<Hook>,
}

impl<'a> Script<'a> {
    /// The truth of a call, and what is sent of it, in the order of time.
    pub(super) fn write(
        world: &'a SourceWorld,
        seed: u64,
        n: u64,
        plot: &'a Plot,
    ) -> (Vec<Stretch>, Vec<Hook>) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(SENDING + n);
        let (call, leg, hex) = (uuid(&mut rng), uuid(&mut rng), hex(&mut rng, 32));
        let ids = Ids { sid: format!("CA{hex}"), call, leg, hex };
        let mut script = Self {
            world,
            plot,
            ids,
            rng,
            now_ms: plot.start_ms,
            answered_ms: None,
            has_left: false,
            sent: 0,
            teller: 0,
            signed: vec![(false, false); world.tellers.len()],
            course: Course::default(),
            hooks: Vec::new(),
        };
        script.play();
        script.hooks.sort_by_key(|hook| hook.at_ms);
        (script.course.into_stretches(), script.hooks)
    }

    fn play(&mut self) {
        self.turn(Some(Party::Waiting));
        self.tell(Moment::Begins);
        let ring_ms = self.plot.ring_ms;
        self.now_ms += self.rng.random_range(100..250).min(ring_ms);
        self.tell(Moment::Rings);
        self.now_ms = self.plot.start_ms + ring_ms;
        match self.plot.outcome {
            Outcome::Answered => self.talk(),
            Outcome::Voicemail => self.voicemail(),
            Outcome::NoAnswer | Outcome::Busy | Outcome::GivenUp => self.end(),
        }
    }

    fn answer(&mut self) {
        self.answered_ms = Some(self.now_ms);
        self.turn(Some(Party::Agent));
        self.tell(Moment::Answered);
    }

    fn voicemail(&mut self) {
        self.answer();
        self.now_ms += self.rng.random_range(DETECTION_MS);
        if self.world.voicemails != Voicemails::Unknown {
            self.turn(Some(Party::Machine));
            self.tell(Moment::Voicemail);
        }
        self.now_ms += self.rng.random_range(VOICEMAIL_MS);
        self.end();
    }

    fn talk(&mut self) {
        self.answer();
        let answered_ms = self.now_ms;
        let dies_after_ms = self.plot.dies_after_ms.filter(|_| self.world.may_die);
        self.now_ms += dies_after_ms.unwrap_or(self.plot.talk_ms);
        match self.plot.hand_over.filter(|_| dies_after_ms.is_none()) {
            Some(hand_over) => self.hand_over(hand_over),
            None if dies_after_ms.is_some() => self.turn(None),
            None => self.end(),
        }
        let end_ms = self.now_ms;
        self.now_ms = answered_ms + HEARTBEAT_MS;
        while self.now_ms < end_ms {
            self.tell(Moment::Alive);
            self.now_ms += HEARTBEAT_MS;
        }
    }

    fn hand_over(&mut self, hand_over: HandOver) {
        let HandOver { ring_ms, talk_ms, back_ms } = hand_over;
        match self.world.hands_over {
            HandsOver::Alone => self.has_left = true,
            HandsOver::ByDial { .. } => {
                self.turn(Some(Party::Waiting));
                self.tell(Moment::Dials);
                self.now_ms += ring_ms;
            }
        }
        self.turn(Some(Party::Person));
        self.tell(Moment::HandedOver);
        self.now_ms += talk_ms;
        let may_be_back = self.world.hands_over == HandsOver::ByDial { and_back: true };
        if let Some(back_ms) = back_ms.filter(|_| may_be_back) {
            self.turn(Some(Party::Agent));
            self.tell(Moment::Back);
            self.now_ms += back_ms;
        }
        self.end();
    }

    fn end(&mut self) {
        self.turn(None);
        self.tell(Moment::Over(self.plot.outcome));
    }

    fn turn(&mut self, party: Option<Party>) {
        let agent = || Arc::from(self.plot.line.id);
        self.course.turn(self.now_ms, party.map(|party| (party, agent())));
    }

    /// Each teller sends what it sends of this moment.
    fn tell(&mut self, moment: Moment) {
        let now_ms = self.now_ms;
        for (n, teller) in self.world.tellers.iter().enumerate() {
            self.teller = n;
            (teller.tell)(self, moment);
            self.now_ms = now_ms;
        }
    }

    /// Sends a webhook now.
    pub(super) fn send(&mut self, sign: Sign, body: Body) {
        let (has_added, has_subtracted) = &mut self.signed[self.teller];
        let plus = match sign {
            Sign::Plus if !*has_added => 1,
            Sign::Minus if *has_added && !*has_subtracted => -1,
            Sign::Nothing | Sign::Plus | Sign::Minus => 0,
        };
        *has_added |= plus > 0;
        *has_subtracted |= plus < 0;
        self.sent += 1;
        self.hooks.push(Hook { at_ms: self.now_ms, teller: self.teller, body, plus });
    }

    /// Sends a form.
    pub(super) fn send_form(&mut self, sign: Sign, fields: Vec<(&'static str, String)>) {
        self.send(sign, Body::Form(fields));
    }

    /// Sends JSON.
    pub(super) fn send_json(&mut self, sign: Sign, body: &serde_json::Value) {
        self.send(sign, Body::Json(body.to_string()));
    }

    /// A time of the provider's clock, in milliseconds since 1970.
    pub(super) fn unix_ms(&self, at_ms: u64) -> u64 {
        BEGINNING_MS.unsigned_abs() + at_ms
    }

    /// The present, as RFC 3339.
    pub(super) fn timestamp(&self) -> String {
        let ms = self.unix_ms(self.now_ms).cast_signed();
        jiff::Timestamp::from_millisecond(ms).map(|it| it.to_string()).unwrap_or_default()
    }

    /// An id that no other webhook of this call has.
    pub(super) fn own_id(&self) -> String {
        format!("{}-{}", self.ids.hex, self.sent)
    }

    /// How long the conversation was, in seconds.
    pub(super) fn duration_s(&self) -> u64 {
        self.answered_ms.map_or(0, |answered_ms| (self.now_ms - answered_ms) / 1_000)
    }

    /// Waits for so long, in the part of what is told of one moment.
    pub(super) fn later(&mut self, ms: std::ops::Range<u64>) {
        self.now_ms += self.rng.random_range(ms);
    }
}

fn hex(rng: &mut ChaCha8Rng, digits: usize) -> String {
    (0..digits).map(|_| char::from(b"0123456789abcdef"[rng.random_range(0..16)])).collect()
}

fn uuid(rng: &mut ChaCha8Rng) -> String {
    let digits = hex(rng, 32);
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    parts.join("-")
}
