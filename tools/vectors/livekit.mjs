// Makes crates/sources/src/livekit/fixtures/vectors.json. The package for JavaScript writes each
// body and signs it as LiveKit does; check_livekit.py then checks the file with that for Python.
//
//   npm install --prefix DIR livekit-server-sdk@2.19.2 @livekit/protocol@1.51.0
//   NODE_PATH=DIR/node_modules node tools/vectors/livekit.mjs
//   pip install livekit-api==1.2.2 && python tools/vectors/check_livekit.py

import { createHash, createHmac } from "node:crypto";
import { createRequire } from "node:module";
import { writeVectors } from "./common.mjs";
import { livekitToken, seconds } from "./sign.mjs";

const require = createRequire(import.meta.url);
const { WebhookReceiver } = require("livekit-server-sdk");
// The class of this name in livekit-server-sdk forgets the `event` that its constructor is given.
const { WebhookEvent } = require("@livekit/protocol");

const key = "APItestkey12345";
const secret = "test-secret-of-livekit-with-32-bytes";
const now = seconds();
const SIP = 3;

async function token(body, more = {}) {
  return livekitToken(more.key ?? key, more.secret ?? secret, body);
}

/** A token without signature, which nobody may accept. */
function unsigned(body) {
  const part = (it) => Buffer.from(JSON.stringify(it)).toString("base64url");
  const sha256 = createHash("sha256").update(body).digest("base64");
  return `${part({ alg: "none" })}.${part({ iss: key, exp: now + 300, sha256 })}.`;
}

