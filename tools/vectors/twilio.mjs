// Makes crates/sources/src/twilio/fixtures/vectors.json. Node's package signs; Python's has to accept
// the same (`python3` is one that has it).
//
//   npm install --prefix DIR twilio@6.3.1
//   python3 -m pip install twilio==9.13.0
//   NODE_PATH=DIR/node_modules node tools/vectors/twilio.mjs

import { execFileSync } from "node:child_process";
import querystring from "node:querystring";
import { writeVectors } from "./common.mjs";
import { seconds, twilioForm, twilioJson } from "./sign.mjs";

const secret = "twilio0auth0token0of0the0account";
const url = "https://calls.example.com/sources/streams";
const now = seconds();

const PYTHON = `
import json, sys
from twilio.request_validator import RequestValidator
token, url, signature, body = json.loads(sys.stdin.read())
assert RequestValidator(token).validate(url, body, signature), "Python"
`;

function accept(signedUrl, signature, body) {
  const input = JSON.stringify([secret, signedUrl, signature, body]);
  execFileSync("python3", ["-c", PYTHON], { input, encoding: "utf8" });
}

const CALL = "CA5a1e7c00000000000000000000000001";
const OTHER = "CA5a1e7c00000000000000000000000002";
const LEG = "CA5a1e7c00000000000000000000000003";
const ACCOUNT = "AC5a1e7c00000000000000000000000000";

const account = { account: ACCOUNT };
const about = { ...account, call: CALL, from: "+15005550100", to: "+15005550006" };
const inbound = { ...about, direction: "inbound" };
const coming = {
  CallSid: CALL,
  AccountSid: ACCOUNT,
  From: "+15005550100",
  To: "+15005550006",
  Direction: "inbound",
};

/** A body that is no form: the URL has its hash, and only the URL is signed. */
function json(name, value, events, { type = "application/json", ...more } = {}) {
  const body = typeof value === "string" ? value : JSON.stringify(value);
  const { url: signedUrl, headers } = twilioJson(secret, url, body);
  accept(signedUrl, headers["X-Twilio-Signature"], body);
  return { name, url: signedUrl, headers: { "Content-Type": type, ...headers }, body, events, ...more };
}

function form(name, fields, events, more = {}) {
  const signed = twilioForm(secret, url, fields);
  accept(url, signed["X-Twilio-Signature"], fields);
  const headers = { "Content-Type": "application/x-www-form-urlencoded", ...signed };
  return { name, headers, body: querystring.stringify(fields), events, reordered: true, ...more };
}

/** An event of Event Streams, of the request that a status callback was. */
function event(status, parameters, type = `com.twilio.voice.status-callback.call.${status}`) {
  return {
    specversion: "1.0",
    type,
    source: `/2010-04-01/Accounts/${ACCOUNT}/Calls/${CALL}/Event/${status}`,
    id: `EZ-${status}`,
    dataschema: "https://events-schemas.twilio.com/Voice.CallStatusCallback/1",
    datacontenttype: "application/json",
    time: "2026-11-29T10:00:00.000Z",
    data: {
      sid: parameters.CallSid,
      request: {
        method: "POST",
        url: "https://example.com/status",
        parameters: { ...parameters, CallStatus: status },
      },
      response: {},
    },
  };
}

const at = "Sun, 29 Nov 2026 10:00:00 +0000";
const at_ms = Date.parse(at);

writeVectors("twilio", {
  packages: ["twilio 6.3.1", "twilio 9.13.0"],
  secret,
  url,
  now_ms: now * 1000,
  max_age_s: null,
  signed_headers: ["X-Twilio-Signature"],
  signs_url: true,
  vectors: [
    json("an event", [event("in-progress", { ...coming, Timestamp: at })], [
      { ...inbound, what: "up", at_ms },
    ]),
    json(
      "a batch, with an event of something else",
      [
        event("ringing", coming),
        event("ringing", { ...coming, CallSid: OTHER }),
        event("delivered", { MessageSid: "SM1" }, "com.twilio.messaging.message.delivered"),
        event("completed", { ...coming, CallDuration: "31" }),
      ],
      [
        { ...inbound, what: "dialing" },
        { ...inbound, call: OTHER, what: "dialing" },
        { ...inbound, what: "ended completed", duration_s: 31 },
      ],
    ),
    json(
      "one CloudEvent by itself",
      event("answered", coming),
      [{ ...inbound, what: "up" }],
      { type: "application/cloudevents+json; charset=utf-8" },
    ),
    json("Studio's JSON", { ...coming, CallStatus: "in-progress", flow: { step: 1 } }, [
      { ...inbound, what: "up" },
    ]),
    json(
      "a leg",
      [
        event("in-progress", {
          ...coming, CallSid: LEG, ParentCallSid: CALL, Direction: "outbound-dial",
        }),
      ],
      [{ ...about, call: LEG, parent: CALL, direction: "dial", what: "up" }],
    ),
    json("letters of other scripts", { ...coming, CallStatus: "busy", FromCity: "São Paulo 東京" }, [
      { ...inbound, what: "ended busy" },
    ]),
    json("an event without a call beside one with it", [{ note: "x" }, event("busy", coming)], [
      { ...inbound, what: "ended busy" },
    ]),
    json("nothing", [], []),
    form("a form", { ...coming, CallStatus: "ringing", Timestamp: at }, [
      { ...inbound, what: "dialing", at_ms },
    ]),
    form("a machine", { CallSid: CALL, AccountSid: ACCOUNT, AnsweredBy: "machine_start" }, [
      { ...account, call: CALL, what: "up", answered_by: "machine" },
    ]),
    form(
      "a name that counts inside a value",
      { ...coming, CallStatus: "ringing", Zone: `xCallSid${OTHER}` },
      [],
      { valid: false, reordered: undefined },
    ),
  ],
});
