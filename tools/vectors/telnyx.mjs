// Makes crates/sources/src/telnyx/fixtures/vectors.json. Both packages only verify, so what is signed
// here has to pass both of them before it is written (`python3` is one that has Python's). Its method
// `unwrap` reads each body as JSON, which a form is not: of a form the signature alone is checked.
//
//   npm install --prefix DIR telnyx@7.24.0
//   python3 -m pip install telnyx==4.189.0 pynacl==1.6.2
//   NODE_PATH=DIR/node_modules node tools/vectors/telnyx.mjs

import { execFileSync } from "node:child_process";
import querystring from "node:querystring";
import { writeVectors } from "./common.mjs";
import { seconds, telnyx, telnyxKeys } from "./sign.mjs";

// A key of this text alone, so that the vectors can be made again.
const keys = telnyxKeys(Buffer.from("a test key of Telnyx, of 32 byte"));
const now = seconds();

const PYTHON = `
import json, sys
from telnyx.lib.webhook_verification import verify_webhook_signature
verify_webhook_signature(*json.loads(sys.stdin.read()))
`;

async function vector(name, contentType, body, events) {
  const headers = { "Content-Type": contentType, ...(await telnyx(keys, body, now)) };
  const input = JSON.stringify([body, headers, keys.secret]);
  execFileSync("python3", ["-c", PYTHON], { input });
  return { name, headers, body, events };
}

const CALL = "v3:9X2vxPDFY2RHSJ1EdMS0RHRksMTg7ldNxdjWbVr9zBjbGjGsSe-aiQ";
const PARENT = "v3:MdI91X4lWFEs7IgbBEOT9M4AigoY08M0WWZFISt1Yw2axZ_IiE4pqg";
const LEG = "b0e6224c-c81c-11f0-afbb-02420aef93a0";
const SESSION = "b0e6141e-c81c-11f0-abac-02420aef93a0";
const APP = "1234567890";
const parties = { from: "+15005550100", to: "+15005550006" };

function control(name, event_type, fields, events) {
  const body = JSON.stringify({
    data: {
      event_type,
      id: "b97d4d5e-6fe7-4432-911f-79637bf6ebb7",
      occurred_at: "2026-11-29T10:00:00.076316Z",
      payload: {
        call_control_id: CALL,
        call_leg_id: LEG,
        call_session_id: SESSION,
        client_state: null,
        connection_id: APP,
        ...parties,
        start_time: "2026-11-29T10:00:00.076316Z",
        ...fields,
      },
      record_type: "event",
    },
    meta: { attempt: 1, delivered_to: "https://calls.example.com/sources/telnyx" },
  });
  return vector(name, "application/json", body, events);
}

async function texml(name, fields, events) {
  const body = querystring.stringify({
    AccountSid: "f5586561-8ff0-4291-a51b-c7dfe4139ff9",
    CallSid: CALL,
    CallSidLegacy: CALL,
    ConnectionId: APP,
    From: parties.from,
    To: parties.to,
    Timestamp: "2026-11-29T10:00:00Z",
    ...fields,
  });
  const type = "application/x-www-form-urlencoded";
  return { ...(await vector(`TeXML: ${name}`, type, body, events)), reordered: false };
}

const AT = Date.UTC(2026, 10, 29, 10);
const room = `connection/${APP}`;
const about = {
  call: CALL, also: [LEG], room, session: SESSION, ...parties, agent: APP, at_ms: AT + 76,
};
const form = { call: CALL, ...parties, room, agent: APP, at_ms: AT };
const progress = { CallbackSource: "call-progress-events" };

writeVectors("telnyx", {
  packages: ["telnyx (Node) 7.24.0", "telnyx (Python) 4.189.0"],
  secret: keys.secret,
  now_ms: now * 1000,
  max_age_s: 300,
  signed_headers: ["telnyx-signature-ed25519", "telnyx-timestamp"],
  vectors: await Promise.all([
    control("incoming", "call.initiated", { direction: "incoming", state: "parked" }, [
      { ...about, direction: "inbound", what: "dialing" },
    ]),
    control("outgoing", "call.initiated", { direction: "outgoing", state: "bridging" }, [
      { ...about, direction: "outbound", what: "dialing" },
    ]),
    control("answered", "call.answered", { state: "answered" }, [{ ...about, what: "up" }]),
    control("a machine", "call.machine.detection.ended", { result: "machine" }, [
      { ...about, what: "up", answered_by: "machine" },
    ]),
    control("a person", "call.machine.premium.detection.ended", { result: "human_business" }, [
      { ...about, what: "up", answered_by: "human" },
    ]),
    control("a fax", "call.machine.premium.detection.ended", { result: "fax_detected" }, [
      { ...about, what: "up", answered_by: "fax" },
    ]),
    control("silence", "call.machine.premium.detection.ended", { result: "silence" }, [
      { ...about, what: "up" },
    ]),
    control("an assistant", "call.conversation.created", { conversation_id: "c-1" }, [
      { ...about, what: "answered" },
    ]),
    control("in a queue", "call.enqueued", { queue: "support", current_position: 1 }, [
      { ...about, what: "waiting" },
    ]),
    control("taken out of the queue", "call.dequeued", { queue: "support", reason: "bridged" }, [
      { ...about, what: "transferred" },
    ]),
    control("the queue took too long", "call.dequeued", { queue: "support", reason: "timeout" }, [
      { ...about, what: "returned" },
    ]),
    control("bridged", "call.bridged", {}, [{ ...about, what: "transferred" }]),
    control("over", "call.hangup", { hangup_cause: "normal_clearing", hangup_source: "caller" }, [
      { ...about, what: "ended completed" },
    ]),
    control("busy", "call.hangup", { hangup_cause: "user_busy" }, [
      { ...about, what: "ended busy" },
    ]),
    control("not answered", "call.hangup", { hangup_cause: "timeout" }, [
      { ...about, what: "ended no-answer" },
    ]),
    control("what says nothing of who is on the line", "call.speak.started", {}, []),
    control("unknown event", "call.on-the-moon", {}, []),
    texml("initiated", { ...progress, CallStatus: "initiated", SequenceNumber: 0 }, [
      { ...form, what: "dialing" },
    ]),
    texml("in progress", { ...progress, CallStatus: "in-progress", SequenceNumber: 2 }, [
      { ...form, what: "up" },
    ]),
    texml("a leg", { CallStatus: "ringing", ParentCallSid: PARENT, ParentCallSidLegacy: PARENT }, [
      { ...form, what: "dialing", parent: PARENT, direction: "dial" },
    ]),
    texml("a machine", { AnsweredBy: "machine_start", MachineDetectionDuration: "2500" }, [
      { ...form, what: "up", answered_by: "machine" },
    ]),
    texml(
      "completed",
      {
        ...progress,
        CallStatus: "completed",
        CallDuration: "45",
        CallSidLegacy: "v2:7V3r4VFCGLTzKLOveE0-7vM9dX17-NRQgU1byo-uuOIX9JcDadLLKw",
        HangupSource: "callee",
        SequenceNumber: 3,
      },
      [
        {
          ...form,
          what: "ended completed",
          duration_s: 45,
          also: ["v2:7V3r4VFCGLTzKLOveE0-7vM9dX17-NRQgU1byo-uuOIX9JcDadLLKw"],
        },
      ],
    ),
    texml("no answer", { ...progress, CallStatus: "no-answer" }, [
      { ...form, what: "ended no-answer" },
    ]),
    texml("unknown status", { CallStatus: "on-the-moon" }, []),
  ]),
});
