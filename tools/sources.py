#!/usr/bin/env python3
"""Calls that many providers tell of at once count in one number: sends what the providers' own packages sign
at that moment to both servers, and looks at the number, per source, from outside.

    tools/sources.py                    # with docker compose, or docker-compose 1.29: builds the images
    tools/sources.py --built FOLDER     # with the binaries in this folder, without Docker

Twilio forms, Event Streams, Telnyx, SignalWire, Vapi, Retell, LiveKit, /api/events, Plivo, Vonage, jambonz,
ElevenLabs and OpenAI. It checks repeats, spoiled requests, hand-overs, a killed backend, ends, ends that are
lost, and the page in Chromium. It installs pinned packages from npm into a folder of its own, or takes the
`node_modules` that SOURCES_MODULES names. Node is needed, and Chromium with chromedriver for the page.
SOURCES_SCREENSHOT names the file for a picture of it. Other files than docker-compose.yml come in COMPOSE_FILE. It
takes two minutes beside what it builds. Everything is on loopback.
"""

import atexit, concurrent.futures, json, os, re, shutil, subprocess, sys, tempfile, time
from pathlib import Path

from common import ROOT, becomes, check, end_within, failed

sys.path.insert(0, str(ROOT / "tools/sources"))
import providers as says
from page import Page, is_here
from providers import SECRETS, SOURCES, SUBACCOUNT, Call, Signer, post
from stack import ADMIN, TOKENS, Built, Compose

# Those that sign, or accept what was signed; the versions of tools/vectors.
PACKAGES = ("twilio@6.3.1 telnyx@7.24.0 @signalwire/compatibility-api@3.2.0 retell-sdk@5.66.1 livekit-server-sdk@2.19.2 "
            "standardwebhooks@1.1.1 plivo@4.79.0 @vonage/jwt@1.17.1 @jambonz/node-client@0.4.11 openai@7.59.0 "
            "@elevenlabs/elevenlabs-js@2.73.0").split()
TAKEN = (200, 204)
NEW_SECRET = "new-secret-of-vapi-fedcba9876543210"


class Trial:
    def __init__(self, stack, signer):
        self.stack, self.signer, self.sent = stack, signer, []
        # What has to be counted: each call with its party and those who have told of it.
        self.calls = {}

    def sign(self, source, contents, path=None, **more):
        return source, self.signer.request(source, contents, path, **more)

    def tell(self, *signed):
        """Sends them all at once. Each has to be taken."""
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda it: post(self.stack.backend, *it[1]), signed))
        refused = [(source, request[2][:200], answer) for (source, request), answer in zip(signed, answers) if answer[0] not in TAKEN]
        self.sent += signed
        if refused:
            check("all are taken", False, refused)

    def say(self, source, contents, path=None):
        self.tell(self.sign(source, contents, path))

    def has(self, call, party, *sources, account=None):
        told = self.calls.setdefault(call, {"sources": set(), "accounts": set()})
        told["party"] = party
        # What Event Streams tell is Twilio's word, too.
        told["sources"] |= {*sources, *(["twilio"] if "streams" in sources else [])}
        told["accounts"] |= {account} - {None}

    def over(self, *calls):
        for call in calls:
            self.calls.pop(call)

    def wanted(self):
        count = lambda party, of=lambda it: True: sum(it["party"] == party and of(it) for it in self.calls.values())
        names = ["twilio", *(id for id, *_ in SOURCES), "api"]
        sources = {name: n for name in names if (n := count("agent", lambda it: name in it["sources"]))}
        of = lambda name: lambda it: name in it["accounts"] if name else not it["accounts"]
        accounts = {name: n for name in ("acme", "emea", None) if (n := count("agent", of(name)))}
        # Where no call has an account, none is named.
        accounts = {} if set(accounts) == {None} else accounts
        line = {"withAgent": count("agent"), "waiting": count("waiting"), "withPerson": count("person"), "machine": count("machine")}
        return {"number": count("agent"), "at the proxy": count("agent"), **line, "sources": sources, "accounts": accounts}

    def seen(self):
        summary = self.stack.get("/api/live-users/summary")
        sources = {it["source"]: it["liveUsers"] for it in summary["sources"] if it["liveUsers"]}
        accounts = {it["account"]: it["liveUsers"] for it in summary.get("byAccount", []) if it["liveUsers"]}
        line = {name: summary[name] for name in ("withAgent", "waiting", "withPerson", "machine")}
        at_proxy = self.stack.get("/api/live-users/summary", of_proxy=True)["liveUsers"]
        numbers = {self.stack.number(True), at_proxy}
        return {"number": self.stack.number(), "at the proxy": at_proxy if len(numbers) == 1 else numbers, **line,
                "sources": sources, "accounts": accounts}

    def holds(self, what, seconds=5):
        wanted = self.wanted()
        is_so = becomes(lambda: self.seen() == wanted, seconds)
        seen = self.seen()
        differ = {name: (value, seen[name]) for name, value in wanted.items() if seen[name] != value}
        check(f"{what}: {wanted['number']}", is_so, f"expected and seen: {differ}")

    def stays(self, what, seconds=1.5):
        time.sleep(seconds)
        self.holds(what, 1)


