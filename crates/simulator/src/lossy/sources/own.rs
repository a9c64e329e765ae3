//! What an application sends in our own words, with heartbeats.

use serde_json::json;

use super::platforms::openai_call;
use super::plot::Outcome;
use super::script::{Moment, Script, Sign};

/// Whatever happens, and every 30 s that the call is still up.
pub(super) fn events(script: &mut Script<'_>, moment: Moment) {
    let call = script.ids.call.clone();
    let is_inbound = script.plot.inbound;
    match moment {
        Moment::Begins if !is_inbound => send(script, Sign::Nothing, &call, ("started", None)),
        Moment::Answered => send(script, Sign::Plus, &call, ("answered", None)),
        Moment::Dials => send(script, Sign::Nothing, &call, ("waiting", None)),
        Moment::HandedOver => {
            send(script, Sign::Nothing, &call, ("transferred", Some(("with", "person"))));
        }
        Moment::Back => send(script, Sign::Nothing, &call, ("returned", None)),
        Moment::Alive => send(script, Sign::Nothing, &call, ("heartbeat", None)),
        Moment::Over(outcome) => {
            let reason = match outcome {
                Outcome::Answered | Outcome::Voicemail => "completed",
                Outcome::NoAnswer => "no-answer",
                Outcome::Busy => "busy",
                Outcome::GivenUp => "canceled",
            };
            send(script, Sign::Minus, &call, ("ended", Some(("reason", reason))));
        }
        Moment::Rings | Moment::Begins | Moment::Voicemail => {}
    }
}

/// What an application says of a call that OpenAI announces to it: what OpenAI does not tell.
pub(super) fn events_of_openai(script: &mut Script<'_>, moment: Moment) {
    let call = openai_call(script);
    match moment {
        Moment::HandedOver => {
            send(script, Sign::Nothing, &call, ("transferred", Some(("with", "person"))));
        }
        Moment::Alive => send(script, Sign::Nothing, &call, ("heartbeat", None)),
        // It has never heard of a call that was given up before it was announced.
        Moment::Over(Outcome::Answered | Outcome::Voicemail) => {
            send(script, Sign::Minus, &call, ("ended", None));
        }
        _ => {}
    }
}

fn send(
    script: &mut Script<'_>,
    sign: Sign,
    call: &str,
    (event, more): (&str, Option<(&str, &str)>),
) {
    let mut body = json!({
        "id": script.own_id(),
        "call": call,
        "event": event,
        "agent": script.plot.line.id,
        "caller": script.plot.number,
        "direction": if script.plot.inbound { "inbound" } else { "outbound" },
        "at": script.unix_ms(script.now_ms),
    });
    if let Some((name, value)) = more {
        body[name] = json!(value);
    }
    script.send_json(sign, &body);
}
