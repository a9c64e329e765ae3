#!/bin/sh
# signalwire 2.1.1 (PyPI): a genuine form is refused as the text that came, and taken as a dict.
#
# Expected: `RequestValidator.validate(uri, params, signature)` takes a text or parameters, so the raw body
# of a form is verified as its parsed fields are.
# Seen (2026-11-29): a text is checked as it stands, and then only if it is JSON as parameters. The text
# `CallSid=...&CallStatus=...` is neither, and the answer is False without a word why.
#
# For whoever receives webhooks: hand over the fields of a form, as a callback of the compatibility API is,
# and the raw body of JSON only. One handler for both has to look at Content-Type first.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check signalwire==2.1.1
"$folder/venv/bin/python" - <<'PYTHON'
import base64, hashlib, hmac, sys
from importlib.metadata import version
from urllib.parse import urlencode
from signalwire.request_validator import RequestValidator

token, url = "auth-token-of-a-test", "https://example.com/call-status"
fields = {"CallSid": "5f2c1a9e-4a51-4b7a-8c3e-1f0d6f0b7a11", "CallStatus": "completed", "From": "+15005550100"}
# As SignalWire signs a form: the URL, then each name and its value.
signed = url + "".join(name + fields[name] for name in sorted(fields))
signature = base64.b64encode(hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()).decode()
validator = RequestValidator(token)
as_dict, as_text = (validator.validate(url, it, signature) for it in (fields, urlencode(fields)))
print("signalwire", version("signalwire"))
print("the form as a dict:", as_dict)
print("the form as the text that came:", as_text)
sys.exit(0 if (as_dict, as_text) == (True, False) else "it has changed")
PYTHON