def starts(trial):
    """One call for each way in, all at the same moment."""
    calls = {name: Call() for name in "twilio acme streams telnyx signalwire vapi retell livekit app signed api plivo vonage jambonz openai".split()}
    sign = trial.sign
    c = calls
    signed = [
        sign("twilio", says.twilio(c["twilio"], "ringing"), "/voice"),
        sign("twilio", says.twilio(c["acme"], "ringing", SUBACCOUNT), "/voice", secret=SECRETS["ACME_AUTH_TOKEN"]),
        sign("streams", says.stream(says.twilio(c["streams"], "in-progress"))),
        sign("telnyx", says.telnyx(c["telnyx"], "call.answered", direction="incoming")),
        sign("signalwire", says.compatible(c["signalwire"], "in-progress")),
        sign("vapi", says.vapi(c["vapi"], "in-progress", joined=False)),
        sign("retell", says.retell(c["retell"], "call_started", joined=False)),
        sign("livekit", says.livekit(c["livekit"], "participant_joined", joined=False)),
        sign("app", says.event(c["app"], "started")),
        sign("signed", [says.event(c["signed"], "started")]),
        sign("api", says.event(c["api"], "started")),
        sign("plivo", says.plivo(c["plivo"], "in-progress", "StartApp")),
        sign("vonage", says.vonage(c["vonage"], "answered")),
        sign("jambonz", says.jambonz(c["jambonz"], "in-progress")),
        sign("openai", says.openai(c["openai"])),
    ]
    trial.tell(*signed)
    for name, call in calls.items():
        account = {"acme": "acme", "telnyx": "emea", "signalwire": "emea"}.get(name)
        trial.has(call, "agent", "twilio" if name == "acme" else name, account=account)
    trial.holds("a call of each way in, told at once")
    return calls


def joined(trial):
    """A call that Twilio's forms, Event Streams, three platforms and an application tell of."""
    one, sign = Call(), trial.sign
    trial.tell(sign("twilio", says.twilio(one, "ringing"), "/voice"), sign("streams", says.stream(says.twilio(one, "in-progress"))),
               sign("vapi", says.vapi(one, "in-progress")), sign("retell", says.retell(one, "call_started")),
               sign("livekit", says.livekit(one, "participant_joined")), sign("app", says.event(one, "started", one.sid)),
               sign("openai", says.openai(one, joined=True)))
    trial.has(one, "agent", "twilio", "streams", "vapi", "retell", "livekit", "app", "openai")
    trial.holds("one more call, told by seven, counts once")
    # Of a campaign: it rings, a machine answers.
    out = Call("outbound")
    trial.tell(sign("vapi", says.vapi(out, "ringing")), sign("twilio", says.twilio(out, "ringing"), "/call-status"))
    trial.has(out, "waiting", "vapi", "twilio")
    trial.holds("a call that is made rings")
    trial.say("twilio", says.twilio(out, "in-progress", AnsweredBy="machine_start"), "/call-status")
    trial.has(out, "machine")
    trial.holds("and a machine answers")
    return one, out


