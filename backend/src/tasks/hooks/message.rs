//! What a hook is sent: the body, and an id that is the same each time that it is sent.

use live_users_core::Millis;
use live_users_intake::hooks::HookEvent;
use live_users_journal::Position;
use live_users_state::{CallNews, NewsKind, words};
use live_users_wire::{CallData, ChangedData, HookMessage, ThresholdData};
use serde::Serialize;

use crate::parts::clock::moment;
use crate::parts::hooks::Hook;
use crate::parts::presentation::agent_ref;

/// One message to a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) body: String,
}

/// The event that the news of a call are.
pub(super) fn event_of(what: NewsKind) -> HookEvent {
    match what {
        NewsKind::Started | NewsKind::Resumed => HookEvent::CallStarted,
        NewsKind::Ended(_) => HookEvent::CallEnded,
    }
}

/// The beginning or the end of a call.
pub(super) fn of_call(hook: &Hook, number: u64, news: &CallNews) -> Message {
    let reason = match news.what {
        NewsKind::Ended(reason) => Some(words::of_reason(reason).into_owned()),
        NewsKind::Started | NewsKind::Resumed => None,
    };
    let data = CallData {
        call_sid: news.call.to_string(),
        also: news.also.iter().map(ToString::to_string).collect(),
        agent: agent_ref(&news.agent),
        direction: news.direction.map(|it| words::of_direction(it).into_owned()),
        live_users: news.live_users,
        resumed: news.what == NewsKind::Resumed,
        reason,
        duration_ms: news.lasted_ms,
    };
    // The number begins again where an older program went on with the journal; the time does not.
    let id = format!("{}-{:x}-{number}", hook.id(), news.at.0);
    message(id, event_of(news.what), news.at, data)
}

/// The number of live users at this moment.
pub(super) fn changed(hook: &Hook, (at, when): (Position, Millis), live_users: u64) -> Message {
    let data = ChangedData { live_users, agent: hook.table.agent.clone() };
    message(id_at(hook, at, "live"), HookEvent::LiveUsersChanged, when, data)
}

/// That the threshold is reached at this moment, or is not any more.
pub(super) fn threshold(
    hook: &Hook,
    (at, when): (Position, Millis),
    live_users: u64,
    (threshold, reached): (u64, bool),
) -> Message {
    let agent = hook.table.agent.clone();
    let data = ThresholdData { live_users, threshold, reached, agent };
    message(id_at(hook, at, "threshold"), HookEvent::Threshold, when, data)
}

fn id_at(hook: &Hook, at: Position, what: &str) -> String {
    format!("{}-{:016x}-{}-{what}", hook.id(), at.epoch, at.seq)
}

pub(super) fn message(id: String, event: HookEvent, when: Millis, data: impl Serialize) -> Message {
    let kind = event.name().to_owned();
    let message = HookMessage { kind, timestamp: moment(when), data };
    let body = serde_json::to_string(&message).expect("texts and numbers are always JSON");
    Message { id, body }
}
