"""Checks livekit/fixtures/vectors.json, just made by livekit.mjs, with the package for Python. It
must run within 5 minutes, because the package reads the clock.

    pip install livekit-api==1.2.2
    python tools/vectors/check_livekit.py
"""

import json

from livekit.api import TokenVerifier, WebhookReceiver

from common import ROOT

# What only the package for JavaScript and we accept.
REFUSES = {"for somebody"}

path = ROOT / "crates/sources/src/livekit/fixtures/vectors.json"
vectors = json.loads(path.read_text(encoding="utf-8"))
receiver = WebhookReceiver(TokenVerifier(*vectors["secret"].split(":", 1)))
for vector in vectors["vectors"]:
    accepted = True
    try:
        receiver.receive(vector["body"], vector["headers"]["Authorization"].removeprefix("Bearer "))
    except Exception:
        accepted = False
    expected = vector.get("valid", True) and vector["name"] not in REFUSES
    assert accepted == expected, vector["name"]
print("the package for Python agrees")
