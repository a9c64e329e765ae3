//! Webhooks become evidence as they do in the backend.

use live_users_core::{EndReason, Evidence, Said, Source};
use live_users_intake::agents::Agents;
use live_users_intake::evidence::{Attribution, of_webhook};
use live_users_intake::{CallerKey, Farewell};
use live_users_twilio::{Form, Webhook as Parsed};

use super::calls::AGENT_NUMBERS;
use crate::world::Webhook;

/// What it takes to read a webhook.
pub(super) struct Reading {
    pub(super) agents: Agents,
    pub(super) key: CallerKey,
    farewell: Farewell,
}

impl Reading {
    pub(super) fn new() -> Self {
        let numbers = AGENT_NUMBERS.iter().enumerate().map(|(n, number)| {
            format!(
                "[[agent]]\nid = \"agent-{n}\"\nname = \"Agent {n}\"\nnumbers = [\"{number}\"]\n"
            )
        });
        let (agents, _) = Agents::parse(&numbers.collect::<String>());
        Self { agents, key: key(), farewell: Farewell::default() }
    }

    /// What a webhook says.
    ///
    /// # Errors
    /// Why it would be refused.
    pub(super) fn evidence(&self, webhook: &Webhook) -> Result<Evidence, String> {
        let fields = webhook.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let parsed = Parsed::parse(&Form::from_pairs(fields));
        let parsed = parsed.map_err(|mistakes| format!("a webhook is refused: {mistakes:?}"))?;
        let source = match webhook.path {
            "/voice" => Source::Voice,
            "/speech-result" => Source::Speech,
            _ => Source::StatusCallback,
        };
        let attribution = Attribution::of(None, Some(&parsed), &self.agents);
        let mut evidence = of_webhook(&parsed, source, attribution, &self.key)
            .map_err(|error| format!("a webhook is refused: {error}"))?;
        let heard = parsed.speech_result.as_deref().unwrap_or_default();
        if source == Source::Speech && self.farewell.is_meant(heard) {
            evidence.said = Said::Over(EndReason::Goodbye);
        }
        Ok(evidence)
    }
}

/// The same for everybody here: these callers do not exist.
pub(super) fn key() -> CallerKey {
    CallerKey::new("simulated callers have no secrets").expect("it is long enough")
}
