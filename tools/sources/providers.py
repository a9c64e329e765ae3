"""What each provider sends of a call, and who signs it: for tools/sources.py."""

import http.client, json, subprocess, time, uuid
from datetime import datetime, timezone
from urllib.parse import urlsplit

from common import ROOT

AGENT, PERSON = "+15005550006", "+15005550177"
ACCOUNT, SUBACCOUNT = "AC" + "5a1e7c" * 5 + "00", "AC" + "5a1e7c" * 5 + "01"
PUBLIC = "https://calls.example.com"
FORM = ("form", "signalwire", "plivo")
# The secret of each source, by the name of its environment variable; Telnyx has a pair of keys instead.
SECRETS = {
    "ACME_AUTH_TOKEN": "auth0token0of0a0subaccount0of0it", "STREAMS_TOKEN": "auth0token0of0event0streams0only",
    "SIGNALWIRE_KEY": "PSK_signingKeyOfSignalWireOfATest", "VAPI_SECRET": "secret-of-vapi-0123456789abcdef",
    "RETELL_KEY": "key_0123456789abcdef0123456789ab", "LIVEKIT_SECRET": "APItestkey12345:test-secret-of-livekit-with-32-bytes",
    "APP_TOKEN": "token-of-an-application-0123456789", "SIGNED_SECRET": "whsec_c2lnbmVkLWV2ZW50cy1vZi1hLXRlc3QtMDEyMzQ1",
    "PULSE_TOKEN": "token-of-a-source-with-heartbeats", "BRIEF_TOKEN": "token-of-a-source-with-a-longest-call",
    "PLIVO_TOKEN": "AuthTokenOfPlivoOfFortyLettersInAllHere1", "VONAGE_SECRET": "signatureSecretOfVonageThatIsLongEnough",
    "JAMBONZ_SECRET": "wh_secret_of_jambonz_0123456789", "ELEVENLABS_SECRET": "wsec_0123456789abcdef0123456789abcdef",
    "OPENAI_SECRET": "whsec_c2VjcmV0LW9mLW9wZW5haS1vZi1hLXRlc3QtMDEyMzQ1",
    "CRM_HOOK_SECRET": "whsec_c2VjcmV0LW9mLWEtaG9vay1vZi1hLXRlc3QtMDEyMzQ1",
}
TELNYX_SEED = "a test key of Telnyx, of 32 byte"
# (id, kind, variable, what else stands in its table)
SOURCES = [
    ("streams", "twilio", "STREAMS_TOKEN", ""), ("telnyx", "telnyx", "TELNYX_KEY", 'account = "emea"'),
    ("signalwire", "signalwire", "SIGNALWIRE_KEY", 'account = "emea"'), ("vapi", "vapi", "VAPI_SECRET", ""),
    ("retell", "retell", "RETELL_KEY", ""), ("livekit", "livekit", "LIVEKIT_SECRET", ""),
    ("app", "events", "APP_TOKEN", ""), ("signed", "events", "SIGNED_SECRET", ""),
    ("pulse", "events", "PULSE_TOKEN", "heartbeat_seconds = 1\nmissed_heartbeats = 3"),
    ("brief", "events", "BRIEF_TOKEN", "longest_call_minutes = 1"), ("plivo", "plivo", "PLIVO_TOKEN", ""),
    ("vonage", "vonage", "VONAGE_SECRET", ""), ("jambonz", "jambonz", "JAMBONZ_SECRET", ""),
    ("elevenlabs", "elevenlabs", "ELEVENLABS_SECRET", ""), ("openai", "openai", "OPENAI_SECRET", ""),
]


def agents_file():
    tables = [f'[[agent]]\nid = "booking"\nname = "Table bookings"\nnumbers = ["{AGENT}"]\nassistants = ["assistant-of-booking"]',
              '[[agent]]\nid = "support"\nname = "Customer support"\nnumbers = ["+15005550007"]',
              f'[[account]]\nid = "acme"\nsid = "{SUBACCOUNT}"\nauth_token_env = "ACME_AUTH_TOKEN"',
              '[[hook]]\nid = "crm"\nurl = "http://127.0.0.1:9/live-users"\nsecret_env = "CRM_HOOK_SECRET"\nevents = ["call.started"]']
    tables += [f'[[source]]\nid = "{id}"\nkind = "{kind}"\nsecret_env = "{variable}"\n{more}' for id, kind, variable, more in SOURCES]
    return "\n\n".join(tables) + "\n"


