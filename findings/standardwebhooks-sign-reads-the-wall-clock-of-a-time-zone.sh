#!/bin/sh
# standardwebhooks 1.1.0 (PyPI): a time that is not in UTC is signed as another moment.
#
# Expected: `Webhook.sign(id, timestamp, data)` signs the moment that an aware datetime names. 12:00 at
# +00:00 and 14:00 at +02:00 are one moment, so one signature.
# Seen (2026-11-29): it replaces the time zone by UTC and does not convert. 14:00+02:00 is signed as
# 14:00 UTC, two hours late, and verifying it beside the right `webhook-timestamp` raises.
#
# For whoever sends or receives: make times with `datetime.now(timezone.utc)`. A receiver who refuses
# messages of one sender, off by whole hours, should look for this before looking at the secret.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check standardwebhooks==1.1.0
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from datetime import datetime, timedelta, timezone
from importlib.metadata import version
from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook("whsec_bGl2ZS11c2Vycy10ZXN0LXNlY3JldC0wMTIzNDU2Nzg5")
utc = datetime.now(timezone.utc).replace(microsecond=0)
other = utc.astimezone(timezone(timedelta(hours=2)))
body = '{"type":"call.ended"}'
right, wrong = (webhook.sign("msg_1", it, body) for it in (utc, other))
later = webhook.sign("msg_1", utc + timedelta(hours=2), body)


def verified(signature):
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(utc.timestamp())), "webhook-signature": signature}
    try:
        return webhook.verify(body, headers) == {"type": "call.ended"}
    except WebhookVerificationError as error:
        return f"raises {type(error).__name__}: {error}"


print("standardwebhooks", version("standardwebhooks"))
print("one moment:", utc == other, "| one signature:", right == wrong, "| that of two hours later:", wrong == later)
print("verified, signed at +00:00:", verified(right))
print("verified, signed at +02:00:", verified(wrong))
seen = (utc == other, right == wrong, wrong == later, verified(right), verified(wrong))
sys.exit(0 if seen[:4] == (True, False, True, True) and str(seen[4]).startswith("raises") else "it has changed")
PYTHON
