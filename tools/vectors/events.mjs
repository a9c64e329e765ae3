// Makes crates/sources/src/events/fixtures/vectors.json: events in our own words, signed by the
// package of Standard Webhooks or with a token.
//
//   npm install --prefix DIR standardwebhooks@1.1.1
//   NODE_PATH=DIR/node_modules node tools/vectors/events.mjs

import { writeVectors } from "./common.mjs";
import { seconds, standardWebhooks } from "./sign.mjs";

const secret = "whsec_ZXZlbnRzLW9mLWFueS1hcHBsaWNhdGlvbg==";
const now = seconds();

function vector(name, contents, events) {
  const body = JSON.stringify(contents);
  const id = `msg_${name.replaceAll(" ", "_")}`;
  const signed = standardWebhooks(secret, id, body, now);
  const headers = { "Content-Type": "application/json", ...signed };
  return { name, headers, body, events };
}

const inbound = { call: "call-1", direction: "inbound" };

writeVectors("events", {
  packages: ["standardwebhooks 1.1.1"],
  secret,
  now_ms: now * 1000,
  max_age_s: 300,
  signed_headers: ["webhook-id", "webhook-timestamp", "webhook-signature"],
  vectors: [
    vector(
      "started",
      { id: "1", call: "call-1", event: "started", agent: "booking", caller: "+15005550100" },
      [{ ...inbound, id: "1", what: "answered", agent: "booking", from: "+15005550100" }],
    ),
    vector(
      "somebody without a number",
      { id: "1", call: "call-1", event: "started", caller: "user 7", at: "2026-11-29T10:00:00.250Z" },
      [{ ...inbound, id: "1", what: "answered", from: "client:user 7", at_ms: 1795946400250 }],
    ),
    vector(
      "a call that is made",
      [
        { id: 1, call: "call-1", event: "started", direction: "outbound", caller: "+15005550100" },
        { id: 2, call: "call-1", event: "answered", direction: "outbound" },
        { id: 3, call: "call-1", event: "answered", direction: "outbound", with: "machine" },
      ],
      [
        { call: "call-1", direction: "outbound", id: "1", what: "dialing", to: "+15005550100" },
        { call: "call-1", direction: "outbound", id: "2", what: "answered" },
        {
          call: "call-1",
          direction: "outbound",
          id: "3",
          what: "machine",
        },
      ],
    ),
    vector(
      "a batch in any words",
      [
        { id: "1", call: "call-1", event: "waiting" },
        { id: "2", call: "call-1", event: "transferred", with: "person", at: 1795946400000 },
        { id: "3", call: "call-1", event: "transferred", with: "agent", agent: "support" },
        { id: "4", call: "call-1", event: "returned" },
        { id: "5", call: "call-1", event: "heartbeat" },
        { id: "6", call: "call-1", event: "ended" },
        { id: "7", call: "call-1", event: "ended", reason: "no-answer" },
      ],
      [
        { ...inbound, id: "1", what: "waiting" },
        { ...inbound, id: "2", what: "transferred", at_ms: 1795946400000 },
        { ...inbound, id: "3", what: "returned", agent: "support" },
        { ...inbound, id: "4", what: "returned" },
        { ...inbound, id: "5", what: "up" },
        { ...inbound, id: "6", what: "ended completed" },
        { ...inbound, id: "7", what: "ended no-answer" },
      ],
    ),
    vector(
      "CloudEvents",
      [
        {
          specversion: "1.0",
          id: "e-1",
          source: "/pbx",
          type: "com.example.call.started",
          subject: "call-1",
          time: "2026-11-29T10:00:00Z",
          data: { caller: "anonymous", agent: "booking" },
        },
        {
          specversion: "1.0",
          id: "e-2",
          source: "/pbx",
          type: "com.example.call.ended",
          data: { call: "call-1" },
        },
      ],
      [
        {
          ...inbound,
          id: "e-1",
          what: "answered",
          from: "client:anonymous",
          agent: "booking",
          at_ms: 1795946400000,
        },
        { ...inbound, id: "e-2", what: "ended completed" },
      ],
    ),
    {
      name: "a token",
      secret: "a-token-of-an-application",
      headers: {
        "Content-Type": "application/json",
        Authorization: "Bearer a-token-of-an-application",
      },
      body: JSON.stringify({ id: "1", call: "call-1", event: "heartbeat" }),
      // A token says nothing of the body.
      spoil: false,
      events: [{ ...inbound, id: "1", what: "up" }],
    },
    {
      name: "another token",
      secret: "a-token-of-an-application",
      headers: { Authorization: "Bearer a-token-of-an-applicatiom" },
      body: "{}",
      valid: false,
    },
  ],
});
