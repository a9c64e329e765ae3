// What the JavaScript client reads from a server with three calls, in the words that read.py has too.

const fieldsOf = ({ response, error }) => ({ status: response.status, error: error.error });

/** Asks for everything once. */
export async function read({ LiveUsersApi, createClient }, baseUrl, token) {
  const api = (auth) => new LiveUsersApi({ client: createClient({ baseUrl, auth }) });
  const live = api(token);
  const told = {};
  told.total = (await live.total()).data.liveUsers;
  told.summary = (await live.summary()).data.withAgent;
  told.role = (await live.access()).data.role;
  told.calls = [];
  told.pages = 0;
  let after;
  do {
    const { data } = await live.calls({ query: { limit: 2, after } });
    told.calls.push(...data.calls.map((call) => call.callSid));
    told.pages += 1;
    after = data.next ?? undefined;
  } while (after);
  const [callSid] = told.calls;
  told.explained = (await live.explain({ path: { callSid } })).data.call.callSid;
  const history = (await live.history({ query: { from: "-30m", step: "1m", agent: "booking" } })).data;
  told.history = { agent: history.agent, stepMs: history.stepMs, hasPoints: history.points.length >= 30 };
  // Tables have a header row and rows; the other form is an object a line.
  const rows = (text) => text.trim().split("\n").length;
  told.table = rows((await live.stretches({ query: { format: "csv" } })).data);
  const lines = await live.calls({ query: { format: "jsonl" }, parseAs: "text" });
  told.lines = rows(lines.data);
  const activity = (await live.activity({ query: { limit: 1000 } })).data;
  told.activities = activity.activities.length;
  told.later = (await live.activity({ query: { after: activity.cursor } })).data.activities.length;
  told.setup = (await live.setup()).data.webhooks.voice.accepted;
  told.ready = (await live.ready()).data.status;
  told.picture = (await live.historyPicture({ parseAs: "text" })).data.slice(0, 4);
  told.metrics = (await live.metrics()).data.includes("live_users_");
  const body = { name: "a screen", scope: { agent: "booking" }, view: "wallboard", expires: "1h" };
  const { data: made } = await live.shareLink({ body });
  told.shared = (await api(made.token).access()).data.link.scope;
  told.links = (await live.links()).data.links.map((link) => link.name);
  told.revoked = (await live.revokeLink({ path: { id: made.link.id } })).data.link.id === made.link.id;
  told.linksLeft = (await live.links()).data.links.length;
  told.badStep = fieldsOf(await live.history({ query: { step: "1s" } }));
  told.noCall = fieldsOf(await live.explain({ path: { callSid: "CA" + "0".repeat(32) } }));
  told.wrongToken = fieldsOf(await api("0123456789abcdef0123").summary());
  told.noToken = fieldsOf(await api(undefined).summary());
  told.evicted = (await live.evict({ path: { callSid } })).data.call.callSid;
  told.again = fieldsOf(await live.evict({ path: { callSid } }));
  told.left = (await live.total()).data.liveUsers;
  return told;
}

/** The answer of the proxy while its backend is away. */
export async function away({ LiveUsersApi, createClient }, baseUrl, token) {
  return fieldsOf(await new LiveUsersApi({ client: createClient({ baseUrl, auth: token }) }).summary());
}

/** The first number that the stream of summaries tells. */
export async function hear({ LiveUsersApi, createClient }, baseUrl, token) {
  const live = new LiveUsersApi({ client: createClient({ baseUrl, auth: token }) });
  const ended = new AbortController();
  const { stream } = await live.summaryStream({ signal: ended.signal });
  for await (const told of stream) {
    if (typeof told.liveUsers === "number") {
      ended.abort();
      return told.liveUsers;
    }
  }
}
