//! Takes webhooks of sources in, as the backend's handler does.
//!
//! What a webhook says, what follows from that, and the counting are the code that ships. Mirrored
//! here is what the handler does around it, `backend/src/http/sources.rs`: an event with an id
//! counts once, and the end of a room is that of the calls in it. Signatures are left out, and so
//! is the rule for what is older than a day.

use std::collections::BTreeSet;

use live_users_intake::of_source_event;
use live_users_intake::sources::SourceSettings;
use live_users_sources::{Kind, Request};
use live_users_state::State;
use live_users_twilio::Form;

use super::script::{Body, Hook};
use super::worlds::SourceWorld;
use crate::lossy::live_users::LiveUsers;
use crate::lossy::parser::Parser;
use crate::lossy::system::{Delivery, System};
use crate::world::Webhook;

/// Who may tell of calls, and what was told.
pub(super) struct Reader {
    /// In the order of the world's tellers; `None` is Twilio.
    sources: Vec<Option<(&'static Kind, SourceSettings)>>,
    /// The events with ids that were recorded.
    repeats: BTreeSet<(usize, String)>,
}

impl Reader {
    pub(super) fn new(world: &SourceWorld, longest_call_minutes: Option<u32>) -> Self {
        let sources = world.tellers.iter().map(|teller| {
            let kind = teller.kind.and_then(Kind::named);
            kind.zip(teller.settings(longest_call_minutes))
        });
        Self { sources: sources.collect(), repeats: BTreeSet::new() }
    }

    /// The process ends, and what it had in memory.
    pub(super) fn kill(&mut self) {
        self.repeats.clear();
    }

    /// Delivers a webhook.
    ///
    /// # Errors
    /// If the source's kind cannot read it.
    pub(super) fn deliver(
        &mut self,
        users: &mut LiveUsers,
        now_ms: u64,
        hook: &Hook,
    ) -> Result<Delivery, String> {
        let (body, content_type) = match &hook.body {
            Body::Twilio { path, fields, .. } => {
                return Ok(users.deliver(now_ms, &webhook(hook.at_ms, path, fields)));
            }
            Body::Json(text) => (text.clone(), "application/json"),
            Body::Form(fields) => {
                let fields = fields.iter().map(|(name, value)| (*name, value.as_str()));
                let form = Form::from_pairs(fields).encode();
                (form, "application/x-www-form-urlencoded")
            }
        };
        let Some((kind, settings)) = &self.sources[hook.teller] else {
            return Err("a source without a kind".to_owned());
        };
        let header = |name: &str| (name == "content-type").then_some(content_type);
        let url = "https://calls.example.com/sources/one";
        let request = Request { method: "POST", url, header: &header, body: body.as_bytes() };
        let reading = (kind.read)(&request).map_err(|why| format!("{}: {why}", kind.name))?;
        for event in reading.events {
            let id = event.id.clone().map(|id| (hook.teller, id));
            if id.as_ref().is_some_and(|id| self.repeats.contains(id)) {
                continue;
            }
            let read = |parser: &Parser, state: &State| {
                let known = (&parser.agents, &parser.key);
                of_source_event(settings, &event, known, Some(state.tracker()))
            };
            let delivery = users.record(now_ms, read);
            if delivery != Delivery::Recorded {
                return Ok(delivery);
            }
            self.repeats.extend(id);
        }
        Ok(match users.is_up() {
            true => Delivery::Recorded,
            false => Delivery::NoConnection,
        })
    }
}

/// A webhook of Twilio's.
pub(super) fn webhook(
    at_ms: u64,
    path: &'static str,
    fields: &[(&'static str, String)],
) -> Webhook {
    let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    Webhook { at_ms, path, agent: None, fields: fields.collect() }
}
