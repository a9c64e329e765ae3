// Tells what it reads, a line of [event, call, more] each: for tools/clients.py.
import { createInterface } from "node:readline";
import { LiveUsers } from "../../clients/javascript/live-users.mjs";

const [url, secret, heartbeat, queueMax] = process.argv.slice(2);
const options = { agent: "booking", heartbeatSeconds: Number(heartbeat), queueMax: Number(queueMax) };
const live = new LiveUsers(url, secret, options);
for await (const line of createInterface({ input: process.stdin })) {
  const [event, call, more] = JSON.parse(line);
  if (event !== "call") {
    live[event](call, more);
    continue;
  }
  const handled = live.call(call, { caller: "+15005550100" }, async (up) => {
    up.transferred();
    if (more.divisor === 0) throw new RangeError("a division by zero");
  });
  await handled.catch(() => {});
}
await live.close(1000);
