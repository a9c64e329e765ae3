//! What carriers send: Twilio itself, SignalWire, Telnyx, Plivo, Vonage and jambonz.

use serde_json::{Value, json};

use super::plot::Outcome;
use super::script::{Body, Moment, Script, Sign};

/// The number of the colleague, who is no agent.
const COLLEAGUE: &str = "+15005550107";

type Fields = Vec<(&'static str, String)>;

/// The voice request of a call that comes in, which is passed on, and its end. The platform makes
/// the calls that go out and has their callbacks, so only Twilio's list tells of them.
pub(super) fn twilio(script: &mut Script<'_>, moment: Moment) {
    let is_inbound = script.plot.inbound;
    let (sign, path, status) = match moment {
        Moment::Begins if is_inbound => (Sign::Plus, "/voice", "ringing"),
        Moment::Begins => (Sign::Nothing, "/call-status", "initiated"),
        Moment::Rings if !is_inbound => (Sign::Nothing, "/call-status", "ringing"),
        Moment::Answered if !is_inbound => (Sign::Nothing, "/call-status", "in-progress"),
        Moment::Over(outcome) => (Sign::Minus, "/call-status", status_of(outcome)),
        _ => return,
    };
    let (from, to) = script.plot.ends();
    let fields = pairs([
        ("CallSid", &script.ids.sid),
        ("AccountSid", "AC00000000000000000000000000000001"),
        ("From", from),
        ("To", to),
        ("Direction", if is_inbound { "inbound" } else { "outbound-api" }),
        ("CallStatus", status),
    ]);
    script.send(sign, Body::Twilio { path, fields, is_sent: is_inbound });
}

fn pairs<const N: usize>(fields: [(&'static str, &str); N]) -> Fields {
    fields.into_iter().map(|(name, value)| (name, value.to_owned())).collect()
}

/// In the words of Twilio and of those who took them over.
fn status_of(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Answered | Outcome::Voicemail => "completed",
        Outcome::NoAnswer => "no-answer",
        Outcome::Busy => "busy",
        Outcome::GivenUp => "canceled",
    }
}

/// Forms as Twilio's, of the call and of the leg to the colleague. The answer is told twice, in two
/// words.
pub(super) fn signalwire(script: &mut Script<'_>, moment: Moment) {
    let is_inbound = script.plot.inbound;
    let own = |script: &Script<'_>, status: &str| {
        let (from, to) = script.plot.ends();
        let direction = if is_inbound { "inbound" } else { "outbound-api" };
        let call = &script.ids.call;
        pairs([
            ("CallSid", call),
            ("From", from),
            ("To", to),
            ("Direction", direction),
            ("CallStatus", status),
        ])
    };
    let leg = |script: &Script<'_>, status: &str| {
        pairs([
            ("CallSid", &script.ids.leg),
            ("ParentCallSid", &script.ids.call),
            ("From", script.plot.line.number),
            ("To", COLLEAGUE),
            ("Direction", "outbound-dial"),
            ("CallStatus", status),
        ])
    };
    match moment {
        Moment::Begins if !is_inbound => script.send_form(Sign::Nothing, own(script, "initiated")),
        Moment::Rings => script.send_form(Sign::Nothing, own(script, "ringing")),
        Moment::Answered => {
            script.send_form(Sign::Plus, own(script, "in-progress"));
            script.later(0..50);
            script.send_form(Sign::Plus, own(script, "answered"));
        }
        Moment::Voicemail => {
            let mut fields = own(script, "in-progress");
            fields.retain(|(name, _)| *name != "CallStatus" && *name != "Direction");
            fields.push(("AnsweredBy", "machine_start".to_owned()));
            script.send_form(Sign::Nothing, fields);
        }
        Moment::Dials => {
            script.send_form(Sign::Nothing, leg(script, "initiated"));
            script.later(100..300);
            script.send_form(Sign::Nothing, leg(script, "ringing"));
        }
        Moment::HandedOver => script.send_form(Sign::Nothing, leg(script, "answered")),
        Moment::Back => {
            script.send_form(Sign::Nothing, leg(script, "completed"));
            let mut fields = own(script, "in-progress");
            fields.push(("DialCallSid", script.ids.leg.clone()));
            fields.push(("DialCallStatus", "completed".to_owned()));
            script.send_form(Sign::Nothing, fields);
        }
        Moment::Over(outcome) => script.send_form(Sign::Minus, own(script, status_of(outcome))),
        Moment::Begins | Moment::Alive => {}
    }
}

