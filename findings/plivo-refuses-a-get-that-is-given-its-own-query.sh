#!/bin/sh
# plivo 4.79.0 (npm): a genuine GET is refused if its parsed query is handed over beside its URL.
#
# Expected: `validateV3Signature(method, uri, nonce, token, signature, params)` takes what a handler has:
# the URL as it came, and the parameters, which of a GET are those of its query.
# Seen (2026-11-29): for a GET the parameters are added to those that stand in the URL, so that each
# counts twice, and the answer is false. With {} or without them it is true. Of a POST the parameters are
# needed. Nothing is raised.
#
# For whoever receives webhooks: hand over the form of a POST, and nothing for a GET. A middleware that
# passes `{ ...req.query, ...req.body }` refuses each answer URL that is asked with GET.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund plivo@4.79.0
cat >seen.mjs <<'JAVASCRIPT'
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import plivo from "plivo";

console.log("plivo", JSON.parse(readFileSync("node_modules/plivo/package.json", "utf8")).version);
const [token, nonce, page] = ["auth-token-of-a-test", "05429567804466091622", "https://example.com/answer/"];
const fields = { CallUUID: "97ceeb52-58b6-11e1-86da-77300b68f8bb", From: "15005550100" };
const query = new URLSearchParams(fields).toString();
// As Plivo signs: the URL with its query sorted, then `.` and the nonce.
const signature = createHmac("sha256", token).update(`${page}?${query}.${nonce}`).digest("base64");
const is = (params) => plivo.validateV3Signature("GET", `${page}?${query}`, nonce, token, signature, params);
const seen = { "the URL alone": is(undefined), "the URL and {}": is({}), "the URL and its query": is(fields) };
for (const [how, what] of Object.entries(seen)) console.log(`GET, given ${how}: ${what}`);
if (Object.values(seen).join("|") !== "true|true|false") {
  console.error("it has changed");
  process.exit(1);
}
JAVASCRIPT
node seen.mjs
