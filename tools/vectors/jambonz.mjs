// Makes crates/sources/src/jambonz/fixtures/vectors.json. Both packages only verify, so what is
// signed here has to pass both of them before it is written.
//
//   npm install --prefix DIR @jambonz/node-client@0.4.11 @jambonz/sdk@0.10.1
//   NODE_PATH=DIR/node_modules node tools/vectors/jambonz.mjs

import { createRequire } from "node:module";
import { writeVectors } from "./common.mjs";
import { jambonz, seconds } from "./sign.mjs";

const require = createRequire(import.meta.url);
const { WebhookResponse } = require("@jambonz/node-client");
const { WebhookResponse: SdkResponse } = require("@jambonz/sdk/webhook");

const secret = "wh_test_secret_of_jambonz";
const now = seconds();

function signature(body) {
  return jambonz(secret, body, now)["Jambonz-Signature"].split("v1=")[1];
}

/** Both packages look at the body that their server has parsed. */
function checkedByPackages(headers, body) {
  const request = {
    body: JSON.parse(body),
    headers: { "jambonz-signature": headers["Jambonz-Signature"] },
    get: (name) => headers[name],
    url: "/",
  };
  const reached = [];
  WebhookResponse.verifyJambonzSignature(secret)(request, {}, () => reached.push("node-client"));
  SdkResponse.verifySignature(secret)(request, {}, (error) => {
    if (error) throw error;
    reached.push("sdk");
  });
  if (reached.length !== 2) throw new Error(`only ${reached} accept it`);
}

function vector(name, fields, events, entries = (hex) => `t=${now},v1=${hex}`) {
  const body = JSON.stringify({
    call_sid: "0b3e2b1c-5a0e-4d0e-8a77-5a0b6f1f0001",
    account_sid: "0b3e2b1c-5a0e-4d0e-8a77-5a0b6f1f0000",
    application_sid: "0b3e2b1c-5a0e-4d0e-8a77-5a0b6f1f000a",
    from: "+15005550100",
    to: "+15005550006",
    call_id: "f3f7a6b0@192.0.2.1",
    ...fields,
  });
  const headers = {
    "Content-Type": "application/json",
    "Jambonz-Signature": entries(signature(body)),
  };
  checkedByPackages(headers, body);
  return { name, headers, body, events };
}

const CALL = "0b3e2b1c-5a0e-4d0e-8a77-5a0b6f1f0001";
const about = {
  call: CALL,
  from: "+15005550100",
  to: "+15005550006",
  agent: "0b3e2b1c-5a0e-4d0e-8a77-5a0b6f1f000a",
};
const inbound = { ...about, direction: "inbound" };

writeVectors("jambonz", {
  packages: ["@jambonz/node-client 0.4.11", "@jambonz/sdk 0.10.1"],
  secret,
  now_ms: now * 1000,
  max_age_s: 300,
  signed_headers: ["Jambonz-Signature"],
  vectors: [
    vector("ringing", { direction: "inbound", call_status: "trying", sip_status: 100 }, [
      { ...inbound, what: "dialing" },
    ]),
    vector("up", { direction: "inbound", call_status: "in-progress", sip_status: 200 }, [
      { ...inbound, what: "up" },
    ]),
    vector(
      "over",
      { direction: "inbound", call_status: "completed", duration: 31, call_termination_by: "caller" },
      [{ ...inbound, what: "ended completed", duration_s: 31 }],
    ),
    vector(
      "a leg",
      { direction: "outbound", call_status: "in-progress", parent_call_sid: "parent-1" },
      [{ ...about, direction: "dial", parent: "parent-1", what: "up" }],
    ),
    vector(
      "two signatures while a secret is rotated",
      { direction: "inbound", call_status: "busy" },
      [{ ...inbound, what: "ended busy" }],
      (hex) => `t=${now},v1=${"0".repeat(64)},v1=${hex}`,
    ),
    vector("unknown status", { direction: "inbound", call_status: "on-the-moon" }, []),
  ],
});
