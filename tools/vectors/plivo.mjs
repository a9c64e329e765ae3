// Makes crates/sources/src/plivo/fixtures/vectors.json. Both packages only verify, so what is signed
// here has to pass both of them before it is written (`python3` is one that has Python's).
//
//   npm install --prefix DIR plivo@4.79.0
//   python3 -m pip install plivo==4.63.0
//   NODE_PATH=DIR/node_modules node tools/vectors/plivo.mjs

import { execFileSync } from "node:child_process";
import querystring from "node:querystring";
import { writeVectors } from "./common.mjs";
import { plivo, seconds } from "./sign.mjs";

const secret = "TestAuthTokenOfPlivoOfFortyLettersInAll1";
const nonce = "05429567804466091622";
const url = "https://calls.example.com/sources/plivo";
const now = seconds();

const PYTHON = `
import json, sys
from plivo.utils.signature_v3 import validate_v3_signature
method, uri, nonce, token, signature, params = json.loads(sys.stdin.read())
assert validate_v3_signature(method, uri, nonce, token, signature, params)
`;

function signed(method, full, fields, isChecked) {
  const signature = plivo(secret, method, full, fields, nonce)["X-Plivo-Signature-V3"];
  if (isChecked) {
    const input = JSON.stringify([method, full, nonce, secret, signature, fields]);
    execFileSync("python3", ["-c", PYTHON], { input });
  }
  return signature;
}

const CALL = "6f1d4a92-3b77-4d0e-9f2a-1c8b5e7d0431";
const LEG = "c0a58e17-9d24-4f6b-8a13-72e5b4c9d806";
const usual = { CallUUID: CALL, From: "15005550100", To: "15005550006" };

function vector(name, more, events, { list = (it) => it, header = "V3", ...rest } = {}) {
  const fields = { ...usual, ...more };
  const signature = signed("POST", rest.url ?? url, fields, true);
  const headers = {
    "Content-Type": "application/x-www-form-urlencoded",
    [`X-Plivo-Signature-${header}`]: list(signature),
    "X-Plivo-Signature-V3-Nonce": nonce,
  };
  return { name, headers, body: querystring.stringify(fields), events, reordered: true, ...rest };
}

/** A GET, whose fields are in the URL. */
function get(name, query, events) {
  const full = `${url}?${query}`;
  const headers = {
    "X-Plivo-Signature-V3": signed("GET", full, {}, true),
    "X-Plivo-Signature-V3-Nonce": nonce,
  };
  return { name, method: "GET", url: full, headers, body: "", events };
}

const about = { call: CALL, from: usual.From, to: usual.To };
const inbound = { ...about, direction: "inbound" };
const outbound = { ...about, direction: "outbound" };
const coming = { Direction: "inbound" };
const going = { Direction: "outbound", ALegUUID: CALL, RequestUUID: CALL, ALegRequestUUID: CALL };
const over = {
  Event: "Hangup",
  Duration: "31",
  BillDuration: "60",
  BillRate: "0.0085",
  TotalCost: "0.00850",
  StartTime: "2026-11-29 10:00:00",
  AnswerTime: "2026-11-29 10:00:05",
  EndTime: "2026-11-29 10:00:36",
  HangupCauseCode: "4000",
  HangupSource: "Callee",
};
const leg = { call: LEG, parent: CALL, direction: "dial" };

