//! What platforms of voice agents send: Vapi, Retell, LiveKit, ElevenLabs and OpenAI.
//!
//! Bodies have the fields of the test vectors of `crates/sources`, without what says nothing of the
//! call.

use serde_json::{Value, json};

use super::plot::Outcome;
use super::script::{Moment, Script, Sign};

/// Status updates, and a report some seconds after the end, which repeats it.
pub(super) fn vapi(script: &mut Script<'_>, moment: Moment) {
    let update = |status: &str| json!({"type": "status-update", "status": status});
    let ended = |script: &mut Script<'_>, reason: &str| {
        let body = json!({"type": "status-update", "status": "ended", "endedReason": reason});
        vapi_message(script, Sign::Minus, body);
        let mut report = json!({"type": "end-of-call-report", "endedReason": reason});
        if script.answered_ms.is_some() {
            report["endedAt"] = json!(script.timestamp());
        }
        script.later(3_000..10_000);
        vapi_message(script, Sign::Minus, report);
    };
    match moment {
        Moment::Begins if !script.plot.inbound => {
            vapi_message(script, Sign::Nothing, update("queued"));
        }
        Moment::Rings => vapi_message(script, Sign::Nothing, update("ringing")),
        Moment::Answered => vapi_message(script, Sign::Plus, update("in-progress")),
        Moment::HandedOver => {
            vapi_message(script, Sign::Nothing, update("forwarding"));
            script.later(200..600);
            ended(script, "assistant-forwarded-call");
        }
        Moment::Over(_) if script.has_left => {}
        Moment::Over(outcome) => ended(
            script,
            match outcome {
                Outcome::Answered => "customer-ended-call",
                Outcome::Voicemail => "voicemail",
                Outcome::NoAnswer => "customer-did-not-answer",
                Outcome::Busy => "customer-busy",
                Outcome::GivenUp => "call.ringing.sip-inbound-caller-hungup-before-call-connect",
            },
        ),
        _ => {}
    }
}

fn vapi_message(script: &mut Script<'_>, sign: Sign, mut message: Value) {
    let plot = script.plot;
    let kind = if plot.inbound { "inboundPhoneCall" } else { "outboundPhoneCall" };
    message["timestamp"] = json!(script.unix_ms(script.now_ms));
    message["customer"] = json!({"number": plot.number});
    message["phoneNumber"] = json!({"number": plot.line.number});
    message["call"] = json!({
        "id": script.ids.call,
        "type": kind,
        "phoneCallProviderId": script.ids.sid,
        "assistantId": "7a1f0b52-57f4-4d6c-8f0b-3d6c6b3f000a",
    });
    script.send_json(sign, &json!({"message": message}));
}

/// The call as it stands, at its answer, at its end, and when it is analyzed. Nothing while it
/// rings.
pub(super) fn retell(script: &mut Script<'_>, moment: Moment) {
    let ended = |script: &mut Script<'_>, reason: &str| {
        let at_ms = script.now_ms;
        retell_event(script, Sign::Minus, "call_ended", Some((at_ms, reason)));
        script.later(8_000..25_000);
        retell_event(script, Sign::Minus, "call_analyzed", Some((at_ms, reason)));
    };
    match moment {
        Moment::Answered => retell_event(script, Sign::Plus, "call_started", None),
        Moment::HandedOver => ended(script, "call_transfer"),
        Moment::Over(_) if script.has_left => {}
        Moment::Over(Outcome::Answered) => ended(script, "user_hangup"),
        Moment::Over(Outcome::Voicemail) => ended(script, "voicemail_reached"),
        Moment::Over(Outcome::NoAnswer) => ended(script, "dial_no_answer"),
        Moment::Over(Outcome::Busy) => ended(script, "dial_busy"),
        _ => {}
    }
}

fn retell_event(script: &mut Script<'_>, sign: Sign, event: &str, ended: Option<(u64, &str)>) {
    let (from, to) = script.plot.ends();
    let mut call = json!({
        "call_type": "phone_call",
        "call_id": format!("call_{}", &script.ids.hex[..26]),
        "agent_id": "agent_0000000000000000000000000a",
        "direction": if script.plot.inbound { "inbound" } else { "outbound" },
        "from_number": from,
        "to_number": to,
        "telephony_identifier": {"twilio_call_sid": script.ids.sid},
    });
    if let Some(answered_ms) = script.answered_ms {
        call["start_timestamp"] = json!(script.unix_ms(answered_ms));
    }
    call["call_status"] = json!(match (ended, script.answered_ms) {
        (None, _) => "ongoing",
        (Some(_), Some(_)) => "ended",
        (Some(_), None) => "not_connected",
    });
    if let Some((at_ms, reason)) = ended {
        call["disconnection_reason"] = json!(reason);
        call["end_timestamp"] = json!(script.unix_ms(at_ms));
    }
    script.send_json(sign, &json!({"event": event, "call": call}));
}

