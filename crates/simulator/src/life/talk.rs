//! What callers say, and how they end their calls.

use std::ops::Range;

use rand::{Rng, RngExt};

use super::{Talk, Writer};
use crate::truth::Party;

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

/// Our answer to one goodbye in this many is lost, in worlds where answers get lost.
const ANSWER_LOST_ONE_IN: u32 = 100;

impl<R: Rng> Writer<'_, R> {
    pub(super) fn talk(&mut self) {
        self.repeatedly(1..6, |call| {
            call.wait(3_000, 9_000);
            call.say(SENTENCES);
        });
        self.wait(2_000, 6_000);
    }

    /// Talks for about this many milliseconds.
    pub(super) fn talk_for(&mut self, ms: u64) {
        let until_ms = self.now_ms + ms;
        while self.now_ms < until_ms {
            self.wait(3_000, 9_000);
            self.say(SENTENCES);
        }
        self.wait(1_000, 3_000);
    }

    /// Talks for this many percent of the whole talk.
    pub(super) fn talk_share(&mut self, percent: Range<u64>) {
        let ms = self.share_ms(percent);
        self.talk_for(ms);
    }

    /// This many percent of the whole talk, in milliseconds.
    pub(super) fn share_ms(&mut self, percent: Range<u64>) -> u64 {
        self.talk.ms() * self.rng.random_range(percent) / 100
    }

    /// As often as in a brief talk, or until it has lasted as long as it is to.
    pub(super) fn repeatedly(&mut self, brief: Range<u32>, turn: impl Fn(&mut Self)) {
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

    fn say(&mut self, phrases: &[&str]) {
        let phrase = phrases[self.rng.random_range(0..phrases.len())];
        self.send("/speech-result", "in-progress", &[("SpeechResult", phrase)]);
    }

    /// The caller says goodbye, and we hang up. If our answer is lost, Twilio requests the fallback
    /// URL of the number, and the caller talks on and says goodbye again.
    pub(super) fn goodbye(&mut self, start_ms: u64) {
        self.wait(2_000, 6_000);
        self.say(FAREWELLS);
        // Without an agent in its URL a number's fallback leads to the number's agent.
        let has_fallback = self.number_agent.is_some() || *self.agent == *self.line.id;
        let may_lose = self.may_lose_answers && has_fallback;
        while may_lose && self.rng.random_ratio(1, ANSWER_LOST_ONE_IN) {
            // A reverse proxy answers 502, or the connection breaks: that is noticed soon.
            self.wait(50, 400);
            self.url_agent.clone_from(&self.number_agent);
            self.move_to(self.line.id);
            let error =
                [("ErrorCode", "11205"), ("ErrorUrl", "https://agents.example.com/speech-result")];
            self.send("/voice", "in-progress", &error);
            self.talk_for(15_000);
            self.wait(2_000, 6_000);
            self.say(FAREWELLS);
        }
        let end_ms = self.now_ms;
        self.course.turn(end_ms, None);
        self.wait(800, 2_000);
        self.over("completed", end_ms - start_ms);
    }

    /// The caller ends the call, with a goodbye or without.
    pub(super) fn close(&mut self, start_ms: u64) {
        if self.rng.random_bool(0.5) {
            return self.goodbye(start_ms);
        }
        self.hang_up(start_ms);
    }

    /// From now on this agent has the call.
    pub(super) fn move_to(&mut self, agent: &str) {
        self.agent = agent.into();
        self.turn(Party::Agent);
    }
}
