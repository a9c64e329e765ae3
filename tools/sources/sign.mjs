// Signs for tools/sources.py: a line of JSON in, [kind, secret, url, body or fields, age_s], and one out,
// {"url", "headers", "body"}. The providers' packages sign or accept each of them at that moment. With an
// `age_s` other than 0 the time in the signature is wrong by so many seconds, and no package is asked.

import { createInterface } from "node:readline";
import querystring from "node:querystring";
import * as sign from "../vectors/sign.mjs";

const FORM = "application/x-www-form-urlencoded";
let count = 0;

const ofKind = {
  "telnyx-key": (seed) => ({ headers: {}, url: sign.telnyxKeys(Buffer.from(seed)).secret }),
  form: (secret, url, fields) => sign.twilioForm(secret, url, fields),
  signalwire: (secret, url, fields) => sign.signalwire(secret, url, fields),
  plivo: (secret, url, fields) => sign.plivo(secret, "POST", url, fields, `nonce-${++count}`),
  streams: (secret, url, body) => sign.twilioJson(secret, url, body),
  telnyx: (seed, _, body, ...time) => sign.telnyx(sign.telnyxKeys(Buffer.from(seed)), body, ...time),
  vapi: (secret, _, body, now) => sign.vapi(secret, body, now * 1000),
  retell: (secret, _, body) => sign.retell(secret, body),
  livekit: (secret, _, body) => sign.livekit(...secret.split(":"), body),
  events: (secret, _, body, ...time) => sign.standardWebhooks(secret, `m-${++count}`, body, ...time),
  openai: (secret, _, body, ...time) => sign.openai(secret, `m-${++count}`, body, ...time),
  vonage: (secret, _, body, ...time) => sign.vonage(secret, body, ...time),
  jambonz: (secret, _, body, ...time) => sign.jambonz(secret, body, ...time),
  elevenlabs: (secret, _, body, ...time) => sign.elevenlabs(secret, body, ...time),
};
const isForm = (kind) => ["form", "signalwire", "plivo"].includes(kind);

async function signed(kind, secret, url, contents, age_s) {
  const clock = Date.now;
  // Retell's package signs with the time of the clock, and nothing else.
  if (kind === "retell") Date.now = () => clock() - age_s * 1000;
  try {
    const now = Math.floor(clock() / 1000) - age_s;
    const body = isForm(kind) ? querystring.stringify(contents) : contents;
    const made = await ofKind[kind](secret, url, contents, now, age_s === 0);
    const { url: signedUrl = url, headers } = made.headers ? made : { headers: made };
    headers["Content-Type"] = isForm(kind) ? FORM : "application/json";
    return { url: signedUrl, headers, body };
  } finally {
    Date.now = clock;
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  try {
    console.log(JSON.stringify(await signed(...JSON.parse(line))));
  } catch (error) {
    console.log(JSON.stringify({ error: `${error.message}` }));
  }
}
