//! Hand-overs by conference: the colleague is called by the Participants API, as a call without a
//! parent.

use rand::{Rng, RngExt};

use super::dial::COLLEAGUES;
use super::{Writer, any_sid};
use crate::truth::Party;

/// A conference of the caller and a colleague.
struct Conference {
    sid: String,
    name: String,
    sequence: u32,
    /// The colleague's call.
    colleague: String,
    to: &'static str,
    call_sequence: u32,
}

/// Whom a callback of a conference is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Caller,
    Colleague,
}

impl<R: Rng> Writer<'_, R> {
    pub(super) fn conference(&mut self) {
        let start_ms = self.begin();
        self.talk_share(20..60);
        let mut room = Conference {
            sid: any_sid(self.rng).replacen("CA", "CF", 1),
            name: format!("room-{}", self.rng.random_range(0..1_000_000)),
            sequence: 0,
            colleague: any_sid(self.rng),
            to: COLLEAGUES[self.rng.random_range(0..COLLEAGUES.len())],
            call_sequence: 0,
        };
        // The agent may ask the colleague first, while the caller is still with the agent.
        let is_asked_first = self.rng.random_bool(0.3);
        if !is_asked_first {
            self.turn(Party::Waiting);
            self.part(&mut room, "participant-join", Who::Caller);
            self.wait(200, 1_000);
        }
        self.call(&mut room, "initiated");
        self.wait(500, 1_500);
        self.call(&mut room, "ringing");
        self.wait(2_000, 8_000);
        if self.rng.random_bool(0.2) {
            self.call(&mut room, "no-answer");
            if !is_asked_first {
                self.wait(50, 500);
                self.retrieve(&mut room);
            }
            self.talk_share(10..40);
            return self.close(start_ms);
        }
        self.call(&mut room, "in-progress");
        self.wait(50, 300);
        if !is_asked_first {
            self.turn(Party::Person);
        }
        self.part(&mut room, "participant-join", Who::Colleague);
        if is_asked_first {
            self.wait(1_000, 4_000);
            self.turn(Party::Person);
            self.part(&mut room, "participant-join", Who::Caller);
        }
        self.together(&mut room);
        if self.rng.random_bool(0.5) {
            self.part(&mut room, "participant-leave", Who::Caller);
            self.hang_up(start_ms);
            self.wait(200, 1_500);
            self.part(&mut room, "participant-leave", Who::Colleague);
            return self.call(&mut room, "completed");
        }
        self.turn(Party::Waiting);
        self.part(&mut room, "participant-leave", Who::Colleague);
        self.call(&mut room, "completed");
        self.wait(500, 3_000);
        self.retrieve(&mut room);
        self.talk_share(10..40);
        self.close(start_ms);
    }

    /// The caller and the colleague talk. At times the colleague puts the caller on hold.
    fn together(&mut self, room: &mut Conference) {
        self.now_ms += self.share_ms(20..80);
        if self.rng.random_bool(0.3) {
            self.turn(Party::Waiting);
            self.part(room, "participant-hold", Who::Caller);
            self.wait(5_000, 20_000);
            self.turn(Party::Person);
            self.part(room, "participant-unhold", Who::Caller);
            self.now_ms += self.share_ms(10..40);
        }
    }

    /// The agent takes the caller back.
    fn retrieve(&mut self, room: &mut Conference) {
        self.turn(Party::Agent);
        self.part(room, "participant-leave", Who::Caller);
        self.send("/voice", "in-progress", &[]);
    }

    /// A callback of the conference about the caller, or about the colleague.
    fn part(&mut self, room: &mut Conference, event: &str, who: Who) {
        room.sequence += 1;
        let sequence = room.sequence.to_string();
        let caller = self.sid.clone();
        let (sid, label) = match who {
            Who::Colleague => (&room.colleague, "colleague"),
            Who::Caller => (&caller, "customer"),
        };
        let hold = if event == "participant-hold" { "true" } else { "false" };
        let fields = [
            ("AccountSid", super::ACCOUNT),
            ("CallSid", sid.as_str()),
            ("ConferenceSid", room.sid.as_str()),
            ("FriendlyName", room.name.as_str()),
            ("StatusCallbackEvent", event),
            ("ParticipantLabel", label),
            ("SequenceNumber", sequence.as_str()),
            ("Muted", "false"),
            ("Hold", hold),
            ("Coaching", "false"),
            ("EndConferenceOnExit", "false"),
            ("StartConferenceOnEnter", "true"),
        ];
        self.post("/call-status", None, &fields);
    }

    /// A status callback of the colleague's call.
    fn call(&mut self, room: &mut Conference, status: &str) {
        let sequence = room.call_sequence.to_string();
        room.call_sequence += 1;
        let mut fields = vec![
            ("AccountSid", super::ACCOUNT),
            ("ApiVersion", "2010-04-01"),
            ("CallSid", room.colleague.as_str()),
            ("CallStatus", status),
            ("Direction", "outbound-api"),
            ("From", self.line.number),
            ("Caller", self.line.number),
            ("To", room.to),
            ("Called", room.to),
            ("SequenceNumber", sequence.as_str()),
            ("CallbackSource", "call-progress-events"),
        ];
        if matches!(status, "completed" | "no-answer") {
            fields.push(("CallDuration", "0"));
        }
        self.post("/call-status", None, &fields);
    }
}