/** A token with other claims, signed with the right secret. */
function crafted(body, claims) {
  const part = (it) => Buffer.from(JSON.stringify(it)).toString("base64url");
  const sha256 = createHash("sha256").update(body).digest("base64");
  const signed = `${part({ alg: "HS256" })}.${part({ iss: key, exp: now + 300, sha256, ...claims })}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}

async function vector(name, fields, events, more = {}) {
  const { sign = token, raw, ...rest } = more;
  const event = new WebhookEvent({ id: "EV_1", createdAt: BigInt(now), ...fields });
  const body = raw ?? event.toJsonString();
  const authorization = await sign(body);
  let accepted = true;
  try {
    await new WebhookReceiver(key, secret).receive(body, authorization.replace("Bearer ", ""));
  } catch {
    accepted = false;
  }
  if (accepted !== (rest.valid ?? true)) throw new Error(`${name}: the package says ${accepted}`);
  const headers = { "Content-Type": "application/webhook+json", Authorization: authorization };
  return { name, headers, body, events, ...rest };
}

const room = { sid: "RM_000000000001", name: "call-_+15005550100_abc" };
const attributes = {
  "sip.callID": "SCL_000000000001",
  "sip.callIDFull": "0000-1111@192.0.2.1",
  "sip.trunkID": "ST_000000000001",
  "sip.phoneNumber": "+15005550100",
  "sip.trunkPhoneNumber": "+15005550006",
};
const inbound = (status) => ({
  ...attributes,
  "sip.ruleID": "SDR_000000000001",
  "sip.twilio.callSid": "CA00000000000000000000000000000001",
  "sip.callStatus": status,
});
const outbound = (status) => ({ ...attributes, "sip.callStatus": status });
const participant = (its, more = {}) => ({
  sid: "PA_000000000001",
  identity: "sip_+15005550100",
  name: "Phone +15005550100",
  kind: SIP,
  attributes: its,
  ...more,
});
const ids = { call: "PA_000000000001", room: room.sid, at_ms: now * 1000 };
const calledIn = {
  ...ids,
  also: ["SCL_000000000001", "CA00000000000000000000000000000001", "sip-call-id/0000-1111@192.0.2.1"],
  direction: "inbound",
  from: "+15005550100",
  to: "+15005550006",
};
const calledOut = {
  ...ids,
  also: ["SCL_000000000001", "sip-call-id/0000-1111@192.0.2.1"],
  direction: "outbound",
  from: "+15005550006",
  to: "+15005550100",
};
const joined = (its) => ({ event: "participant_joined", room, participant: participant(its) });
const published = (its) => ({ ...joined(its), event: "track_published", track: { sid: "TR_1" } });
const left = (its, disconnectReason) => ({
  event: "participant_left",
  room,
  participant: participant(its, { disconnectReason }),
});

writeVectors("livekit", {
  packages: ["livekit-server-sdk 2.19.2", "@livekit/protocol 1.51.0", "livekit-api (Python) 1.2.2"],
  secret: `${key}:${secret}`,
  now_ms: now * 1000,
  max_age_s: 360,
  signed_headers: ["Authorization"],
  vectors: await Promise.all([
    vector("called in, and it rings", joined(inbound("ringing")), [{ ...calledIn, what: "dialing" }]),
    vector("called in, and up", joined(inbound("active")), [{ ...calledIn, what: "answered" }]),
    vector("called in, and an agent may listen", published(inbound("ringing")), [{ ...calledIn, what: "answered" }]),
    vector("called out", joined(outbound("dialing")), [{ ...calledOut, what: "dialing" }]),
    vector("the dial tone", published(outbound("dialing")), [{ ...calledOut, what: "dialing" }]),
    vector("answered", published(outbound("active")), [{ ...calledOut, what: "answered" }]),
    vector("hung up", left(inbound("hangup"), 1), [{ ...calledIn, what: "ended completed" }]),
    vector("not answered", left(outbound("dialing"), 11), [{ ...calledOut, what: "ended no-answer" }]),
    vector("rejected", left(outbound("dialing"), 12), [{ ...calledOut, what: "ended busy" }]),
    vector("the trunk failed", left(outbound("dialing"), 13), [{ ...calledOut, what: "ended failed" }]),
    vector("given up", left(outbound("dialing"), 1), [{ ...calledOut, what: "ended canceled" }]),
    vector("only goes elsewhere", left(inbound("active"), 8), []),
    vector("could not join", { ...joined(inbound("ringing")), event: "participant_connection_aborted" }, [
      { ...calledIn, what: "ended failed" },
    ]),
    vector("numbers hidden", joined({ "sip.callID": "SCL_2", "sip.ruleID": "SDR_1", "sip.callStatus": "active" }), [
      { ...ids, also: ["SCL_2"], direction: "inbound", what: "answered" },
    ]),
    vector("the room is over", { event: "room_finished", room }, [
      { call: room.sid, at_ms: now * 1000, what: "room over" },
    ]),
    vector("an agent", { event: "participant_joined", room, participant: { sid: "PA_2", identity: "agent-1", kind: 4 } }, []),
    vector("a person in a browser", { event: "participant_joined", room, participant: { sid: "PA_3", identity: "web" } }, []),
    vector("a room", { event: "room_started", room }, []),
    vector("an event of tomorrow", { event: "participant_teleported", room, participant: participant({}) }, []),
    vector("enums as numbers and the other spelling", {}, [{ ...calledIn, what: "ended busy" }], {
      raw: JSON.stringify({
        event: "participant_left",
        room: { sid: room.sid },
        participant: { sid: ids.call, kind: SIP, attributes: inbound("hangup"), disconnect_reason: 12 },
        created_at: now,
      }),
    }),
    vector("enums of tomorrow", {}, [], {
      raw: JSON.stringify({ event: "participant_joined", participant: { sid: "PA_4", kind: 99 } }),
    }),
    vector("with Bearer", joined(inbound("ringing")), [{ ...calledIn, what: "dialing" }], {
      sign: async (body) => `Bearer ${await token(body)}`,
      spoil: false,
    }),
    vector("of another key", joined(inbound("ringing")), [], {
      sign: (body) => token(body, { key: "APIotherkey0000" }),
      valid: false,
    }),
    vector("unsigned", joined(inbound("ringing")), [], { sign: unsigned, valid: false }),
    vector("without an end", joined(inbound("ringing")), [], {
      sign: (body) => crafted(body, { exp: undefined }),
      valid: false,
    }),
    vector("not yet", joined(inbound("ringing")), [], {
      sign: (body) => crafted(body, { nbf: now + 120 }),
      valid: false,
    }),
    vector("of another body", joined(inbound("ringing")), [], {
      sign: () => token("another body"),
      valid: false,
    }),
    // The package for Python refuses it: it expects no audience.
    vector("for somebody", joined(inbound("ringing")), [{ ...calledIn, what: "dialing" }], {
      sign: (body) => crafted(body, { aud: "somebody" }),
    }),
  ]),
});
