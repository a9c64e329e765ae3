// Makes crates/sources/src/openai/fixtures/vectors.json. The package of Standard Webhooks signs,
// and what it signs has to pass OpenAI's own for JavaScript; check_openai.py asks that for Python.
//
//   npm install --prefix DIR openai@7.59.0 standardwebhooks@1.1.1
//   NODE_PATH=DIR/node_modules node tools/vectors/openai.mjs
//   pip install openai==3.57.0 && python tools/vectors/check_openai.py

import { createRequire } from "node:module";
import { writeVectors } from "./common.mjs";
import { seconds, standardWebhooks } from "./sign.mjs";

const require = createRequire(import.meta.url);
const { OpenAI } = require("openai");

const secret = "whsec_dGVzdCBzZWNyZXQgb2Ygb3BlbmFpIHdlYmhvb2tzIQ==";
const client = new OpenAI({ apiKey: "none" });
const now = seconds();
const other = `v1,${Buffer.alloc(32).toString("base64")}`;

async function vector(name, type, data, events, more = {}) {
  const { change = (it) => it, key = secret, ...rest } = more;
  const body = JSON.stringify({ object: "event", id: "evt_1", type, created_at: now, data });
  const id = `wh_${name.replaceAll(" ", "_")}`;
  const headers = {
    "Content-Type": "application/json",
    ...standardWebhooks(key, id, body, now),
  };
  headers["webhook-signature"] = change(headers["webhook-signature"]);
  let accepted = true;
  try {
    await client.webhooks.unwrap(body, headers, secret);
  } catch {
    accepted = false;
  }
  if (accepted !== (rest.valid ?? true)) throw new Error(`${name}: the package says ${accepted}`);
  return { name, headers, body, events, ...rest };
}

const sip_headers = [
  { name: "From", value: '"Somebody" <sip:+15005550100@192.0.2.1>;tag=abc' },
  { name: "To", value: "<sip:proj_test@sip.api.openai.com;transport=tls>" },
  { name: "Call-ID", value: "0000-1111@192.0.2.1" },
];
const about = { what: "answered", direction: "inbound", at_ms: now * 1000 };
const called = {
  ...about,
  also: ["sip-call-id/0000-1111@192.0.2.1"],
  from: "+15005550100",
  agent: "proj_test",
};
const realtime = { call_id: "rtc_1", sip_headers };

writeVectors("openai", {
  packages: ["openai 7.59.0", "openai (Python) 3.57.0", "standardwebhooks 1.1.1"],
  secret,
  now_ms: now * 1000,
  max_age_s: 300,
  signed_headers: ["webhook-id", "webhook-timestamp", "webhook-signature"],
  vectors: await Promise.all([
    vector("for Realtime", "realtime.call.incoming", realtime, [{ ...called, call: "rtc_1" }]),
    vector("for Live", "live.transport.incoming", { type: "sip", session_id: "live_1", sip_headers }, [
      { ...called, call: "live_1" },
    ]),
    vector("for Live by its old name", "live.call.incoming", { session_id: "live_1", sip_headers }, [
      { ...called, call: "live_1" },
    ]),
    vector("in a browser", "live.transport.connected", { type: "webrtc", session_id: "live_2" }, [
      { ...about, call: "live_2" },
    ]),
    vector(
      "headers in other forms",
      "realtime.call.incoming",
      {
        call_id: "rtc_2",
        sip_headers: [
          { name: "f", value: "tel:+15005550100;phone-context=example.com" },
          { name: "TO", value: "sips:+15005550006@sip.example.com" },
          { name: "i", value: "2222" },
          { name: "x-twilio-callsid", value: "CA00000000000000000000000000000001" },
          { name: "i", value: "3333" },
        ],
      },
      [
        {
          ...about,
          call: "rtc_2",
          also: ["sip-call-id/2222", "CA00000000000000000000000000000001"],
          from: "+15005550100",
          to: "+15005550006",
        },
      ],
    ),
    vector(
      "a caller who is withheld",
      "realtime.call.incoming",
      { call_id: "rtc_3", sip_headers: [{ name: "From", value: "nonsense" }] },
      [{ ...about, call: "rtc_3" }],
    ),
    vector("no headers", "realtime.call.incoming", { call_id: "rtc_4" }, [{ ...about, call: "rtc_4" }]),
    vector("about something else", "batch.completed", { id: "batch_1" }, []),
    vector("of tomorrow", "realtime.call.teleported", { call_id: "rtc_5" }, []),
    vector("rotated with the right one first", "realtime.call.incoming", realtime, [{ ...called, call: "rtc_1" }], {
      change: (it) => `${it} ${other}`,
    }),
    // Changed by one letter, its first entry is skipped, and the second still right.
    vector("rotated with the right one last", "realtime.call.incoming", realtime, [{ ...called, call: "rtc_1" }], {
      change: (it) => `${other} ${it}`,
      spoil: false,
    }),
    vector("of another secret", "realtime.call.incoming", realtime, [], {
      key: "whsec_YW5vdGhlciBzZWNyZXQ=",
      valid: false,
    }),
  ]),
});
