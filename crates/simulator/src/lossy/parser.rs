//! Turns webhooks into evidence as the backend does.

use live_users_core::{Evidence, Source};
use live_users_intake::agents::Agents;
use live_users_intake::{CallerKey, Farewell, Inbound, InboundRules};
use live_users_twilio::Form;

use super::calls::AGENTS;
use crate::caller::SHARED_NUMBERS;
use crate::life::AgentLine;
use crate::world::Webhook;

/// Everything that is needed to read a webhook.
pub(super) struct Parser {
    pub(super) agents: Agents,
    pub(super) key: CallerKey,
    farewell: Farewell,
}

impl Parser {
    pub(super) fn new() -> Self {
        let agents: String = AGENTS
            .iter()
            .map(|line| {
                let AgentLine { id, number } = line;
                format!(
                    "[[agent]]\nid = \"{id}\"\nname = \"{id}\"\nnumbers = [\"{number}\"]\n\
                     assistants = [\"proj_{id}\"]\n"
                )
            })
            .collect();
        let (agents, mistakes) = Agents::parse(&format!("shared = {SHARED_NUMBERS:?}\n{agents}"));
        debug_assert!(mistakes.is_empty(), "{mistakes:?}");
        Self { agents, key: key(), farewell: Farewell::default() }
    }

    /// The evidence in a webhook.
    ///
    /// # Errors
    /// Why the backend would refuse it.
    pub(super) fn evidence(&self, webhook: &Webhook) -> Result<Vec<Evidence>, String> {
        let fields = webhook.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let form = Form::from_pairs(fields);
        let source = match webhook.path {
            "/voice" => Source::Voice,
            "/speech-result" => Source::Speech,
            _ => Source::StatusCallback,
        };
        let Self { agents, key, farewell } = self;
        let rules = InboundRules { agents, key, farewell, accounts: &[] };
        let inbound = Inbound::read(&form, source, webhook.agent.as_deref(), rules);
        inbound.evidence.map_err(|mistakes| format!("a webhook is refused: {mistakes:?}"))
    }
}

/// One key for all, because these callers do not exist.
pub(super) fn key() -> CallerKey {
    CallerKey::new("simulated callers have no secrets").expect("it is long enough")
}