def repeats(trial):
    trial.tell(*trial.sent[:])
    trial.stays("the same requests again, all at once, change nothing")
    trial.tell(*reversed(trial.sent[-12:]))
    trial.stays("nor do they in another order")


def spoiled(trial):
    """Each request with a letter changed in its body, and each without its signature."""
    samples = {source: request for source, request in trial.sent}
    for source, (path, headers, body) in sorted(samples.items()):
        wrong = [(source, "without a signature", {"Content-Type": headers["Content-Type"]}, body, 401)]
        if source in ("app", "api"):
            wrong.append((source, "with another token", {**headers, "Authorization": "Bearer " + "x" * 40}, body, 403))
        else:
            changed = re.sub(r"5005550(\d)", r"5005551\1", body, count=1)
            wrong.append((source, "with a changed body", headers, changed, 403))
        for source, how, of, text, status in wrong:
            status = 403 if source == "twilio" else status  # Its own rule: there is no field to name.
            answer = post(trial.stack.backend, path, of, text)
            check(f"{source} {how} is refused: {status}", answer[0] == status and text != (body if "changed" in how else ""), (path, answer))
    trial.stays("and what is refused counts nowhere", 0.5)


def hand_overs(trial, calls):
    """Each way of telling it: a leg to a person, or a word."""
    c, sign = calls, trial.sign
    trial.tell(
        sign("twilio", says.twilio_leg(c["twilio"], "in-progress"), "/call-status"),
        sign("streams", says.stream(says.twilio_leg(c["streams"], "in-progress"))),
        sign("telnyx", says.telnyx(c["telnyx"], "call.bridged")),
        sign("signalwire", says.compatible(c["signalwire"], "answered", CallSid=c["signalwire"].leg, ParentCallSid=c["signalwire"].id,
                                           Direction="outbound-dial", From=c["signalwire"].number, To=says.PERSON)),
        sign("vapi", says.vapi(c["vapi"], "forwarding", joined=False)),
        sign("retell", says.retell(c["retell"], "transfer_bridged", joined=False)),
        sign("app", says.event(c["app"], "transferred")),
        sign("signed", says.event(c["signed"], "transferred", **{"with": "person"})),
        sign("api", says.event(c["api"], "transferred")),
        sign("plivo", says.plivo(c["plivo"], "in-progress", "DialAnswer", DialAction="answer", DialBLegStatus="answer", DialALegUUID=c["plivo"].id,
                                 DialBLegUUID=c["plivo"].leg, DialBLegFrom=says.AGENT[1:], DialBLegTo=says.PERSON[1:])),
        sign("vonage", says.vonage(c["vonage"], "answered", leg=True, direction="outbound", to=says.PERSON[1:])),
        sign("jambonz", says.jambonz(c["jambonz"], "in-progress", call_sid=c["jambonz"].leg, parent_call_sid=c["jambonz"].id,
                                     direction="outbound", to=says.PERSON)),
    )
    gone = [it for it in c if it not in ("acme", "livekit", "openai")]
    for name in gone:
        trial.has(c[name], "person")
    trial.holds("callers who were handed over are with a person")
    # Some come back: the leg is over, or somebody says so.
    back = ["twilio", "signalwire", "app", "retell", "jambonz"]
    trial.tell(
        sign("twilio", says.twilio_leg(c["twilio"], "completed", CallDuration="1"), "/call-status"),
        sign("signalwire", says.compatible(c["signalwire"], "completed", CallSid=c["signalwire"].leg, ParentCallSid=c["signalwire"].id,
                                           Direction="outbound-dial", CallDuration="1", From=c["signalwire"].number, To=says.PERSON)),
        sign("app", says.event(c["app"], "returned")),
        sign("retell", says.retell(c["retell"], "transfer_cancelled", joined=False)),
        sign("jambonz", says.jambonz(c["jambonz"], "completed", call_sid=c["jambonz"].leg, parent_call_sid=c["jambonz"].id,
                                     direction="outbound", to=says.PERSON, duration=1)),
    )
    for name in back:
        trial.has(c[name], "agent")
    trial.holds("and those who come back are with the agent")
    # A transfer to a number that is an agent's is to that agent.
    trial.say("twilio", {**says.twilio_leg(c["acme"], "in-progress"), "AccountSid": SUBACCOUNT, "To": "+15005550007"}, "/call-status")
    trial.holds("a transfer to another agent's number is no hand-over")


