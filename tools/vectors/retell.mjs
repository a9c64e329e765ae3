// Makes crates/sources/src/retell/fixtures/vectors.json. The package for JavaScript signs and
// verifies; check_retell.py then checks the file with the one for Python.
//
//   npm install --prefix DIR retell-sdk@5.66.1
//   NODE_PATH=DIR/node_modules node tools/vectors/retell.mjs
//   pip install retell-sdk==6.2.13 && python tools/vectors/check_retell.py

import { createRequire } from "node:module";
import { writeVectors } from "./common.mjs";
import { retell } from "./sign.mjs";

const require = createRequire(import.meta.url);
const { Retell } = require("retell-sdk");

const secret = "key_test_of_retell_0123456789";
const now = Date.now();
const phoneCall = {
  call_type: "phone_call",
  call_id: "call_00000000000000000000000001",
  agent_id: "agent_0000000000000000000000000a",
  agent_version: 3,
  call_status: "ongoing",
  direction: "inbound",
  from_number: "+15005550100",
  to_number: "+15005550006",
  telephony_identifier: { twilio_call_sid: "CA00000000000000000000000000000001" },
  start_timestamp: now - 60_000,
  transcript: "Agent: words that go nowhere.",
};

async function vector(name, event, call, events, more = {}) {
  const { change = (it) => it, ...rest } = more;
  const body = JSON.stringify({ event, call: { ...phoneCall, ...call } });
  const signature = change((await retell(secret, body))["X-Retell-Signature"]);
  const accepted = await Retell.verify(body, secret, signature);
  if (accepted !== (rest.valid ?? true) && !rest.only_us) throw new Error(`${name}: ${accepted}`);
  delete rest.only_us;
  const headers = { "Content-Type": "application/json", "X-Retell-Signature": signature };
  return { name, headers, body, events, ...rest };
}

const ids = {
  call: phoneCall.call_id,
  also: ["CA00000000000000000000000000000001"],
  agent: phoneCall.agent_id,
};
const inbound = { ...ids, direction: "inbound", from: "+15005550100", to: "+15005550006" };
const outbound = { ...ids, direction: "outbound", from: "+15005550006", to: "+15005550100" };
const out = { direction: "outbound", from_number: "+15005550006", to_number: "+15005550100" };
const ended = (disconnection_reason, more = {}) => ({
  call_status: "ended",
  end_timestamp: now - 2_000,
  duration_ms: 58_000,
  disconnection_reason,
  ...more,
});
const over = { at_ms: now - 2_000, duration_s: 58 };

writeVectors("retell", {
  packages: ["retell-sdk 5.66.1", "retell-sdk (Python) 6.2.13"],
  secret,
  now_ms: now,
  max_age_s: 300,
  signed_headers: ["X-Retell-Signature"],
  vectors: await Promise.all([
    vector("up", "call_started", {}, [{ ...inbound, what: "answered", at_ms: now - 60_000 }]),
    vector("over", "call_ended", ended("user_hangup"), [
      { ...inbound, ...over, what: "ended completed" },
    ]),
    vector("handed over", "call_ended", ended("call_transfer"), [
      { ...inbound, ...over, what: "left" },
    ]),
    vector("not answered", "call_ended", { ...out, call_status: "not_connected", disconnection_reason: "dial_no_answer" }, [
      { ...outbound, what: "ended no-answer" },
    ]),
    vector("busy", "call_ended", { ...out, call_status: "not_connected", disconnection_reason: "dial_busy" }, [
      { ...outbound, what: "ended busy" },
    ]),
    vector("not put through, for a new reason", "call_ended", { ...out, call_status: "not_connected", disconnection_reason: "moon_in_the_way" }, [
      { ...outbound, what: "ended failed" },
    ]),
    vector("voicemail", "call_ended", ended("voicemail_reached", out), [
      { ...outbound, ...over, what: "ended completed", answered_by: "machine" },
    ]),
    vector("analyzed", "call_analyzed", ended("agent_hangup", { call_analysis: { call_summary: "words" } }), [
      { ...inbound, ...over, what: "ended completed" },
    ]),
    vector("a person is called", "transfer_started", {}, [{ ...inbound, what: "waiting" }]),
    vector("a person has answered", "transfer_bridged", {}, [{ ...inbound, what: "transferred" }]),
    vector("no person has answered", "transfer_cancelled", {}, [{ ...inbound, what: "returned" }]),
    vector("the two people are done", "transfer_ended", ended("call_transfer", { transfer_end_timestamp: now - 1_000 }), [
      { ...inbound, what: "ended completed", at_ms: now - 1_000 },
    ]),
    vector(
      "in a browser",
      "call_started",
      {
        call_type: "web_call",
        direction: undefined,
        from_number: undefined,
        to_number: undefined,
        telephony_identifier: undefined,
      },
      [{ call: ids.call, agent: ids.agent, direction: "inbound", what: "answered", at_ms: now - 60_000 }],
    ),
    vector("about words", "transcript_updated", {}, []),
    vector("a chat", "chat_started", { call_id: undefined }, []),
    vector("not ASCII", "call_started", { metadata: { name: "grüße 東京" } }, [
      { ...inbound, what: "answered", at_ms: now - 60_000 },
    ]),
    // No package takes two; whoever rotates a key on the way may send them.
    vector("two signatures", "call_started", {}, [{ ...inbound, what: "answered", at_ms: now - 60_000 }], {
      change: (it) => it.replace(",d=", `,d=${"0".repeat(64)},d=`),
      only_us: true,
    }),
    vector("no time", "call_started", {}, [], { change: (it) => it.replace(/v=\d+/, "v="), valid: false }),
    vector("only a digest", "call_started", {}, [], { change: (it) => it.split(",d=")[1], valid: false }),
  ]),
});
