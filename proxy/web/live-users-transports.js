// The three ways to hear of a value of the proxy: WebSocket, server-sent events, polling. Each is
// opened for the address of the value and is ended by close(); it tells
//   heard(text): a frame, or null for a sign of life without one;
//   ended(isRefused): it is over; whether because this reader may not read any more.
// Polling has no end: it tells failed({ error, status }) and goes on.

const FETCH_TIMEOUT_MS = 10_000;

// With it, the total is told with its doubt.
const ACCEPTED = "application/vnd.live-users+json, application/json;q=0.5";

/** The status and the code of a close that say that this reader may not read, or not any more. */
const UNAUTHORIZED = 401;
const SESSION_REVOKED = 4001;

/** What can be wrong, as messages of the section `link`: each element of a page has its own language. */
const UNREACHABLE = { key: "unreachable" };
const LATE = { key: "late" };
const NOT_ALLOWED = { key: "notAllowed" };
export const NOT_A_COUNT = { key: "notACount" };
const STATUSES = new Map();

function answered(status) {
  if (!STATUSES.has(status)) STATUSES.set(status, { key: "status", values: { status: String(status) } });
  return STATUSES.get(status);
}

export function openSocket(url, { heard, ended }) {
  const address = below(url, "ws");
  address.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  let socket;
  try {
    socket = new WebSocket(address);
  } catch {
    // WebSockets are not allowed here.
    queueMicrotask(() => ended(false));
    return { close() {} };
  }
  socket.onmessage = ({ data }) => heard(data);
  socket.onclose = ({ code }) => ended(code === SESSION_REVOKED);
  return {
    close() {
      socket.onmessage = socket.onclose = null;
      socket.close();
    },
  };
}

// Not by EventSource: that shows neither comments, by which a silent stream says that it lives,
// nor why a stream is refused.
export function openEvents(url, { heard, ended }) {
  const request = new AbortController();
  const end = (status) => request.signal.aborted || ended(status === UNAUTHORIZED);
  readEvents(below(url, "stream"), request.signal, heard).then(end, () => end());
  return { close: () => request.abort() };
}

/** Reads until it ends; the status of an answer that is no stream. */
async function readEvents(url, signal, heard) {
  const headers = { accept: "text/event-stream" };
  const response = await fetch(url, { cache: "no-store", headers, signal });
  if (!response.ok) return response.status;
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (buffer + value).split("\n\n");
    buffer = blocks.pop();
    for (const block of blocks) {
      const data = block.split("\n").find((line) => line.startsWith("data: "));
      heard(data ? data.slice("data: ".length) : null);
    }
  }
}

export function openPolling(url, intervalMs, { heard, failed }) {
  let request;
  let timer;
  const poll = async () => {
    clearTimeout(timer);
    request?.abort();
    const mine = new AbortController();
    request = mine;
    const { text, ...why } = await ask(url, mine);
    if (request !== mine) return; // closed, or another one has taken over
    timer = setTimeout(poll, intervalMs);
    if (text === undefined) failed(why);
    else heard(text, why);
  };
  poll();
  return {
    // A request that is under way is replaced: it may hang on a network that is gone.
    now: poll,
    close() {
      clearTimeout(timer);
      const last = request;
      request = null;
      last?.abort();
    },
  };
}

// The browser's own cache asks with If-None-Match, and answers with what it has after a 304.
async function ask(url, request) {
  let isLate = false;
  const timeout = setTimeout(() => {
    isLate = true;
    request.abort();
  }, FETCH_TIMEOUT_MS);
  const { signal } = request;
  try {
    const response = await fetch(url, { cache: "no-cache", headers: { accept: ACCEPTED }, signal });
    const { ok, status } = response;
    const text = await response.text();
    if (isFrame(text)) return { text, status, date: response.headers.get("date") };
    return { error: ok ? NOT_A_COUNT : answered(status), status };
  } catch {
    if (isLate) return { error: LATE };
    return { error: (await isForbidden(url, signal)) ? NOT_ALLOWED : UNREACHABLE };
  } finally {
    clearTimeout(timeout);
  }
}

// A browser tells a page of another origin alike that a server is away and that it allows no such page.
// What every page may load comes only in the second case.
async function isForbidden(url, signal) {
  if (url.origin === location.origin) return false;
  try {
    const asset = url.pathname.slice(0, url.pathname.lastIndexOf("/api/") + 1);
    const probe = new URL(`${asset}live-users.js`, url);
    await fetch(probe, { cache: "no-store", credentials: "omit", mode: "no-cors", signal });
    return true;
  } catch {
    return false;
  }
}

function isFrame(text) {
  try {
    return typeof JSON.parse(text)?.success === "boolean";
  } catch {
    return false;
  }
}

function below(url, name) {
  const address = new URL(url);
  address.pathname += `/${name}`;
  return address;
}
