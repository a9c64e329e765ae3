// Signs requests as each provider does, and has the provider's own package for JavaScript accept what
// was signed. The scripts here make vectors of them, tools/sources.py sends them to a real backend.
// A package is loaded when its provider is asked for: NODE_PATH has those that are needed.
//
// A function gives the headers that authenticate a request, or throws if the package refuses it.

import { createHash, createHmac, createPrivateKey, createPublicKey, sign } from "node:crypto";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import querystring from "node:querystring";

const require = createRequire(import.meta.url);

export const seconds = () => Math.floor(Date.now() / 1000);

function accepted(name, is) {
  if (!is) throw new Error(`the package of ${name} refuses what was signed for it`);
}

function hmac(algorithm, secret, text, encoding) {
  return createHmac(algorithm, secret).update(text, "utf8").digest(encoding);
}

/** A form, of Twilio. */
export function twilioForm(secret, url, fields) {
  const webhooks = require("twilio/lib/webhooks/webhooks");
  const signature = webhooks.getExpectedTwilioSignature(secret, url, fields);
  accepted("twilio", webhooks.validateRequest(secret, signature, url, fields));
  return { "X-Twilio-Signature": signature };
}

/** A body of Twilio that is no form: the URL has its hash, and only the URL is signed. */
export function twilioJson(secret, url, body) {
  const webhooks = require("twilio/lib/webhooks/webhooks");
  const signedUrl = `${url}?bodySHA256=${webhooks.getExpectedBodyHash(body)}`;
  const signature = webhooks.getExpectedTwilioSignature(secret, signedUrl, {});
  accepted("twilio", webhooks.validateRequestWithBody(secret, signature, signedUrl, body));
  return { url: signedUrl, headers: { "X-Twilio-Signature": signature } };
}

/** The pair of keys that belongs to 32 bytes: the private one, and the public one in Base64. */
export function telnyxKeys(seed) {
  const pkcs8 = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), seed]);
  const key = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
  const der = createPublicKey(key).export({ format: "der", type: "spki" });
  return { key, secret: der.subarray(-32).toString("base64") };
}

export async function telnyx({ key, secret }, body, now = seconds(), isChecked = true) {
  const { TelnyxWebhook } = require(join(dirname(require.resolve("telnyx")), "lib/webhooks.js"));
  const headers = {
    "telnyx-signature-ed25519": sign(null, Buffer.from(`${now}|${body}`), key).toString("base64"),
    "telnyx-timestamp": String(now),
  };
  if (isChecked) await new TelnyxWebhook(secret).verify(body, headers);
  return headers;
}

/** Values of one name keep their order, with repeats. */
export function signalwire(secret, url, fields) {
  const { RestClient } = require("@signalwire/compatibility-api");
  const text = Object.keys(fields).sort().flatMap((name) => {
    return [fields[name]].flat().map((value) => name + value);
  });
  const signature = hmac("sha1", secret, url + text.join(""), "base64");
  accepted("signalwire", RestClient.validateRequest(secret, signature, url, fields));
  return { "X-SignalWire-Signature": signature };
}

function inOrder(fields) {
  const pairs = Object.entries(fields).flatMap(([name, value]) => {
    return [value].flat().map((one) => [name, one]);
  });
  return pairs.sort(([a, b], [c, d]) => (a + "\0" + b < c + "\0" + d ? -1 : 1));
}

export function plivo(secret, method, url, fields, nonce) {
  const { validateV3Signature } = require("plivo");
  const [base, search = ""] = url.split("?");
  const query = inOrder(querystring.parse(search)).map((pair) => pair.join("=")).join("&");
  const text = inOrder(fields).map((pair) => pair.join("")).join("");
  const between = query && text ? "." : "";
  const whole = `${base}${query || text ? "?" : ""}${query}${between}${text}.${nonce}`;
  const signature = hmac("sha256", secret, whole, "base64");
  // The package gives the map of fields that it is handed other contents.
  const copy = structuredClone({ ...fields });
  accepted("plivo", validateV3Signature(method, url, nonce, secret, signature, copy));
  return { "X-Plivo-Signature-V3": signature, "X-Plivo-Signature-V3-Nonce": nonce };
}