/// Forms of TeXML, without `Direction`. An application has the caller by itself.
pub(super) fn texml(script: &mut Script<'_>, moment: Moment) {
    let (sign, status) = match moment {
        Moment::Begins if !script.plot.inbound => (Sign::Nothing, "initiated"),
        Moment::Rings => (Sign::Nothing, "ringing"),
        Moment::Answered => (Sign::Plus, "in-progress"),
        Moment::Over(outcome) => (Sign::Minus, status_of(outcome)),
        Moment::Dials | Moment::HandedOver | Moment::Back => return texml_leg(script, moment),
        _ => return,
    };
    let (from, to) = script.plot.ends();
    let call = call_control(&script.ids.call);
    let fields = [("CallSid", &*call), ("From", from), ("To", to), ("CallStatus", status)];
    script.send_form(sign, pairs(fields));
}

/// The leg of a `<Dial>`, and that the verb is over.
fn texml_leg(script: &mut Script<'_>, moment: Moment) {
    let (call, leg) = (call_control(&script.ids.call), call_control(&script.ids.leg));
    let ours = script.plot.line.number;
    let of_leg = |status| {
        pairs([
            ("CallSid", &leg),
            ("ParentCallSid", &call),
            ("From", ours),
            ("To", COLLEAGUE),
            ("CallStatus", status),
        ])
    };
    match moment {
        Moment::Dials => script.send_form(Sign::Nothing, of_leg("ringing")),
        Moment::HandedOver => script.send_form(Sign::Nothing, of_leg("in-progress")),
        _ => {
            let (from, to) = script.plot.ends();
            let fields = [
                ("CallSid", &*call),
                ("From", from),
                ("To", to),
                ("CallStatus", "in-progress"),
                ("DialCallSid", &leg),
                ("DialCallStatus", "completed"),
            ];
            script.send_form(Sign::Nothing, pairs(fields));
        }
    }
}

fn call_control(id: &str) -> String {
    format!("v3:{id}{}", &id[..16])
}

/// Events of Call Control. The leg to the colleague shares the session of the call, and no more.
pub(super) fn telnyx(script: &mut Script<'_>, moment: Moment) {
    let (call, leg) = (script.ids.call.clone(), script.ids.leg.clone());
    let own = |script: &mut Script<'_>, sign, kind: &str, more: Value| {
        let direction = if script.plot.inbound { "incoming" } else { "outgoing" };
        let (from, to) = script.plot.ends();
        telnyx_event(script, sign, kind, (&call, direction, from, to), more);
    };
    let colleague = |script: &mut Script<'_>, kind: &str, more: Value| {
        let ends = (&*leg, "outgoing", script.plot.line.number, COLLEAGUE);
        telnyx_event(script, Sign::Nothing, kind, ends, more);
    };
    match moment {
        Moment::Begins => own(script, Sign::Nothing, "call.initiated", json!({})),
        Moment::Answered => {
            own(script, Sign::Plus, "call.answered", json!({}));
            script.later(100..400);
            own(script, Sign::Plus, "call.streaming.started", json!({}));
        }
        Moment::Voicemail => {
            let machine = json!({"result": "machine"});
            own(script, Sign::Nothing, "call.machine.detection.ended", machine);
        }
        Moment::Dials => colleague(script, "call.initiated", json!({})),
        Moment::HandedOver => {
            colleague(script, "call.answered", json!({}));
            script.later(20..100);
            colleague(script, "call.bridged", json!({}));
            own(script, Sign::Nothing, "call.bridged", json!({}));
        }
        Moment::Over(outcome) => {
            let cause = match outcome {
                Outcome::Answered | Outcome::Voicemail => "normal_clearing",
                Outcome::NoAnswer => "no_answer",
                Outcome::Busy => "user_busy",
                Outcome::GivenUp => "originator_cancel",
            };
            own(script, Sign::Minus, "call.hangup", json!({"hangup_cause": cause}));
            if outcome == Outcome::Answered && script.plot.hand_over.is_some() {
                colleague(script, "call.hangup", json!({"hangup_cause": "normal_clearing"}));
            }
        }
        Moment::Rings | Moment::Back | Moment::Alive => {}
    }
}

