#!/bin/sh
# openai 7.59.0 and standardwebhooks 1.1.1 (npm): one secret without `whsec_` is two keys.
#
# Expected: OpenAI signs as Standard Webhooks do, and `whsec_` only says what the text is. So a secret
# without it verifies with both packages or with neither.
# Seen (2026-11-29): standardwebhooks decodes Base64 with and without the prefix. openai decodes it after
# the prefix alone, and takes any other text as the key itself. A genuine message is then refused:
# InvalidWebhookSignatureError, which names the signature and not the secret.
#
# For whoever receives webhooks: keep the prefix when a secret goes into a setting or a vault. A test that
# signs with standardwebhooks and verifies with openai passes only with it.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund openai@7.59.0 standardwebhooks@1.1.1
cat >seen.mjs <<'JAVASCRIPT'
import { readFileSync } from "node:fs";
import OpenAI from "openai";
import { Webhook } from "standardwebhooks";

for (const name of ["openai", "standardwebhooks"]) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version);
}
const base64 = "bGl2ZS11c2Vycy10ZXN0LXNlY3JldC0wMTIzNDU2Nzg5";
const event = { id: "evt_1", object: "event", type: "realtime.call.incoming", data: { call_id: "rtc_1" } };
const body = JSON.stringify(event);

async function read(secret) {
  const now = new Date();
  const signature = new Webhook(secret).sign("evt_1", now, body);
  const seconds = String(Math.floor(now / 1000));
  const headers = { "webhook-id": "evt_1", "webhook-timestamp": seconds, "webhook-signature": signature };
  new Webhook(secret).verify(body, headers);
  const client = new OpenAI({ apiKey: "none", webhookSecret: secret });
  try {
    return (await client.webhooks.unwrap(body, headers)).type;
  } catch (error) {
    return `raises ${error.constructor.name}`;
  }
}

const seen = { "with whsec_": await read(`whsec_${base64}`), "without it": await read(base64) };
for (const [how, what] of Object.entries(seen)) console.log(`standardwebhooks signs, openai reads, ${how}: ${what}`);
if (Object.values(seen).join("|") !== "realtime.call.incoming|raises InvalidWebhookSignatureError") {
  console.error("it has changed");
  process.exit(1);
}
JAVASCRIPT
node seen.mjs
