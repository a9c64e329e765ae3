"""Signs webhooks as Twilio does, where the document asks for its signature, and names a shard that there is.

https://www.twilio.com/docs/usage/security
"""

import base64, hashlib, hmac, os, urllib.parse

import requests
import schemathesis

TO_SIGN = "to be signed"
# The document says which numbers a shard may have. How many shards there are is a setting; here there is one.
SHARDS_ELSEWHERE = {str(number) for number in range(1, 64)}


@schemathesis.hook
def before_call(context, case, kwargs):
    if str((case.query or {}).get("shard")) in SHARDS_ELSEWHERE:
        case.query["shard"] = 0
    # Without the mark, the check that looks for ignored credentials has taken it away.
    if case.headers.get("X-Twilio-Signature") != TO_SIGN:
        return
    url = f"http://127.0.0.1:{os.environ['PORT']}"
    sent = requests.Request(**case.as_transport_kwargs(base_url=url)).prepare()
    body = sent.body or b""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    signed = sent.url
    if sent.headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded"):
        pairs = urllib.parse.parse_qsl(text, keep_blank_values=True)
        signed += "".join(name + value for name, value in sorted(set(pairs)))
    mac = hmac.new(os.environ["TWILIO_AUTH_TOKEN"].encode(), signed.encode(), hashlib.sha1).digest()
    case.headers["X-Twilio-Signature"] = base64.b64encode(mac).decode()