writeVectors("plivo", {
  packages: ["plivo (Node) 4.79.0", "plivo (Python) 4.63.0"],
  secret,
  url,
  now_ms: now * 1000,
  max_age_s: null,
  signed_headers: ["X-Plivo-Signature-V3", "X-Plivo-Signature-V3-Nonce"],
  signs_url: true,
  vectors: [
    vector("ringing", { ...going, Event: "Ring", CallStatus: "ringing" }, [
      { ...outbound, what: "dialing" },
    ]),
    vector("answered", { ...coming, Event: "StartApp", CallStatus: "in-progress" }, [
      { ...inbound, what: "up" },
    ]),
    vector(
      "completed",
      { ...coming, ...over, CallStatus: "completed", HangupCause: "NORMAL_CLEARING" },
      [{ ...inbound, what: "ended completed", duration_s: 31 }],
    ),
    vector("busy", { ...going, Event: "Hangup", CallStatus: "busy", HangupCause: "USER_BUSY" }, [
      { ...outbound, what: "ended busy" },
    ]),
    vector("timeout", { ...going, Event: "Hangup", CallStatus: "timeout" }, [
      { ...outbound, what: "ended no-answer" },
    ]),
    vector("cancelled", { ...going, Event: "Hangup", CallStatus: "cancel" }, [
      { ...outbound, what: "ended canceled" },
    ]),
    vector(
      "a machine",
      { ...going, Event: "MachineDetection", Machine: "true", CallStatus: "in-progress" },
      [{ ...outbound, what: "up", answered_by: "machine" }],
    ),
    vector(
      "a machine, which was hung up on",
      { ...going, Event: "Hangup", CallStatus: "machine", HangupCause: "NORMAL_CLEARING" },
      [{ ...outbound, what: "ended completed", answered_by: "machine" }],
    ),
    vector(
      "a leg is answered",
      {
        ...coming,
        Event: "DialAnswer",
        CallStatus: "in-progress",
        DialAction: "answer",
        DialBLegStatus: "answer",
        DialALegUUID: CALL,
        DialBLegUUID: LEG,
        DialBLegFrom: "15005550006",
        DialBLegTo: "15005550107",
      },
      [{ ...leg, from: "15005550006", to: "15005550107", what: "up" }],
    ),
    vector(
      "a leg is over",
      {
        ...coming,
        Event: "DialHangup",
        CallStatus: "in-progress",
        DialAction: "hangup",
        DialBLegStatus: "hangup",
        DialALegUUID: CALL,
        DialBLegUUID: LEG,
        DialBLegDuration: "11",
        DialBLegBillDuration: "60",
        DialBLegHangupCause: "NORMAL_CLEARING",
        DialBLegHangupCauseCode: "4000",
        DialBLegHangupCauseName: "Normal Hangup",
        DialBLegHangupSource: "Callee",
      },
      [{ ...leg, what: "ended completed", duration_s: 11 }],
    ),
    vector(
      "a dial is over",
      {
        ...coming,
        Event: "Redirect",
        CallStatus: "in-progress",
        DialStatus: "completed",
        DialRingStatus: "true",
        DialHangupCause: "NORMAL_CLEARING",
        DialALegUUID: CALL,
        DialBLegUUID: LEG,
      },
      [
        { ...leg, what: "ended completed" },
        { ...inbound, what: "returned" },
      ],
    ),
    vector(
      "nobody has answered a dial",
      { ...coming, CallStatus: "in-progress", DialStatus: "no-answer", DialBLegUUID: "" },
      [{ ...inbound, what: "returned" }],
    ),
    vector("keys that the caller has pressed", { ...coming, DialAction: "digits" }, []),
    vector(
      "a query of our own, and letters of other scripts",
      { ...coming, CallStatus: "in-progress", CallerName: "Zoë a+b=c&d", "X-PH-Team": "To 7" },
      [{ ...inbound, what: "up" }],
      { url: `${url}?z=1&agent=front%20desk` },
    ),
    vector(
      "values of one name are sorted",
      { ...coming, CallStatus: "in-progress", Tag: ["b", "a", "a"] },
      [{ ...inbound, what: "up" }],
    ),
    vector(
      "two signatures while a token is rotated",
      { ...coming, CallStatus: "in-progress" },
      [{ ...inbound, what: "up" }],
      { list: (signature) => `${signature}, ${"A".repeat(43)}=` },
    ),
    vector(
      "two signatures, the second one right",
      { ...coming, CallStatus: "in-progress" },
      [{ ...inbound, what: "up" }],
      // A header that is changed in front leaves the second as it is.
      { list: (signature) => `${"A".repeat(43)}=,${signature}`, spoil: false },
    ),
    vector(
      "signed for the main account",
      { ...coming, CallStatus: "in-progress" },
      [{ ...inbound, what: "up" }],
      // The test looks for the other header, which is not there to be spoiled.
      { header: "Ma-V3", spoil: false },
    ),
    get("a GET", `CallUUID=${CALL}&CallStatus=in-progress&Direction=inbound&From=15005550100`, [
      { call: CALL, direction: "inbound", from: "15005550100", what: "up" },
    ]),
    vector("unknown status", { ...coming, CallStatus: "on-the-moon" }, []),
    vector(
      "a name that counts inside a value",
      { ...coming, CallStatus: "ringing", Zone: `xCallUUID${LEG}` },
      [],
      { valid: false, reordered: false },
    ),
  ],
});