/** The package has types only: this follows what it says of an HMAC credential's defaults. */
export function vapi(secret, body, stamp = Date.now()) {
  const hex = hmac("sha256", secret, `${stamp}.${body}`, "hex");
  return { "x-signature": hex, "x-timestamp": `${stamp}` };
}

/** The package reads the clock to sign. */
export async function retell(secret, body) {
  const { Retell } = require("retell-sdk");
  const signature = await Retell.sign(body, secret);
  accepted("retell-sdk", await Retell.verify(body, secret, signature));
  return { "X-Retell-Signature": signature };
}

/** A token of LiveKit that has the hash of this body. `ttl`: for how many seconds it is good. */
export async function livekitToken(key, secret, body, ttl = 300) {
  const { AccessToken } = require("livekit-server-sdk");
  const made = new AccessToken(key, secret, { ttl });
  made.sha256 = createHash("sha256").update(body).digest("base64");
  return made.toJwt();
}

export async function livekit(key, secret, body) {
  const { WebhookReceiver } = require("livekit-server-sdk");
  const token = await livekitToken(key, secret, body);
  await new WebhookReceiver(key, secret).receive(body, token);
  return { Authorization: token };
}

export function standardWebhooks(secret, id, body, now = seconds(), isChecked = true) {
  const { Webhook } = require("standardwebhooks");
  const headers = {
    "webhook-id": id,
    "webhook-timestamp": String(now),
    "webhook-signature": new Webhook(secret).sign(id, new Date(now * 1000), body),
  };
  if (isChecked) new Webhook(secret).verify(body, headers, { jsonParse: false });
  return headers;
}

export async function openai(secret, id, body, now = seconds(), isChecked = true) {
  const { OpenAI } = require("openai");
  const headers = standardWebhooks(secret, id, body, now, isChecked);
  if (isChecked) await new OpenAI({ apiKey: "none" }).webhooks.unwrap(body, headers, secret);
  return headers;
}

/** The library that the package rests on signs; the package checks tokens alone, and no body. */
export function vonageToken(secret, claims, options) {
  const jsonwebtoken = createRequire(require.resolve("@vonage/jwt"))("jsonwebtoken");
  return jsonwebtoken.sign(claims, secret, { algorithm: "HS256", ...options });
}

export function vonage(secret, body, now = seconds(), isChecked = true) {
  const { verifySignature } = require("@vonage/jwt");
  const payload_hash = createHash("sha256").update(body).digest("hex");
  const token = vonageToken(secret, { iss: "Vonage", iat: now, jti: `j-${now}`, payload_hash });
  if (isChecked) accepted("vonage", verifySignature(token, secret));
  return { Authorization: `Bearer ${token}` };
}

export function jambonz(secret, body, now = seconds(), isChecked = true) {
  const { WebhookResponse } = require("@jambonz/node-client");
  const value = `t=${now},v1=${hmac("sha256", secret, `${now}.${body}`, "hex")}`;
  const request = {
    body: JSON.parse(body),
    headers: { "jambonz-signature": value },
    get: () => value,
    url: "/",
  };
  let reached = !isChecked;
  const next = () => (reached = true);
  if (isChecked) WebhookResponse.verifyJambonzSignature(secret)(request, {}, next);
  accepted("jambonz", reached);
  return { "Jambonz-Signature": value };
}

export async function elevenlabs(secret, body, now = seconds(), isChecked = true) {
  const { ElevenLabsClient } = require("@elevenlabs/elevenlabs-js");
  const value = `t=${now},v0=${hmac("sha256", secret, `${now}.${body}`, "hex")}`;
  const client = new ElevenLabsClient({ apiKey: "none" });
  if (isChecked) await client.webhooks.constructEvent(body, value, secret);
  return { "ElevenLabs-Signature": value };
}