def killed(trial):
    before = trial.seen()
    trial.stack.kill_backend()
    check("after a SIGKILL the numbers are the same", becomes(lambda: trial.seen() == before, 10), (before, trial.seen()))
    trial.holds("after a SIGKILL")
    trial.tell(*trial.sent[:])
    trial.stays("all that was told before, again after the restart, changes nothing")


def ends(trial, calls, one, out):
    c, sign = calls, trial.sign
    trial.tell(
        sign("twilio", says.twilio(c["twilio"], "completed", CallDuration="9"), "/call-status"),
        sign("twilio", says.twilio(c["acme"], "completed", SUBACCOUNT, CallDuration="9"), "/call-status", secret=SECRETS["ACME_AUTH_TOKEN"]),
        sign("streams", says.stream(says.twilio(c["streams"], "completed", CallDuration="9"))),
        sign("telnyx", says.telnyx(c["telnyx"], "call.hangup", hangup_cause="normal_clearing")),
        sign("signalwire", says.compatible(c["signalwire"], "completed", CallDuration="9")),
        sign("vapi", says.vapi(c["vapi"], "ended", joined=False, endedReason="customer-ended-call")),
        sign("retell", says.retell(c["retell"], "call_ended", joined=False, call_status="ended", disconnection_reason="user_hangup",
                                   end_timestamp=int(time.time() * 1000))),
        sign("livekit", says.livekit(c["livekit"], "participant_left", "hangup", joined=False, disconnectReason="CLIENT_INITIATED")),
        sign("app", says.event(c["app"], "ended")), sign("signed", says.event(c["signed"], "ended")), sign("api", says.event(c["api"], "ended")),
        sign("plivo", says.plivo(c["plivo"], "completed", "Hangup", Duration="9", HangupCause="NORMAL_CLEARING")),
        sign("vonage", says.vonage(c["vonage"], "completed", duration="9")),
        sign("jambonz", says.jambonz(c["jambonz"], "completed", duration=9)),
        # OpenAI tells no end: the application does, by the id that OpenAI has given the call.
        sign("app", says.event(c["openai"], "ended", f"rtc_{c['openai'].id}")),
        sign("elevenlabs", says.elevenlabs(one)),
        sign("vapi", {"message": {**says.vapi(out, "ended")["message"], "type": "end-of-call-report", "endedReason": "voicemail"}}),
    )
    trial.over(*c.values(), one, out)
    trial.holds("each call ends by the word of its source, and the joined one by ElevenLabs'")
    trial.tell(*trial.sent[:])
    trial.stays("and no repeat brings one back")


def out_of_order(trial):
    """The end comes first; two sources have the same short id; a batch of CloudEvents."""
    late, same, other = Call(), Call(), Call()
    trial.say("telnyx", says.telnyx(late, "call.hangup", hangup_cause="normal_clearing"))
    trial.say("telnyx", says.telnyx(late, "call.initiated", direction="incoming"))
    trial.say("telnyx", says.telnyx(late, "call.answered", direction="incoming"))
    trial.holds("a start after the end starts nothing")
    other.short = same.short
    trial.tell(trial.sign("app", says.event(same, "started")), trial.sign("signed", says.event(other, "started")))
    trial.has(same, "agent", "app"), trial.has(other, "agent", "signed")
    trial.holds("two sources with the same short id tell of two calls")
    cloud = lambda call, what: {"specversion": "1.0", "id": f"{what}-{call.id}", "source": "/pbx", "type": f"com.example.call.{what}",
                                "subject": call.short, "time": says.iso(), "data": {"caller": call.number, "agent": "booking"}}
    trial.say("app", [cloud(same, "transferred"), cloud(same, "ended")])
    trial.say("signed", [cloud(other, "ended")])
    trial.over(same, other)
    trial.holds("CloudEvents in a batch end them")


