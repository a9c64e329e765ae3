// Makes crates/sources/src/elevenlabs/fixtures/vectors.json. Both packages only verify: what is
// signed here has to pass the one for JavaScript, and check_elevenlabs.py asks that for Python.
//
//   npm install --prefix DIR @elevenlabs/elevenlabs-js@2.73.0
//   NODE_PATH=DIR/node_modules node tools/vectors/elevenlabs.mjs
//   pip install elevenlabs==2.78.0 && python tools/vectors/check_elevenlabs.py

import { createRequire } from "node:module";
import { writeVectors } from "./common.mjs";
import { elevenlabs, seconds } from "./sign.mjs";

const require = createRequire(import.meta.url);
const { ElevenLabsClient } = require("@elevenlabs/elevenlabs-js");

const secret = "wsec_test0123456789abcdef0123456789abcdef";
const client = new ElevenLabsClient({ apiKey: "none" });
const now = seconds();
const other = `v0=${"0".repeat(64)}`;

async function vector(name, type, data, events, more = {}) {
  const { change = (it) => it, javascript, ...rest } = more;
  const whole = { agent_id: "agent_1", conversation_id: "conv_1", ...data };
  const body = JSON.stringify({ type, event_timestamp: now, data: whole });
  const signature = change((await elevenlabs(secret, body, now))["ElevenLabs-Signature"]);
  let accepted = true;
  try {
    await client.webhooks.constructEvent(body, signature, secret);
  } catch {
    accepted = false;
  }
  if (accepted !== (javascript ?? rest.valid ?? true)) throw new Error(`${name}: ${accepted}`);
  const headers = { "Content-Type": "application/json", "ElevenLabs-Signature": signature };
  return { name, headers, body, events, ...rest };
}

const phone = (more = {}) => ({
  type: "twilio",
  direction: "inbound",
  phone_number_id: "phnum_1",
  agent_number: "+15005550006",
  external_number: "+15005550100",
  stream_sid: "MZ00000000000000000000000000000001",
  call_sid: "CA00000000000000000000000000000001",
  ...more,
});
const conversation = (phone_call, more = {}) => ({
  status: "done",
  transcript: [{ role: "user", message: "words that go nowhere", time_in_call_secs: 3 }],
  metadata: { start_time_unix_secs: now - 70, call_duration_secs: 31, phone_call, ...more },
});
const about = { call: "conv_1", agent: "agent_1" };
const byPhone = { ...about, also: ["CA00000000000000000000000000000001"] };
const inbound = { ...byPhone, direction: "inbound", from: "+15005550100", to: "+15005550006" };
const outbound = { ...byPhone, direction: "outbound", from: "+15005550006", to: "+15005550100" };
const out = { direction: "outbound" };
const end = { at_ms: (now - 39) * 1000 };
const long = { duration_s: 31 };
const over = "post_call_transcription";
const notAnswered = { failure_reason: "no-answer" };

writeVectors("elevenlabs", {
  packages: ["@elevenlabs/elevenlabs-js 2.73.0", "elevenlabs (Python) 2.78.0"],
  secret,
  now_ms: now * 1000,
  max_age_s: 1800,
  signed_headers: ["ElevenLabs-Signature"],
  vectors: await Promise.all([
    vector("over", over, conversation(phone()), [{ ...inbound, ...end, ...long, what: "ended completed" }]),
    vector("handed over", over, conversation(phone(), { features_usage: { transfer_to_number: { enabled: true, used: true } } }), [
      { ...inbound, ...end, ...long, what: "left" },
    ]),
    vector("could be handed over", over, conversation(phone(), { features_usage: { transfer_to_number: { enabled: true, used: false } } }), [
      { ...inbound, ...end, ...long, what: "ended completed" },
    ]),
    vector("voicemail", over, conversation(phone({ ...out, call_result: "voicemail" })), [
      { ...outbound, ...end, ...long, what: "ended completed", answered_by: "machine" },
    ]),
    vector("busy", over, conversation(phone({ ...out, call_result: "busy" })), [
      { ...outbound, ...end, what: "ended busy" },
    ]),
    vector("nothing was said", over, { ...conversation(phone(), { call_duration_secs: 0 }), status: "failed" }, [
      { ...inbound, at_ms: (now - 70) * 1000, what: "ended failed" },
    ]),
    vector("in a browser", over, conversation(undefined), [{ ...about, ...end, ...long, what: "ended completed" }]),
    vector("in writing", over, conversation(undefined, { text_only: true }), []),
    vector(
      "not answered, by Twilio",
      "call_initiation_failure",
      {
        ...notAnswered,
        metadata: {
          type: "twilio",
          body: { CallSid: byPhone.also[0], From: "+15005550006", To: "+15005550100", CallStatus: "no-answer" },
        },
      },
      [{ ...outbound, what: "ended no-answer", at_ms: now * 1000 }],
    ),
    vector(
      "busy, by SIP",
      "call_initiation_failure",
      {
        failure_reason: "busy",
        metadata: {
          type: "sip",
          body: { sip_status_code: 486, from_number: "+15005550006", to_number: "+15005550100" },
        },
      },
      [{ ...outbound, also: undefined, what: "ended busy", at_ms: now * 1000 }],
    ),
    vector("failed", "call_initiation_failure", { failure_reason: "unknown" }, [
      { ...about, direction: "outbound", what: "ended failed", at_ms: now * 1000 },
    ]),
    vector("audio", "post_call_audio", { full_audio: "SUQz" }, []),
    vector("about a voice", "voice_removal_notice", { conversation_id: undefined, voice_id: "v" }, []),
    vector("not ASCII", over, { ...conversation(phone()), name: "grüße 東京" }, [
      { ...inbound, ...end, ...long, what: "ended completed" },
    ]),
    vector("rotated with the right one first", over, conversation(phone()), [{ ...inbound, ...end, ...long, what: "ended completed" }], {
      change: (it) => `${it},${other}`,
    }),
    vector("rotated with the right one last", over, conversation(phone()), [{ ...inbound, ...end, ...long, what: "ended completed" }], {
      change: (it) => it.replace(",v0=", `,${other},v0=`),
      javascript: false,
    }),
    vector("without a time", over, conversation(phone()), [], {
      change: (it) => it.split(",")[1],
      valid: false,
    }),
    vector("of another version", over, conversation(phone()), [], {
      change: (it) => it.replace("v0=", "v1="),
      valid: false,
    }),
  ]),
});