fn telnyx_event(
    script: &mut Script<'_>,
    sign: Sign,
    kind: &str,
    (id, direction, from, to): (&str, &str, &str, &str),
    more: Value,
) {
    let mut payload = more;
    payload["call_control_id"] = json!(call_control(id));
    payload["call_leg_id"] = json!(id);
    payload["call_session_id"] = json!(script.ids.hex);
    payload["connection_id"] = json!("1234567890");
    payload["direction"] = json!(direction);
    payload["from"] = json!(from);
    payload["to"] = json!(to);
    let body = json!({"data": {
        "event_type": kind,
        "id": script.own_id(),
        "occurred_at": script.timestamp(),
        "payload": payload,
    }});
    script.send_json(sign, &body);
}

/// Forms of the call, and of the leg of a `<Dial>` from its answer on.
pub(super) fn plivo(script: &mut Script<'_>, moment: Moment) {
    let own = |script: &Script<'_>, status: &str| {
        let (from, to) = script.plot.ends();
        let digits = |it: &str| it.trim_start_matches('+').to_owned();
        let direction = if script.plot.inbound { "inbound" } else { "outbound" };
        vec![
            ("CallUUID", script.ids.call.clone()),
            ("From", digits(from)),
            ("To", digits(to)),
            ("Direction", direction.to_owned()),
            ("CallStatus", status.to_owned()),
        ]
    };
    let with = |fields: Fields, more: Fields| [fields, more].concat();
    let up = own(script, "in-progress");
    match moment {
        Moment::Rings => script.send_form(Sign::Nothing, own(script, "ringing")),
        Moment::Answered => script.send_form(Sign::Plus, up),
        Moment::Voicemail => {
            script.send_form(Sign::Nothing, with(up, pairs([("Machine", "true")])));
        }
        Moment::HandedOver => {
            let leg = pairs([
                ("DialAction", "answer"),
                ("DialBLegUUID", &script.ids.leg),
                ("DialBLegFrom", script.plot.line.number),
                ("DialBLegTo", COLLEAGUE),
            ]);
            script.send_form(Sign::Nothing, with(up, leg));
        }
        Moment::Back => {
            let leg = &script.ids.leg;
            let hangup = with(up.clone(), pairs([("DialAction", "hangup"), ("DialBLegUUID", leg)]));
            let action = with(up, pairs([("DialStatus", "completed"), ("DialBLegUUID", leg)]));
            script.send_form(Sign::Nothing, hangup);
            script.send_form(Sign::Nothing, action);
        }
        Moment::Over(outcome) => {
            let status = match outcome {
                Outcome::GivenUp => "cancel",
                Outcome::Voicemail => "machine",
                other => status_of(other),
            };
            let cause = pairs([("HangupCause", "NORMAL_CLEARING")]);
            script.send_form(Sign::Minus, with(own(script, status), cause));
        }
        Moment::Begins | Moment::Dials | Moment::Alive => {}
    }
}

