// Makes crates/sources/src/vapi/fixtures/vectors.json. The package has types only, so the
// signatures follow what it says of an HMAC credential's defaults; each status, type and reason is
// looked up in its lists.
//
//   npm install --prefix DIR @vapi-ai/server-sdk@2.0.1
//   NODE_PATH=DIR/node_modules node tools/vectors/vapi.mjs

import { createRequire } from "node:module";
import { writeVectors } from "./common.mjs";
import { vapi } from "./sign.mjs";

const require = createRequire(import.meta.url);
const { Vapi } = require("@vapi-ai/server-sdk");

const secret = "test_secret_of_vapi";
const now = Date.now();
const call = {
  id: "7a1f0b52-57f4-4d6c-8f0b-3d6c6b3f0001",
  orgId: "7a1f0b52-57f4-4d6c-8f0b-3d6c6b3f0000",
  createdAt: new Date(now - 60_000).toISOString(),
  updatedAt: new Date(now).toISOString(),
  type: "inboundPhoneCall",
  phoneCallProvider: "twilio",
  phoneCallProviderId: "CA00000000000000000000000000000001",
  assistantId: "7a1f0b52-57f4-4d6c-8f0b-3d6c6b3f000a",
};

function isOneOf(list, value) {
  if (value !== undefined && !Object.values(list).includes(value)) throw new Error(value);
}

const signed = (body, stamp) => vapi(secret, body, stamp);

function vector(name, message, events, more = {}) {
  isOneOf(Vapi.ServerMessageStatusUpdateStatus, message.status);
  isOneOf(Vapi.CallEndedReason, message.endedReason);
  isOneOf(Vapi.CallType, message.call?.type);
  const { headers = (body) => signed(body, now), ...rest } = more;
  const body = JSON.stringify({
    message: {
      timestamp: now,
      customer: { number: "+15005550100", name: "not for us" },
      phoneNumber: { provider: "twilio", number: "+15005550006", twilioAccountSid: "AC0" },
      call,
      ...message,
    },
  });
  return { name, headers: { "Content-Type": "application/json", ...headers(body) }, body, events, ...rest };
}

const update = (status, more = {}) => ({ type: "status-update", status, ...more });
const ended = (endedReason) => update("ended", { endedReason });
const about = { call: call.id, also: [call.phoneCallProviderId], agent: call.assistantId };
const inbound = { ...about, direction: "inbound", from: "+15005550100", to: "+15005550006" };
const outbound = { ...about, direction: "outbound", from: "+15005550006", to: "+15005550100" };
const at = { at_ms: now };
const outboundCall = { call: { ...call, type: "outboundPhoneCall" } };
const started = new Date(now - 45_000);
const over = new Date(now - 14_000);
const times = { startedAt: started.toISOString(), endedAt: over.toISOString() };
const report = (endedReason, more = {}) => ({
  type: "end-of-call-report",
  endedReason,
  ...times,
  artifact: { transcript: "AI: words that go nowhere." },
  analysis: {},
  ...more,
});

writeVectors("vapi", {
  packages: ["@vapi-ai/server-sdk 2.0.1"],
  secret,
  now_ms: now,
  max_age_s: 300,
  signed_headers: ["x-signature", "x-timestamp"],
  vectors: [
    vector("queued", update("queued", outboundCall), [{ ...outbound, ...at, what: "dialing" }]),
    vector("ringing", update("ringing"), [{ ...inbound, ...at, what: "dialing" }]),
    vector("up", update("in-progress"), [{ ...inbound, ...at, what: "answered" }]),
    vector("handed over", update("forwarding", { transcript: "User: words." }), [
      { ...inbound, ...at, what: "transferred" },
    ]),
    vector("over", ended("customer-ended-call"), [{ ...inbound, ...at, what: "ended completed" }]),
    vector("over after it was forwarded", ended("assistant-forwarded-call"), [
      { ...inbound, ...at, what: "left" },
    ]),
    vector("busy", update("ended", { ...outboundCall, endedReason: "customer-busy" }), [
      { ...outbound, ...at, what: "ended busy" },
    ]),
    vector("not answered", update("ended", { ...outboundCall, endedReason: "customer-did-not-answer" }), [
      { ...outbound, ...at, what: "ended no-answer" },
    ]),
    vector("cancelled", ended("manually-canceled"), [{ ...inbound, ...at, what: "ended canceled" }]),
    vector("not put through", ended("call.start.error-subscription-concurrency-limit-reached"), [
      { ...inbound, ...at, what: "ended failed" },
    ]),
    vector("a part failed while it was up", ended("pipeline-error-openai-llm-failed"), [
      { ...inbound, ...at, what: "ended completed" },
    ]),
    vector("report", report("assistant-ended-call"), [
      { ...inbound, what: "ended completed", duration_s: 31, at_ms: over.getTime() },
    ]),
    vector("report of a voicemail", report("voicemail", outboundCall), [
      { ...outbound, what: "ended completed", answered_by: "machine", duration_s: 31, at_ms: over.getTime() },
    ]),
    vector(
      "in a browser",
      update("in-progress", {
        call: { id: "web-1", type: "webCall", assistantId: "assistant-1" },
        customer: undefined,
        phoneNumber: undefined,
      }),
      [{ call: "web-1", agent: "assistant-1", direction: "inbound", ...at, what: "answered" }],
    ),
    vector("about words", { type: "transcript", role: "user", transcript: "words" }, []),
    vector("unknown status", update("not-found"), []),
    vector("signed in seconds", update("in-progress"), [{ ...inbound, ...at, what: "answered" }], {
      headers: (body) => signed(body, Math.floor(now / 1000)),
    }),
    // A token says nothing of the body, so a changed byte is not seen.
    vector("a token", update("ringing"), [{ ...inbound, ...at, what: "dialing" }], {
      headers: () => ({ "X-Vapi-Secret": secret }),
      spoil: false,
    }),
    vector("a bearer token", update("ringing"), [{ ...inbound, ...at, what: "dialing" }], {
      headers: () => ({ Authorization: `Bearer ${secret}` }),
      spoil: false,
    }),
    vector("another token", update("ringing"), [], {
      headers: () => ({ "X-Vapi-Secret": `${secret}x` }),
      valid: false,
    }),
    vector("a token beside a wrong signature", update("ringing"), [], {
      headers: () => ({ ...signed("another body", now), "X-Vapi-Secret": secret }),
      valid: false,
    }),
    vector("not authenticated", update("ringing"), [], { headers: () => ({}), valid: false }),
  ],
});
