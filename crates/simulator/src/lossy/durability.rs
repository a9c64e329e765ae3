//! Checks that a system still knows what it has acknowledged. This is done from outside, so that no
//! bug of a system can hide from its own checks.

use std::collections::HashSet;

use super::system::System;
use crate::world::Webhook;

/// The statuses that end a call.
const OVER: [&str; 5] = ["completed", "busy", "failed", "no-answer", "canceled"];

/// The calls with an acknowledgement that binds the system.
#[derive(Debug, Default)]
pub(super) struct Durability {
    /// The end was acknowledged. These calls are never live again.
    over: HashSet<String>,
    /// The caller was acknowledged as live. These calls are live until the caller hangs up.
    on_the_line: HashSet<String>,
}

impl Durability {
    /// Notes an acknowledged webhook. `is_live` is the truth about its call.
    pub(super) fn acknowledge(&mut self, webhook: &Webhook, is_live: bool) {
        if !webhook.field("ParentCallSid").is_empty() {
            return;
        }
        let call = webhook.field("CallSid");
        let status = webhook.field("CallStatus");
        let inbound = webhook.field("Direction") == "inbound";
        if OVER.contains(&status) {
            self.over.insert(call.to_owned());
            self.on_the_line.remove(call);
        } else if is_live && (status == "in-progress" || (inbound && webhook.path == "/voice")) {
            self.on_the_line.insert(call.to_owned());
        }
    }

    /// The caller has hung up. The system may know it or not.
    pub(super) fn leave(&mut self, call: &str) {
        self.on_the_line.remove(call);
    }

    /// Describes the broken promise about this call, if there is one. `is_live` is the truth.
    pub(super) fn broken(&self, system: &dyn System, call: &str, is_live: bool) -> Option<String> {
        match system.is_durably_live(call)? {
            true if self.over.contains(call) => {
                Some(format!("the end of {call} was acknowledged, and it is counted"))
            }
            false if is_live && self.on_the_line.contains(call) => {
                Some(format!("{call} was acknowledged as live, is live, and is not counted"))
            }
            _ => None,
        }
    }
}
