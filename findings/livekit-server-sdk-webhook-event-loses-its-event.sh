#!/bin/sh
# livekit-server-sdk 2.19.2 (npm): `new WebhookEvent({...})` has an empty `event`.
#
# Expected: the class takes the fields that it is given, as `WebhookEvent` of @livekit/protocol does,
# which it extends and shares its name with.
# Seen (2026-11-29): `event` is set to "" again after the parent's constructor has filled it in. `id` and
# the rest are kept. Nothing is raised. `fromJson`, and so `WebhookReceiver`, are right.
#
# For whoever receives webhooks: a test that makes its events with this constructor feeds a handler an
# event of no type. Make them with `WebhookEvent.fromJson`, or take the class of @livekit/protocol.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund livekit-server-sdk@2.19.2 @livekit/protocol@1.51.0
cat >seen.mjs <<'JAVASCRIPT'
import { readFileSync } from "node:fs";
import { WebhookEvent as OfProtocol } from "@livekit/protocol";
import { WebhookEvent } from "livekit-server-sdk";

for (const name of ["livekit-server-sdk", "@livekit/protocol"]) {
  console.log(name, JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version);
}
const fields = { id: "EV_1", event: "room_finished" };
const seen = {
  "new WebhookEvent, livekit-server-sdk": new WebhookEvent(fields),
  "WebhookEvent.fromJson, livekit-server-sdk": WebhookEvent.fromJson(fields),
  "new WebhookEvent, @livekit/protocol": new OfProtocol(fields),
};
for (const [how, { id, event }] of Object.entries(seen)) console.log(`${how}: ${JSON.stringify({ id, event })}`);
const same = Object.values(seen).map(({ id, event }) => `${id} ${event}`).join("|");
if (same !== "EV_1 |EV_1 room_finished|EV_1 room_finished") {
  console.error("it has changed");
  process.exit(1);
}
JAVASCRIPT
node seen.mjs