/// Events of the call, of the leg of the application that has it, and of the leg to a colleague, which
/// shares its conversation, and no more.
pub(super) fn vonage(script: &mut Script<'_>, moment: Moment) {
    let own = |script: &mut Script<'_>, sign, status: &str| {
        let (from, to) = script.plot.ends();
        let direction = if script.plot.inbound { "inbound" } else { "outbound" };
        let id = script.ids.call.clone();
        vonage_event(script, sign, status, (&id, direction, from, to));
    };
    let colleague = |script: &mut Script<'_>, status: &str| {
        let (id, ours) = (script.ids.leg.clone(), script.plot.line.number);
        vonage_event(script, Sign::Nothing, status, (&id, "outbound", ours, COLLEAGUE));
    };
    let socket = |script: &mut Script<'_>, status: &str| {
        let id = format!("{}-{}", &script.ids.hex[..16], &script.ids.hex[16..]);
        let to = "wss://agent.example.com/socket";
        vonage_event(script, Sign::Nothing, status, (&id, "outbound", script.plot.line.number, to));
    };
    match moment {
        Moment::Begins if script.plot.inbound => {
            // Of one moment, and the second of the two goes ahead.
            own(script, Sign::Nothing, "ringing");
            own(script, Sign::Nothing, "started");
        }
        Moment::Begins => own(script, Sign::Nothing, "started"),
        Moment::Rings if !script.plot.inbound => own(script, Sign::Nothing, "ringing"),
        Moment::Answered => {
            own(script, Sign::Plus, "answered");
            script.later(50..200);
            socket(script, "started");
            socket(script, "answered");
        }
        Moment::Voicemail => own(script, Sign::Nothing, "machine"),
        Moment::Dials => {
            socket(script, "completed");
            colleague(script, "started");
            script.later(100..300);
            colleague(script, "ringing");
        }
        Moment::HandedOver => colleague(script, "answered"),
        Moment::Over(outcome) => {
            let status = match outcome {
                Outcome::Answered | Outcome::Voicemail => "completed",
                Outcome::NoAnswer => "unanswered",
                Outcome::Busy => "busy",
                Outcome::GivenUp => "cancelled",
            };
            own(script, Sign::Minus, status);
            let has_colleague = script.plot.hand_over.is_some() && outcome == Outcome::Answered;
            match (script.answered_ms, has_colleague) {
                (_, true) => colleague(script, "completed"),
                (Some(_), false) => socket(script, "completed"),
                (None, false) => {}
            }
        }
        Moment::Rings | Moment::Back | Moment::Alive => {}
    }
}

fn vonage_event(
    script: &mut Script<'_>,
    sign: Sign,
    status: &str,
    (id, direction, from, to): (&str, &str, &str, &str),
) {
    let digits = |it: &str| it.trim_start_matches('+').to_owned();
    let body = json!({
        "from": digits(from),
        "to": digits(to),
        "uuid": id,
        "conversation_uuid": format!("CON-{}", script.ids.call),
        "timestamp": script.timestamp(),
        "status": status,
        "direction": direction,
    });
    script.send_json(sign, &body);
}

/// Statuses of the call, and of the leg to the colleague, which names it.
pub(super) fn jambonz(script: &mut Script<'_>, moment: Moment) {
    match moment {
        Moment::Begins => jambonz_hook(script, Sign::Nothing, "trying", false),
        Moment::Rings => jambonz_hook(script, Sign::Nothing, "ringing", false),
        Moment::Answered => jambonz_hook(script, Sign::Plus, "in-progress", false),
        Moment::Dials => jambonz_hook(script, Sign::Nothing, "ringing", true),
        Moment::HandedOver => jambonz_hook(script, Sign::Nothing, "in-progress", true),
        Moment::Back => jambonz_hook(script, Sign::Nothing, "completed", true),
        Moment::Over(outcome) => {
            let status = match outcome {
                Outcome::GivenUp => "no-answer",
                other => status_of(other),
            };
            jambonz_hook(script, Sign::Minus, status, false);
        }
        Moment::Voicemail | Moment::Alive => {}
    }
}

fn jambonz_hook(script: &mut Script<'_>, sign: Sign, status: &str, is_leg: bool) {
    let (from, to) = script.plot.ends();
    let mut body = match is_leg {
        true => json!({
            "call_sid": script.ids.leg,
            "parent_call_sid": script.ids.call,
            "from": script.plot.line.number,
            "to": COLLEAGUE,
            "direction": "outbound",
        }),
        false => json!({
            "call_sid": script.ids.call,
            "from": from,
            "to": to,
            "direction": if script.plot.inbound { "inbound" } else { "outbound" },
        }),
    };
    body["call_status"] = json!(status);
    script.send_json(sign, &body);
}
