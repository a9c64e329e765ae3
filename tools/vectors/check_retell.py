"""Checks retell/fixtures/vectors.json, just made by retell.mjs, with the package for Python. It
must run within 5 minutes, because the package reads the clock.

    pip install retell-sdk==6.2.13
    python tools/vectors/check_retell.py
"""

import json

from retell.lib.webhook_auth import verify

from common import ROOT

# What only we accept.
REFUSES = {"two signatures"}

path = ROOT / "crates/sources/src/retell/fixtures/vectors.json"
vectors = json.loads(path.read_text(encoding="utf-8"))
for vector in vectors["vectors"]:
    accepted = verify(vector["body"], vectors["secret"], vector["headers"]["X-Retell-Signature"])
    expected = vector.get("valid", True) and vector["name"] not in REFUSES
    assert accepted == expected, vector["name"]
print("the package for Python agrees")
