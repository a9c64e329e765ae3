//! Checks that a system still knows what it has acknowledged. This is done from outside, so that no
//! bug of a system can hide from its own checks.

use std::collections::HashSet;

use live_users_intake::Farewell;

use super::system::System;
use crate::world::Webhook;

/// The statuses that end a call.
const OVER: [&str; 5] = ["completed", "busy", "failed", "no-answer", "canceled"];

/// The calls with an acknowledgement that binds the system.
#[derive(Debug, Default)]
pub(super) struct Durability {
    /// The end was acknowledged. These calls are never up again.
    over: HashSet<String>,
    /// The caller was acknowledged as on the line. These calls are up until the caller hangs up.
    on_the_line: HashSet<String>,
    /// The caller has said goodbye, so that the system may take the call for over. Only a request
    /// to the fallback URL says for sure that it goes on.
    left: HashSet<String>,
    farewell: Farewell,
}

impl Durability {
    /// Notes an acknowledged webhook. `is_up` is the truth about its call.
    pub(super) fn acknowledge(&mut self, webhook: &Webhook, is_up: bool) {
        if !webhook.field("ParentCallSid").is_empty() {
            return;
        }
        let call = webhook.field("CallSid");
        let status = webhook.field("CallStatus");
        let inbound = webhook.field("Direction") == "inbound";
        if OVER.contains(&status) {
            self.over.insert(call.to_owned());
            self.on_the_line.remove(call);
        } else if self.farewell.is_meant(webhook.field("SpeechResult")) {
            self.left.insert(call.to_owned());
            self.on_the_line.remove(call);
        } else if !webhook.field("ErrorUrl").is_empty() {
            self.left.remove(call);
        }
        let is_answered = status == "in-progress" || (inbound && webhook.path == "/voice");
        if is_up && is_answered && !self.over.contains(call) && !self.left.contains(call) {
            self.on_the_line.insert(call.to_owned());
        }
    }

    /// The caller has hung up. The system may know it or not.
    pub(super) fn leave(&mut self, call: &str) {
        self.on_the_line.remove(call);
        self.left.remove(call);
    }

    /// Describes the broken promise about this call, if there is one. `is_up` is the truth.
    pub(super) fn broken(&self, system: &dyn System, call: &str, is_up: bool) -> Option<String> {
        match system.is_durably_up(call)? {
            true if self.over.contains(call) => {
                Some(format!("the end of {call} was acknowledged, and it is counted"))
            }
            false if is_up && self.on_the_line.contains(call) => {
                Some(format!("{call} was acknowledged as live, is live, and is not counted"))
            }
            _ => None,
        }
    }
}
