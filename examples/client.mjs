// Follows the live count: by server-sent events, and by polling while there is no stream.
//
//     node client.mjs http://127.0.0.1:3000
//
// Node 18 or later; no packages.

const proxy = (process.argv[2] ?? "http://127.0.0.1:3000").replace(/\/+$/, "");

// The server breaks 15 s of silence with a comment. After three of them, the link is dead.
const SILENCE_MS = 45_000;
const POLL_MS = 5_000;
const TIMEOUT_MS = 10_000;

function show({ success, liveUsers, error, last }) {
  // The 0 beside "success": false is no count.
  if (success) console.log(`${liveUsers} live`);
  else console.log(`unknown: ${error}${last ? ` (was ${last.liveUsers} at ${last.asOf})` : ""}`);
}

// Shows each frame of the stream until it ends, and throws when it breaks.
async function follow() {
  const dead = new AbortController();
  let timer = setTimeout(() => dead.abort(), TIMEOUT_MS);
  try {
    const url = `${proxy}/api/live-users/stream`;
    const answer = await fetch(url, { headers: { accept: "text/event-stream" }, signal: dead.signal });
    if (!answer.ok) throw new Error(`the stream answers ${answer.status}`);
    const decoder = new TextDecoder();
    let text = "";
    for await (const bytes of answer.body) {
      clearTimeout(timer);
      timer = setTimeout(() => dead.abort(), SILENCE_MS);
      text += decoder.decode(bytes, { stream: true });
      const events = text.split(/\r?\n\r?\n/);
      text = events.pop();
      for (const event of events) {
        const data = event.split(/\r?\n/).filter((line) => line.startsWith("data:"));
        if (data.length > 0) show(JSON.parse(data.map((line) => line.slice(5).trim()).join("\n")));
      }
    }
  } finally {
    clearTimeout(timer);
  }
}

// An answer with an error has the same form, so its status does not matter here.
async function poll() {
  const answer = await fetch(`${proxy}/api/live-users`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  show(await answer.json());
}

for (;;) {
  await follow().catch((error) => console.error(`no stream: ${error.message}`));
  await poll().catch((error) => console.error(`no answer: ${error.message}`));
  // A random part, so that many clients do not come back at the same moment.
  await new Promise((wake) => setTimeout(wake, POLL_MS * (0.5 + Math.random())));
}