/// The caller is a participant of a room, from the ringing on. A track tells the answer of an
/// inbound call; of an outbound one it has the dial tone.
pub(super) fn livekit(script: &mut Script<'_>, moment: Moment) {
    let is_inbound = script.plot.inbound;
    let early = if is_inbound { "ringing" } else { "dialing" };
    let left = |script: &mut Script<'_>, status, because: &str| {
        livekit_event(script, Sign::Minus, "participant_left", (status, Some(because)));
        script.later(20_000..21_000);
        let body = json!({
            "event": "room_finished",
            "room": {"sid": room(script)},
            "id": script.own_id(),
            "createdAt": created(script),
        });
        script.send_json(Sign::Minus, &body);
    };
    match moment {
        Moment::Begins => {
            livekit_event(script, Sign::Nothing, "participant_joined", (early, None));
        }
        Moment::Rings if !is_inbound => {
            livekit_event(script, Sign::Nothing, "track_published", (early, None));
        }
        Moment::Answered if is_inbound => {
            livekit_event(script, Sign::Plus, "track_published", (early, None));
        }
        Moment::HandedOver => left(script, "hangup", "CLIENT_INITIATED"),
        Moment::Over(_) if script.has_left => {}
        Moment::Over(Outcome::NoAnswer) => left(script, early, "USER_UNAVAILABLE"),
        Moment::Over(Outcome::Busy) => left(script, early, "USER_REJECTED"),
        Moment::Over(Outcome::GivenUp) => left(script, early, "CLIENT_INITIATED"),
        Moment::Over(_) => left(script, "hangup", "CLIENT_INITIATED"),
        _ => {}
    }
}

fn room(script: &Script<'_>) -> String {
    format!("RM_{}", &script.ids.hex[12..24])
}

/// The time of an event, which has no fractions of a second.
fn created(script: &Script<'_>) -> String {
    (script.unix_ms(script.now_ms) / 1_000).to_string()
}

fn livekit_event(
    script: &mut Script<'_>,
    sign: Sign,
    event: &str,
    (status, because): (&str, Option<&str>),
) {
    let hex = &script.ids.hex;
    let mut attributes = json!({
        "sip.callID": format!("SCL_{}", &hex[..12]),
        "sip.callIDFull": format!("{}@192.0.2.1", &hex[..16]),
        "sip.trunkID": "ST_000000000001",
        "sip.phoneNumber": script.plot.number,
        "sip.trunkPhoneNumber": script.plot.line.number,
        "sip.callStatus": status,
    });
    if script.plot.inbound {
        attributes["sip.ruleID"] = json!("SDR_000000000001");
    }
    let mut participant = json!({
        "sid": format!("PA_{}", &hex[..12]),
        "kind": "SIP",
        "attributes": attributes,
    });
    if let Some(because) = because {
        participant["disconnectReason"] = json!(because);
    }
    let body = json!({
        "event": event,
        "room": {"sid": room(script)},
        "participant": participant,
        "id": script.own_id(),
        "createdAt": created(script),
    });
    script.send_json(sign, &body);
}

/// One webhook, when the conversation is analyzed. One at once if nobody picks up.
pub(super) fn elevenlabs(script: &mut Script<'_>, moment: Moment) {
    match moment {
        Moment::Over(outcome @ (Outcome::NoAnswer | Outcome::Busy)) => {
            let (from, to) = script.plot.ends();
            let reason = if outcome == Outcome::Busy { "busy" } else { "no-answer" };
            let body = json!({
                "type": "call_initiation_failure",
                "event_timestamp": script.unix_ms(script.now_ms) / 1_000,
                "data": {
                    "agent_id": "agent_1",
                    "conversation_id": conversation(script),
                    "failure_reason": reason,
                    "metadata": {"body": {"CallSid": script.ids.sid, "From": from, "To": to}},
                },
            });
            script.send_json(Sign::Minus, &body);
        }
        Moment::HandedOver => transcription(script),
        Moment::Over(Outcome::Answered | Outcome::Voicemail) if !script.has_left => {
            transcription(script);
        }
        _ => {}
    }
}

fn conversation(script: &Script<'_>) -> String {
    format!("conv_{}", &script.ids.hex[..26])
}

fn transcription(script: &mut Script<'_>) {
    let answered_ms = script.answered_ms.unwrap_or(script.now_ms);
    let duration_s = script.duration_s();
    script.later(10_000..40_000);
    let body = json!({
        "type": "post_call_transcription",
        "event_timestamp": script.unix_ms(script.now_ms) / 1_000,
        "data": {
            "agent_id": "agent_1",
            "conversation_id": conversation(script),
            "status": "done",
            "metadata": {
                "start_time_unix_secs": script.unix_ms(answered_ms) / 1_000,
                "call_duration_secs": duration_s,
                "phone_call": {
                    "direction": if script.plot.inbound { "inbound" } else { "outbound" },
                    "agent_number": script.plot.line.number,
                    "external_number": script.plot.number,
                    "call_sid": script.ids.sid,
                },
                "features_usage": {"transfer_to_number": {"used": script.has_left}},
            },
        },
    });
    script.send_json(Sign::Minus, &body);
}

/// Two announcements of each call when it is answered, under two ids, and of no end.
pub(super) fn openai(script: &mut Script<'_>, moment: Moment) {
    if moment != Moment::Answered {
        return;
    }
    let (number, hex) = (&script.plot.number, &script.ids.hex);
    let headers = json!([
        {"name": "From", "value": format!("<sip:{number}@192.0.2.1>;tag=abc")},
        {"name": "To", "value": format!("<sip:proj_{}@sip.api.openai.com>", script.plot.line.id)},
        {"name": "Call-ID", "value": format!("{}@192.0.2.1", &hex[..16])},
    ]);
    let created = script.unix_ms(script.now_ms) / 1_000;
    let announcement = |kind: &str, data: Value| {
        let mut body = json!({"object": "event", "type": kind, "created_at": created});
        body["data"] = data;
        body
    };
    let realtime = json!({"call_id": openai_call(script), "sip_headers": headers});
    let live = json!({"type": "sip", "session_id": format!("live_{hex}"), "sip_headers": headers});
    script.send_json(Sign::Plus, &announcement("realtime.call.incoming", realtime));
    script.later(10..200);
    script.send_json(Sign::Plus, &announcement("live.transport.incoming", live));
}

/// OpenAI's own id of the call.
pub(super) fn openai_call(script: &Script<'_>) -> String {
    format!("rtc_{}", script.ids.hex)
}
