//! Outbound calls with machine detection, as a campaign makes them.
//!
//! Nobody knows what has picked up before it is detected. Until then a call that was answered is
//! with its agent, in the truth as in every number; from the detection on a machine is a machine.

use rand::{Rng, RngExt};

use super::Writer;
use crate::truth::Party;

/// What picks up, how its detection is reported, and how often that is met, in percent.
const OUTCOMES: &[(Outcome, u32)] = &[
    (Outcome::Detected("machine_start"), 15),
    (Outcome::Detected("machine_end_beep"), 10),
    (Outcome::Reported("machine_end_beep"), 8),
    (Outcome::Reported("machine_end_silence"), 4),
    (Outcome::Reported("machine_end_other"), 3),
    (Outcome::Detected("fax"), 3),
    (Outcome::Detected("human"), 15),
    (Outcome::Reported("human"), 15),
    (Outcome::Detected("unknown"), 7),
    (Outcome::Ends("busy"), 8),
    (Outcome::Ends("no-answer"), 12),
];

#[derive(Clone, Copy)]
enum Outcome {
    /// The detection is synchronous: the request for TwiML waits for it and has the result.
    Detected(&'static str),
    /// It is asynchronous: a callback of its own has the result, while the agent talks.
    Reported(&'static str),
    /// Nobody picks up.
    Ends(&'static str),
}

impl<R: Rng> Writer<'_, R> {
    pub(super) fn campaign(&mut self) {
        self.outbound = true;
        self.turn(Party::Waiting);
        self.progress("initiated");
        self.wait(500, 1_500);
        self.progress("ringing");
        self.wait(2_000, 12_000);
        let answered_ms = self.now_ms;
        let by = match Outcome::any(self.rng) {
            Outcome::Ends(status) => return self.nobody(status),
            Outcome::Detected(by) => {
                self.turn(Party::Agent);
                self.progress("in-progress");
                let detected_ms = self.detection_ms();
                self.now_ms += detected_ms;
                self.detect(by);
                let duration =
                    [("AnsweredBy", by), ("MachineDetectionDuration", &detected_ms.to_string())];
                self.send("/voice", "in-progress", &duration);
                by
            }
            Outcome::Reported(by) => {
                self.turn(Party::Agent);
                self.progress("in-progress");
                self.send("/voice", "in-progress", &[]);
                let detected_ms = self.detection_ms();
                self.now_ms += detected_ms;
                self.detect(by);
                let (sid, detected) = (self.sid.clone(), detected_ms.to_string());
                let fields = [
                    ("CallSid", sid.as_str()),
                    ("AccountSid", super::ACCOUNT),
                    ("AnsweredBy", by),
                    ("MachineDetectionDuration", &detected),
                ];
                self.post("/call-status", None, &fields);
                by
            }
        };
        match by {
            "human" | "unknown" => self.talk(),
            // The agent leaves its message.
            _ => self.wait(8_000, 30_000),
        }
        self.hang_up(answered_ms);
    }

    fn detection_ms(&mut self) -> u64 {
        self.rng.random_range(3_000..6_000)
    }

    fn detect(&mut self, by: &'static str) {
        self.answered_by = Some(by);
        if !matches!(by, "human" | "unknown") {
            self.turn(Party::Machine);
        }
    }
}

impl Outcome {
    fn any(rng: &mut impl Rng) -> Self {
        let mut drawn = rng.random_range(0..OUTCOMES.iter().map(|(_, share)| share).sum());
        for (outcome, share) in OUTCOMES {
            match drawn.checked_sub(*share) {
                Some(rest) => drawn = rest,
                None => return *outcome,
            }
        }
        Self::Ends("failed")
    }
}