def edges(trial):
    """The time in a signature at the edge of what its provider allows; secrets while they are changed; bodies."""
    call, port = Call(), trial.stack.backend
    allowed = {"telnyx": 300, "vapi": 300, "retell": 300, "signed": 300, "openai": 300, "vonage": 300, "jambonz": 300, "elevenlabs": 1800}
    nothing = {"telnyx": says.telnyx(call, "call.speak.started"), "vapi": {"message": {"type": "transcript"}},
               "retell": {"event": "transcript_updated", "call": {}}, "signed": says.event(call, "ended"),
               "openai": {"object": "event", "type": "batch.completed", "data": {}}, "vonage": {"note": "no status"},
               "jambonz": says.jambonz(call, "on-the-moon"), "elevenlabs": {"type": "voice_removal_notice", "data": {}}}
    for source, seconds in allowed.items():
        ages = (seconds - 5, seconds + 5) if source == "openai" else (seconds - 5, 5 - seconds, seconds + 5)
        answers = [post(port, *trial.sign(source, nothing[source], age_s=age)[1])[0] for age in ages]
        check(f"{source}: {seconds} s and no more", answers == [204] * (len(ages) - 1) + [403], (ages, answers))
    for secret in (SECRETS["VAPI_SECRET"], NEW_SECRET):
        answer = post(port, *trial.sign("vapi", nothing["vapi"], secret=secret)[1])
        check("while a secret is rotated, the old one and the new one are taken", answer[0] == 204, answer)
    event = json.dumps(says.event(call, "ended"))
    exact = event + " " * (1024 * 1024 - len(event))
    for source in ("signed", "app"):
        answers = [post(port, *trial.sign(source, text)[1])[0] for text in (exact, exact + " ")]
        check(f"{source}: a body of 1 MiB is read, and one byte more is not", answers == [204, 413], answers)
    answers = {path: post(port, path, {}, "", "GET")[0] for path in ("/sources/vapi", "/sources/telnyx", "/api/events", "/sources/unknown")}
    check("a GET is refused where nobody sends one", answers == dict(zip(answers, (405, 405, 405, 404))), answers)


def heals(trial):
    """Ends that nobody tells."""
    pulse, brief, alone, carried, both = (Call() for _ in range(5))
    trial.tell(trial.sign("brief", says.event(brief, "started")), trial.sign("pulse", says.event(pulse, "started")),
               trial.sign("vapi", says.vapi(alone, "in-progress", joined=False)),
               trial.sign("vapi", says.vapi(carried, "in-progress")), trial.sign("twilio", says.twilio(carried, "ringing"), "/voice"),
               trial.sign("brief", says.event(both, "started", both.sid)), trial.sign("twilio", says.twilio(both, "ringing"), "/voice"))
    begun = time.monotonic()
    for call, *sources in ((brief, "brief"), (pulse, "pulse"), (alone, "vapi"), (carried, "vapi", "twilio"), (both, "brief", "twilio")):
        trial.has(call, "agent", *sources)
    trial.holds("calls whose end nobody will tell", 2)
    for _ in range(4):
        time.sleep(1)
        trial.say("pulse", says.event(pulse, "heartbeat"))
    trial.holds("heartbeats keep a call up", 1)
    trial.over(pulse)
    trial.holds("three missed heartbeats end it", 8)
    trial.say("pulse", says.event(pulse, "heartbeat"))
    trial.has(pulse, "agent", "pulse")
    trial.holds("a heartbeat after all takes that back", 2)
    trial.say("pulse", says.event(pulse, "ended"))
    trial.over(pulse)
    trial.tell(*(trial.sign("vapi", says.vapi(call, "ended", call is carried, endedReason="assistant-forwarded-call")) for call in (alone, carried)))
    trial.over(alone)
    trial.has(carried, "person")
    trial.holds("handed over: it ends, and with a carrier's word it is with a person", 3)
    trial.say("twilio", says.twilio(carried, "completed", CallDuration="9"), "/call-status")
    trial.over(carried)
    trial.holds("until the carrier ends it", 3)
    return begun, brief, both


def longest(trial, begun, brief, both):
    trial.holds("a call as long as its source's longest still counts", 1)
    trial.over(brief)
    trial.holds("a longer one is over", 75 - (time.monotonic() - begun))
    check("after a minute", 58 < time.monotonic() - begun < 75, time.monotonic() - begun)
    trial.stays("one that the carrier tells of, too, is not", 2)
    trial.say("twilio", says.twilio(both, "completed", CallDuration="70"), "/call-status")
    trial.over(both)
    trial.holds("until the carrier says so", 2)