class Call:
    """One call, with the ids that each provider would have for it."""
    count = 0

    def __init__(self, direction="inbound", sid=None):
        Call.count += 1
        self.number, self.direction = f"+15005550{99 + Call.count}", direction
        self.sid = sid or "CA" + uuid.uuid4().hex
        self.id, self.leg, self.session = str(uuid.uuid4()), str(uuid.uuid4()), str(uuid.uuid4())
        self.leg_sid, self.short = "CA" + uuid.uuid4().hex, f"call-{Call.count}"
        self.control, self.leg_control = (f"v3:{uuid.uuid4().hex}{uuid.uuid4().hex[:23]}" for _ in "ab")
        self.began = time.time()
        self.ends = (self.number, AGENT) if direction == "inbound" else (AGENT, self.number)

    @property
    def is_in(self):
        return self.direction == "inbound"


def iso(at=None):
    return datetime.fromtimestamp(at or time.time(), timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def twilio(call, status, account=ACCOUNT, **more):
    whom = {"From": call.ends[0], "To": call.ends[1], "Direction": "inbound" if call.is_in else "outbound-api"}
    return {"CallSid": call.sid, "AccountSid": account, **whom, "CallStatus": status, **more}


def twilio_leg(call, status, **more):
    return twilio(call, status, CallSid=call.leg_sid, ParentCallSid=call.sid, Direction="outbound-dial", From=call.number, To=PERSON, **more)


def stream(parameters):
    status = parameters["CallStatus"]
    data = {"sid": parameters["CallSid"], "request": {"method": "POST", "parameters": parameters}, "response": {}}
    return [{"specversion": "1.0", "type": f"com.twilio.voice.status-callback.call.{status}", "source": "/Calls", "id": f"EZ{uuid.uuid4().hex}",
             "datacontenttype": "application/json", "time": iso(), "data": data}]


def telnyx(call, event, leg=False, **more):
    payload = {"call_control_id": call.leg_control if leg else call.control, "call_leg_id": call.leg if leg else call.id,
               "call_session_id": call.session, "from": call.ends[0], "to": call.ends[1], "connection_id": "1234567890", **more}
    return {"data": {"event_type": event, "id": str(uuid.uuid4()), "occurred_at": iso(), "payload": payload, "record_type": "event"}}


def compatible(call, status, **more):
    """SignalWire."""
    return {"CallSid": call.id, "AccountSid": call.session, "From": call.ends[0], "To": call.ends[1],
            "Direction": call.direction if call.is_in else "outbound-api", "CallStatus": status, **more}


def vapi(call, status, joined=True, **more):
    about = {"id": call.id, "type": f"{call.direction}PhoneCall", "assistantId": "assistant-of-booking",
             **({"phoneCallProviderId": call.sid} if joined else {})}
    return {"message": {"timestamp": int(time.time() * 1000), "type": "status-update", "status": status, "call": about,
                        "customer": {"number": call.number}, "phoneNumber": {"number": AGENT}, **more}}


def retell(call, event, joined=True, **more):
    about = {"call_type": "phone_call", "call_id": f"call_{call.id.replace('-', '')[:26]}", "agent_id": "assistant-of-booking",
             "direction": call.direction, "from_number": call.ends[0], "to_number": call.ends[1],
             "start_timestamp": int(call.began * 1000), "transcript": "Agent: words that go nowhere.",
             **({"telephony_identifier": {"twilio_call_sid": call.sid}} if joined else {}), **more}
    return {"event": event, "call": about}


def livekit(call, event, status="active", joined=True, **more):
    attributes = {"sip.callID": f"SCL_{call.short}", "sip.callIDFull": f"{call.id}@192.0.2.1", "sip.phoneNumber": call.number,
                  "sip.trunkPhoneNumber": AGENT, "sip.callStatus": status, **({"sip.ruleID": "SDR_1"} if call.is_in else {}),
                  **({"sip.twilio.callSid": call.sid} if joined else {})}
    who = {"sid": f"PA_{call.id}", "identity": f"sip_{call.number}", "kind": "SIP", "attributes": attributes, **more}
    return {"event": event, "id": f"EV_{uuid.uuid4().hex}", "createdAt": str(int(time.time())),
            "room": {"sid": f"RM_{call.id}", "name": f"call-{call.number}"}, "participant": who}


def event(call, what, id=None, **more):
    return {"id": str(uuid.uuid4()), "call": id or call.short, "event": what, "agent": "booking", "caller": call.number, **more}


def plivo(call, status, what, **more):
    return {"CallUUID": call.id, "From": call.ends[0][1:], "To": call.ends[1][1:], "Direction": call.direction, "Event": what, "CallStatus": status, **more}


def vonage(call, status, leg=False, **more):
    return {"from": call.ends[0][1:], "to": call.ends[1][1:], "uuid": call.leg if leg else call.id, "conversation_uuid": f"CON-{call.session}",
            "timestamp": iso(), "status": status, "direction": call.direction, **more}


def jambonz(call, status, **more):
    return {"call_sid": call.id, "account_sid": call.session, "application_sid": "0b3e2b1c-5a0e-4d0e-8a77-5a0b6f1f000a", "from": call.ends[0],
            "to": call.ends[1], "direction": call.direction, "call_status": status, **more}


def elevenlabs(call, **more):
    phone = {"type": "twilio", "direction": call.direction, "agent_number": AGENT, "external_number": call.number, "call_sid": call.sid}
    metadata = {"start_time_unix_secs": int(call.began), "call_duration_secs": 5, "phone_call": phone, **more}
    return {"type": "post_call_transcription", "event_timestamp": int(time.time()), "data": {
        "agent_id": "assistant-of-booking", "conversation_id": f"conv_{call.id}", "status": "done", "metadata": metadata,
        "transcript": [{"role": "user", "message": "words that go nowhere"}]}}


def openai(call, joined=False):
    headers = [{"name": "From", "value": f"<sip:{call.number}@192.0.2.1>;tag=abc"}, {"name": "To", "value": f"<sip:{AGENT}@sip.api.openai.com>"},
               {"name": "Call-ID", "value": f"{call.id}@192.0.2.1"}, *([{"name": "X-Twilio-CallSid", "value": call.sid}] if joined else [])]
    return {"object": "event", "id": f"evt_{call.id}", "type": "realtime.call.incoming", "created_at": int(time.time()),
            "data": {"call_id": f"rtc_{call.id}", "sip_headers": headers}}


class Signer:
    """Has the providers' packages sign, in a process of Node's."""

    def __init__(self, modules, secrets):
        self.secrets = secrets
        self.process = subprocess.Popen(["node", ROOT / "tools/sources/sign.mjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env={"NODE_PATH": str(modules), "PATH": "/usr/local/bin:/usr/bin:/bin"})
        self.secrets["TELNYX_KEY"] = self.ask("telnyx-key", TELNYX_SEED, "", "", 0)["url"]

    def ask(self, *words):
        self.process.stdin.write(json.dumps(words) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise SystemExit(f"{words[0]}: {answer['error']}")
        return answer

    def request(self, source, contents, path=None, age_s=0, secret=None):
        """(path, headers, body) of what this source says. `twilio` is a form; `api` shows API_TOKEN."""
        kinds = {id: (kind, self.secrets[variable]) for id, kind, variable, _ in SOURCES}
        kind, own = kinds.get(source, ("form", self.secrets["TWILIO_AUTH_TOKEN"]))
        secret = secret or own
        path = path or ("/api/events" if kind == "events" else f"/sources/{source}")
        text = contents if kind in FORM or isinstance(contents, str) else json.dumps(contents, separators=(",", ":"), ensure_ascii=False)
        if source == "api" or kind == "events" and not secret.startswith("whsec_"):
            token = self.secrets["API_TOKEN"] if source == "api" else secret
            text = text if isinstance(text, str) else json.dumps(text)
            return "/api/events", {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}, text
        kind = "streams" if kind == "twilio" else kind
        made = self.ask(kind, TELNYX_SEED if kind == "telnyx" else secret, PUBLIC + path, text, age_s)
        url = urlsplit(made["url"])
        return url.path + (f"?{url.query}" if url.query else ""), made["headers"], made["body"]


def post(port, path, headers, body, method="POST"):
    """The status and the text of the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
    try:
        connection.request(method, path, body.encode() if isinstance(body, str) else body, {"Host": "calls.example.com", **headers})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    finally:
        connection.close()
