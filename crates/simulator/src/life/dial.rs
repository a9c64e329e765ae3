//! Hand-overs by `<Dial>`: to a colleague, to an AI host, to another agent.

use rand::{Rng, RngExt};

use super::{AgentLine, Writer, any_sid};
use crate::truth::Party;

/// The phones of colleagues. No caller has one of these numbers.
pub(super) const COLLEAGUES: [&str; 3] = ["+12065560140", "+13125560141", "+442079461042"];
/// An AI host that answers by SIP.
const AI_HOST: &str = "sip:proj_abc@sip.api.openai.com;transport=tls";

/// A leg of the call.
pub(super) struct Leg {
    pub(super) sid: String,
    from: String,
    to: String,
    sequence: u32,
    answered_ms: Option<u64>,
}

/// How the person comes out of a conversation with a colleague.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// The person has hung up.
    HungUp,
    /// The person is back with the agent.
    Back,
}

impl<R: Rng> Writer<'_, R> {
    /// Talks, is handed over by `<Dial><Number>`, and perhaps comes back.
    pub(super) fn dial_person(&mut self) {
        let start_ms = self.begin();
        self.talk_share(20..60);
        if self.dial_colleague(start_ms) == After::Back {
            self.talk_share(10..40);
            self.close(start_ms);
        }
    }

    /// Talks with an AI host that is dialled by SIP, and then with a colleague.
    pub(super) fn dial_sip(&mut self) {
        let start_ms = self.begin();
        self.wait(200, 600);
        let mut leg = self.leg(AI_HOST);
        self.report(&mut leg, "initiated");
        self.wait(200, 900);
        self.report(&mut leg, "in-progress");
        self.now_ms += self.share_ms(30..90);
        self.report(&mut leg, "completed");
        self.wait(50, 200);
        self.dial_action(&leg, "completed");
        self.wait(50, 200);
        if self.dial_colleague(start_ms) == After::Back {
            self.talk_share(10..20);
            self.close(start_ms);
        }
    }

    /// Talks with one agent, which dials another one. Twilio calls the other agent's number: that
    /// is a call of its own, which is nobody.
    pub(super) fn dial_agent(&mut self) {
        let start_ms = self.begin();
        self.talk_share(20..60);
        let other = self.another_agent();
        let home = self.agent.clone();
        let far_end = any_sid(self.rng);
        let mut leg = self.leg(other.number);
        leg.from = self.line.number.to_owned();
        self.report(&mut leg, "initiated");
        self.wait(100, 400);
        self.far_end(&far_end, other, "/voice", "ringing", &[]);
        self.wait(50, 400);
        self.move_to(other.id);
        self.report(&mut leg, "in-progress");
        let until_ms = self.now_ms + self.share_ms(20..60);
        while self.now_ms < until_ms {
            self.wait(3_000, 9_000);
            let said = [("SpeechResult", "I would like to book a table for four")];
            self.far_end(&far_end, other, "/speech-result", "in-progress", &said);
        }
        self.wait(2_000, 5_000);
        let is_back = self.rng.random_bool(0.4);
        match is_back {
            true => self.move_to(&home),
            false => self.course.turn(self.now_ms, None),
        }
        self.report(&mut leg, "completed");
        let seconds = leg.seconds(self.now_ms);
        self.far_end(
            &far_end,
            other,
            "/call-status",
            "completed",
            &[("CallDuration", &seconds), ("SequenceNumber", "0")],
        );
        match is_back {
            true => {
                self.wait(50, 200);
                self.dial_action(&leg, "completed");
                self.talk_share(10..40);
                self.close(start_ms);
            }
            false => self.over("completed", self.now_ms - start_ms),
        }
    }

    /// A colleague is dialled. One in five does not pick up; half of the callers come back.
    pub(super) fn dial_colleague(&mut self, start_ms: u64) -> After {
        let to = COLLEAGUES[self.rng.random_range(0..COLLEAGUES.len())];
        let mut leg = self.leg(to);
        self.turn(Party::Waiting);
        self.report(&mut leg, "initiated");
        self.wait(500, 1_500);
        self.report(&mut leg, "ringing");
        self.wait(2_000, 9_000);
        if self.rng.random_bool(0.2) {
            self.turn(Party::Agent);
            self.report(&mut leg, "no-answer");
            self.wait(50, 200);
            self.dial_action(&leg, "no-answer");
            return After::Back;
        }
        self.turn(Party::Person);
        self.report(&mut leg, "in-progress");
        self.now_ms += self.share_ms(20..120);
        if self.rng.random_bool(0.5) {
            self.turn(Party::Agent);
            self.report(&mut leg, "completed");
            self.wait(50, 200);
            self.dial_action(&leg, "completed");
            return After::Back;
        }
        self.hang_up(start_ms);
        self.wait(50, 300);
        self.report(&mut leg, "completed");
        After::HungUp
    }

    /// A leg to this number or address. It shows the caller's number or the agent's.
    fn leg(&mut self, to: &str) -> Leg {
        let from = match self.rng.random_bool(0.5) {
            true => self.caller.number.clone(),
            false => self.line.number.to_owned(),
        };
        let sid = any_sid(self.rng);
        Leg { sid, from, to: to.to_owned(), sequence: 0, answered_ms: None }
    }

    /// A status callback of a leg.
    fn report(&mut self, leg: &mut Leg, status: &str) {
        if status == "in-progress" {
            leg.answered_ms = Some(self.now_ms);
        }
        let (parent, sequence) = (self.sid.clone(), leg.sequence.to_string());
        leg.sequence += 1;
        let seconds = leg.seconds(self.now_ms);
        let mut fields = vec![
            ("AccountSid", super::ACCOUNT),
            ("ApiVersion", "2010-04-01"),
            ("CallSid", leg.sid.as_str()),
            ("ParentCallSid", parent.as_str()),
            ("CallStatus", status),
            ("Direction", "outbound-dial"),
            ("From", leg.from.as_str()),
            ("Caller", leg.from.as_str()),
            ("To", leg.to.as_str()),
            ("Called", leg.to.as_str()),
            ("SequenceNumber", sequence.as_str()),
            ("CallbackSource", "call-progress-events"),
        ];
        if matches!(status, "completed" | "no-answer") {
            fields.push(("CallDuration", &seconds));
        }
        self.post("/call-status", None, &fields);
    }

    /// The request that follows a `<Dial>`.
    fn dial_action(&mut self, leg: &Leg, status: &str) {
        let seconds = leg.seconds(self.now_ms);
        let bridged = if leg.answered_ms.is_some() { "true" } else { "false" };
        let more = [
            ("DialCallSid", leg.sid.as_str()),
            ("DialCallStatus", status),
            ("DialCallDuration", &seconds),
            ("DialBridged", bridged),
        ];
        self.send("/voice", "in-progress", &more);
    }

    /// A webhook of the call that another agent's number gets from us.
    fn far_end(
        &mut self,
        sid: &str,
        agent: AgentLine<'_>,
        path: &'static str,
        status: &str,
        more: &[(&str, &str)],
    ) {
        let from = self.line.number;
        let mut fields = vec![
            ("AccountSid", super::ACCOUNT),
            ("ApiVersion", "2010-04-01"),
            ("CallSid", sid),
            ("CallStatus", status),
            ("Direction", "inbound"),
            ("From", from),
            ("Caller", from),
            ("To", agent.number),
            ("Called", agent.number),
            ("FromCountry", "US"),
            ("ToCountry", "US"),
        ];
        fields.extend(more);
        self.post(path, None, &fields);
    }
}

impl Leg {
    fn seconds(&self, now_ms: u64) -> String {
        (self.answered_ms.map_or(0, |answered_ms| now_ms - answered_ms) / 1_000).to_string()
    }
}
