//! What a system has acknowledged it has to know from then on, whatever it says of itself: checked
//! from outside, so that no bug of a system can hide from its own checks.

use std::collections::HashSet;

use super::system::System;
use crate::world::Webhook;

/// The statuses that end a call.
const OVER: [&str; 5] = ["completed", "busy", "failed", "no-answer", "canceled"];

/// The calls of which something was acknowledged that binds.
#[derive(Debug, Default)]
pub(super) struct Durability {
    /// Their end was: they are not live, for ever.
    over: HashSet<String>,
    /// That the caller is on the line was: they are live until the caller hangs up.
    on_the_line: HashSet<String>,
}

impl Durability {
    /// A webhook was acknowledged; `is_live` is the truth about its call.
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

    /// The caller has hung up: the system may know or not.
    pub(super) fn leave(&mut self, call: &str) {
        self.on_the_line.remove(call);
    }

    /// Which promise about this call is broken, if one is. `is_live` is the truth.
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
