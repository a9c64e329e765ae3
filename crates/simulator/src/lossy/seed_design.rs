//! The design to compare with: a set of phone numbers.

use std::collections::BTreeSet;

use super::system::{Delivery, System};
use crate::rest::CallsApi;
use crate::world::Webhook;

/// A set of phone numbers in memory. `/voice` adds the number in `From`, a spoken "goodbye" or
/// "hang up" removes it, and nothing else has any effect.
#[derive(Debug, Default)]
pub struct SeedDesign {
    numbers: BTreeSet<String>,
    is_down: bool,
}

impl System for SeedDesign {
    fn name(&self) -> &'static str {
        "seed-design"
    }

    fn deliver(&mut self, _now_ms: u64, webhook: &Webhook) -> Delivery {
        if self.is_down {
            return Delivery::NoConnection;
        }
        let from = webhook.field("From");
        match webhook.path {
            "/voice" => drop(self.numbers.insert(from.to_owned())),
            "/speech-result" => {
                let said = webhook.field("SpeechResult").to_lowercase();
                if said.contains("goodbye") || said.contains("hang up") {
                    self.numbers.remove(from);
                }
            }
            _ => {}
        }
        Delivery::Recorded
    }

    fn tick(&mut self, _now_ms: u64, _api: &mut CallsApi) {}

    fn wake_ms(&self) -> Option<u64> {
        None
    }

    fn shown(&self) -> Option<u64> {
        (!self.is_down).then_some(self.numbers.len() as u64)
    }

    fn is_live(&self, _call_sid: &str) -> Option<bool> {
        None
    }

    fn kill(&mut self, _now_ms: u64) {
        self.numbers.clear();
        self.is_down = true;
    }

    fn start(&mut self, _now_ms: u64) {
        self.is_down = false;
    }

    fn check(&mut self) -> Result<(), String> {
        Ok(())
    }
}