def page(trial):
    """*Existing Agents* shows the number, and each source with its own."""
    if not is_here():
        print("NOT RUN: the page: chromedriver is not here")
        return
    shown = Page(trial.stack.folder, trial.stack.proxy)
    try:
        wanted = trial.wanted()
        titles = {it["source"]: it["title"] if it["kind"] == it["source"] else f"{it['title']} · {it['source']}"
                  for it in trial.stack.get("/api/live-users/summary")["sources"]}
        accounts = {id: " (emea)" for id, *_, more in SOURCES if "emea" in more}
        rows = {titles[id] + accounts.get(id, ""): n for id, n in ((id, wanted["sources"].get(id, 0)) for id in titles)}
        is_so = lambda: {name: users for name, users, *_ in shown.look()["rows"]} == rows
        check(f"the page has each of {len(rows)} sources with its users", becomes(is_so, 20), (rows, shown.look()))
        look = shown.look()
        check(f"and the number {wanted['number']}", re.search(rf"\b{wanted['number']}\b", look["number"]), look)
        check("it says whose webhook was refused", any("was refused" in notes for *_, notes in look["rows"]), look)
        check("the token is not in its address", ADMIN not in look["url"], look["url"])
        if "SOURCES_SCREENSHOT" in os.environ:
            shown.picture(os.environ["SOURCES_SCREENSHOT"])
    finally:
        shown.close()


def nothing_private(trial):
    numbers = rb"50055501\d\d"
    words = re.compile(numbers + b"|" + b"|".join(re.escape(it.encode()) for it in trial.signer.secrets.values()))
    for name, found in (("logs", trial.stack.logs().encode()), ("the journal's files", trial.stack.files())):
        hits = sorted({hit[:12] for hit in words.findall(found)})
        check(f"no caller's number and no secret in {name} ({len(found)} bytes)", found and not hits, hits)
    of_proxy = trial.stack.secrets_of_the_proxy()
    leaked = [name for name, value in SECRETS.items() if value in of_proxy or name in of_proxy]
    check("the proxy has no secret of a source", not leaked, leaked)


def modules(folder):
    given = os.environ.get("SOURCES_MODULES")
    if given is None:
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", folder / "npm", *PACKAGES], check=True, timeout=300)
    return Path(given) if given else folder / "npm/node_modules"


def main():
    words = sys.argv[1:]
    if words and (words[0] != "--built" or len(words) != 2):
        sys.exit(__doc__)
    folder = Path(tempfile.mkdtemp(prefix="live-users-sources-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    signer = Signer(modules(folder), {**TOKENS, **SECRETS})
    (folder / "agents.toml").write_text(says.agents_file())
    signer.secrets["NEW_SECRET"] = NEW_SECRET
    # Nobody answers there: a test does not ask Twilio about its accounts.
    settings = {**signer.secrets, "PUBLIC_URL": says.PUBLIC, "TWILIO_API_URL": "http://127.0.0.1:9"}
    settings["VAPI_SECRET"] = f"{settings.pop('NEW_SECRET')},{settings['VAPI_SECRET']}"
    if words:
        settings.pop("ADMIN_TOKEN")
    stack = Built(folder, settings, Path(words[1])) if words else Compose(folder, settings)
    trial = Trial(stack, signer)
    try:
        stack.up()
        end_within(300)
        begun = time.monotonic()
        trial.holds("nobody is on the line")
        calls = starts(trial)
        one, out = joined(trial)
        repeats(trial)
        spoiled(trial)
        page(trial)
        hand_overs(trial, calls)
        killed(trial)
        ends(trial, calls, one, out)
        lost = heals(trial)
        out_of_order(trial)
        edges(trial)
        longest(trial, *lost)
        nothing_private(trial)
    finally:
        stack.down()
    print(f"{len(trial.sent)} requests were taken; {time.monotonic() - begun:.0f} s")
    print("all hold" if not failed else f"{len(failed)} do not hold")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
