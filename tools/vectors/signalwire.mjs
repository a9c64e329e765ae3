// Makes crates/sources/src/signalwire/fixtures/vectors.json. Node's package only verifies, so what is
// signed here has to pass it; Python's has to come to the same signatures (`python3` is one that has
// it).
//
//   npm install --prefix DIR @signalwire/compatibility-api@3.2.0
//   python3 -m pip install signalwire==2.1.1
//   NODE_PATH=DIR/node_modules node tools/vectors/signalwire.mjs

import { execFileSync } from "node:child_process";
import querystring from "node:querystring";
import { writeVectors } from "./common.mjs";
import { seconds, signalwire } from "./sign.mjs";

const secret = "PSK_testSigningKeyOfSignalWire01";
const url = "https://calls.example.com/sources/signalwire";
const now = seconds();

const PYTHON = `
import json, sys
from signalwire.request_validator import RequestValidator
key, url, fields = json.loads(sys.stdin.read())
print(RequestValidator(key).build_signature_with_compatibility(url, fields))
`;

/** Its package for Python takes one value of each name. */
function pythonSignature(url, fields) {
  const input = JSON.stringify([secret, url, fields]);
  return execFileSync("python3", ["-c", PYTHON], { input, encoding: "utf8" }).trim();
}

const CALL = "6f2a1f0e-3d5c-4f0b-9a51-5e0a3c1d0001";
const LEG = "6f2a1f0e-3d5c-4f0b-9a51-5e0a3c1d0002";

function signed(signedUrl, fields, isRepeated) {
  const signature = signalwire(secret, signedUrl, fields)["X-SignalWire-Signature"];
  if (!isRepeated && pythonSignature(signedUrl, fields) !== signature) throw new Error("Python");
  return signature;
}

const usual = {
  CallSid: CALL,
  AccountSid: "6f2a1f0e-3d5c-4f0b-9a51-5e0a3c1d0000",
  ApiVersion: "2010-04-01",
  From: "+15005550100",
  To: "+15005550006",
};

function vector(name, more, events, { header = "X-SignalWire-Signature", ...rest } = {}) {
  const fields = { ...usual, ...more };
  const isRepeated = Object.values(fields).some(Array.isArray);
  const headers = {
    "Content-Type": "application/x-www-form-urlencoded",
    [header]: signed(rest.url ?? url, fields, isRepeated),
  };
  return { name, headers, body: querystring.stringify(fields), events, reordered: true, ...rest };
}

/** A GET, whose fields are in the URL. */
function get(name, query, events) {
  const full = `${url}?${query}`;
  const headers = { "X-SignalWire-Signature": signed(full, {}, false) };
  return { name, method: "GET", url: full, headers, body: "", events };
}

const about = { call: CALL, from: usual.From, to: usual.To };
const inbound = { ...about, direction: "inbound" };
const outbound = { ...about, direction: "outbound" };
const coming = { Direction: "inbound" };
const going = { Direction: "outbound-api", CallbackSource: "call-progress-events" };

writeVectors("signalwire", {
  packages: ["@signalwire/compatibility-api 3.2.0", "signalwire 2.1.1"],
  secret,
  url,
  now_ms: now * 1000,
  max_age_s: null,
  signed_headers: ["X-SignalWire-Signature"],
  signs_url: true,
  vectors: [
    vector("ringing", { ...coming, CallStatus: "ringing" }, [{ ...inbound, what: "dialing" }]),
    vector("in progress", { ...coming, CallStatus: "in-progress" }, [{ ...inbound, what: "up" }]),
    vector("answered", { ...going, CallStatus: "answered" }, [{ ...outbound, what: "up" }]),
    vector(
      "completed, with what is told of the audio",
      {
        ...going,
        CallStatus: "completed",
        CallDuration: "31",
        HangupBy: "outbound",
        HangupDirection: "outbound",
        AudioInMos: "4.50",
        AudioOutDtmfPacketCount: "0",
        SipResultCode: "200",
        SequenceNumber: "3",
      },
      [{ ...outbound, what: "ended completed", duration_s: 31 }],
    ),
    vector("not answered", { ...going, CallStatus: "no-answer" }, [
      { ...outbound, what: "ended no-answer" },
    ]),
    vector(
      "a leg",
      { Direction: "outbound-dial", CallSid: LEG, ParentCallSid: CALL, CallStatus: "answered" },
      [{ ...about, call: LEG, parent: CALL, direction: "dial", what: "up" }],
    ),
    vector(
      "a dial is over",
      {
        ...coming,
        CallStatus: "in-progress",
        DialCallSid: LEG,
        DialCallStatus: "completed",
        DialCallDuration: "12",
      },
      [
        {
          call: LEG, parent: CALL, direction: "dial", what: "ended completed", duration_s: 12,
        },
        { ...inbound, what: "returned" },
      ],
    ),
    vector(
      "waiting in a queue",
      { ...coming, CallStatus: "in-progress", QueueSid: "queue-1", QueuePosition: "1" },
      [{ ...inbound, what: "waiting" }],
    ),
    vector(
      "out of the queue",
      { ...coming, CallStatus: "in-progress", QueueSid: "queue-1", QueueResult: "bridged" },
      [{ ...inbound, what: "returned" }],
    ),
    vector("a machine", { AnsweredBy: "machine_start", MachineDetectionDuration: "900" }, [
      { ...about, what: "up", answered_by: "machine" },
    ]),
    vector(
      "values of one name keep their order",
      { ...coming, CallStatus: "in-progress", Tag: ["b", "a", "a"] },
      [{ ...inbound, what: "up" }],
      { reordered: false },
    ),
    vector(
      "a query of our own, and letters of other scripts",
      { ...coming, CallStatus: "busy", FromCity: "São Paulo", CallerName: "a+b=c&d" },
      [{ ...inbound, what: "ended busy" }],
      { url: `${url}?agent=booking` },
    ),
    vector(
      "the header of Twilio's name",
      { ...coming, CallStatus: "canceled" },
      [{ ...inbound, what: "ended canceled" }],
      // The test looks for the other header, which is not there to be spoiled.
      { header: "X-Twilio-Signature", spoil: false },
    ),
    get("a GET", `agent=booking&CallSid=${CALL}&CallStatus=in-progress&Direction=inbound`, [
      { call: CALL, direction: "inbound", what: "up" },
    ]),
    vector("a conference", { StatusCallbackEvent: "participant-join", ConferenceSid: "c-1" }, []),
    vector("unknown status", { ...coming, CallStatus: "on-the-moon" }, []),
    vector(
      "a name that counts inside a value",
      { ...coming, CallStatus: "ringing", Zone: `xCallSid${LEG}` },
      [],
      { valid: false, reordered: false },
    ),
  ],
});
