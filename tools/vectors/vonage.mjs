// Makes crates/sources/src/vonage/fixtures/vectors.json. Both packages only verify tokens of Vonage's,
// so what is signed here, by the library that Node's rests on, has to pass both of them before it is
// written (`python3` is one that has Python's). Neither looks at the body.
//
//   npm install --prefix DIR @vonage/jwt@1.17.1
//   python3 -m pip install vonage-jwt==1.1.5
//   NODE_PATH=DIR/node_modules node tools/vectors/vonage.mjs

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import { writeVectors } from "./common.mjs";
import { seconds, vonageToken } from "./sign.mjs";

const require = createRequire(import.meta.url);
const { verifySignature } = require("@vonage/jwt");

const secret = "testSignatureSecretOfVonageThatIsLongEnough";
const now = seconds();

const PYTHON = `
import json, sys
from vonage_jwt import verify_signature
assert verify_signature(*json.loads(sys.stdin.read()))
`;

const CONVERSATION = "CON-aaaaaaaa-bbbb-cccc-dddd-0123456789ab";
const LEG = "aaaaaaaa-bbbb-cccc-dddd-0123456789ab";
const parties = { from: "15005550100", to: "15005550006" };

function token(claims, options) {
  const all = { iss: "Vonage", iat: now, jti: "b2a5c8f0-0d3b-4e4e-9d1d-000000000001", ...claims };
  const made = vonageToken(secret, all, options);
  if (options) return made;
  if (!verifySignature(made, secret)) throw new Error("Node");
  execFileSync("python3", ["-c", PYTHON], { input: JSON.stringify([made, secret]) });
  return made;
}

function vector(name, fields, events, { claims, options, scheme = "Bearer", ...rest } = {}) {
  const body = JSON.stringify({
    ...parties,
    uuid: LEG,
    conversation_uuid: CONVERSATION,
    timestamp: "2026-11-29T10:00:00.000Z",
    ...fields,
  });
  const hashed = {
    api_key: "abcd1234",
    application_id: "0b3e2b1c-5a0e-4d0e-8a77-5a0b6f1f000a",
    payload_hash: createHash("sha256").update(body).digest("hex"),
    ...claims,
  };
  const headers = {
    "Content-Type": "application/json",
    Authorization: `${scheme} ${token(hashed, options)}`,
  };
  return { name, headers, body, events, ...rest };
}

const about = { call: LEG, session: CONVERSATION, ...parties, at_ms: Date.UTC(2026, 10, 29, 10) };
const inbound = { ...about, direction: "inbound" };
const outbound = { ...about, direction: "outbound" };
const answered = { status: "answered", direction: "inbound", start_time: null, rate: null };

writeVectors("vonage", {
  packages: ["@vonage/jwt 1.17.1", "vonage-jwt 1.1.5"],
  secret,
  now_ms: now * 1000,
  max_age_s: 300,
  signed_headers: ["Authorization"],
  vectors: [
    vector("started", { status: "started", direction: "outbound" }, [
      { ...outbound, what: "dialing" },
    ]),
    vector("ringing", { status: "ringing", direction: "inbound" }, [
      { ...inbound, what: "dialing" },
    ]),
    vector("answered", answered, [{ ...inbound, what: "up" }]),
    vector("a token with an end", answered, [{ ...inbound, what: "up" }], {
      claims: { exp: now + 900 },
    }),
    vector("a scheme in small letters", answered, [{ ...inbound, what: "up" }], { scheme: "bearer" }),
    vector("a person", { status: "human", uuid: undefined, call_uuid: LEG }, [
      { ...about, what: "up", answered_by: "human" },
    ]),
    vector("a machine", { status: "machine", uuid: undefined, call_uuid: LEG }, [
      { ...about, what: "up", answered_by: "machine" },
    ]),
    vector("a beep", { status: "machine", sub_state: "beep_start", direction: "outbound" }, [
      { ...outbound, what: "up", answered_by: "machine" },
    ]),
    vector(
      "the leg of an application",
      { status: "answered", direction: "outbound", to: "wss://agent.example.com/socket" },
      [{ ...outbound, to: "wss://agent.example.com/socket", direction: "dial", what: "up" }],
    ),
    vector(
      "completed",
      { status: "completed", direction: "inbound", duration: "31", price: "0.0015" },
      [{ ...inbound, what: "ended completed", duration_s: 31 }],
    ),
    ...[
      ["busy", "busy"],
      ["cancelled", "canceled"],
      ["failed", "failed"],
      ["rejected", "no-answer"],
      ["timeout", "no-answer"],
      ["unanswered", "no-answer"],
    ].map(([status, reason]) => {
      const events = [{ ...outbound, what: `ended ${reason}` }];
      return vector(status, { status, direction: "outbound" }, events);
    }),
    vector("a request for instructions", {}, []),
    vector("a transfer between conversations", { conversation_uuid_to: "CON-2" }, []),
    vector("unknown status", { status: "on-the-moon" }, []),
    vector("the hash of another body", answered, [], {
      claims: { payload_hash: createHash("sha256").update("{}").digest("hex") },
      valid: false,
    }),
    vector("no hash", answered, [], { claims: { payload_hash: undefined }, valid: false }),
    vector("a token that has ended", answered, [], {
      claims: { iat: now - 20, exp: now - 10 },
      options: {},
      valid: false,
    }),
    vector("another algorithm", answered, [], { options: { algorithm: "HS512" }, valid: false }),
    vector("a scheme that is no bearer's", answered, [], { scheme: "Basic", valid: false }),
  ],
});
