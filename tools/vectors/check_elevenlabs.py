"""Checks elevenlabs/fixtures/vectors.json, just made by elevenlabs.mjs, with the package for
Python. It must run within 30 minutes, because the package reads the clock.

    pip install elevenlabs==2.78.0
    python tools/vectors/check_elevenlabs.py
"""

import json

from elevenlabs.client import ElevenLabs
from elevenlabs.errors import BadRequestError

from common import ROOT

# Of two signatures this package looks at the last.
REFUSES = {"rotated with the right one first"}

path = ROOT / "crates/sources/src/elevenlabs/fixtures/vectors.json"
vectors = json.loads(path.read_text(encoding="utf-8"))
webhooks = ElevenLabs(api_key="none").webhooks
for vector in vectors["vectors"]:
    accepted = True
    try:
        signature = vector["headers"]["ElevenLabs-Signature"]
        webhooks.construct_event(vector["body"], signature, vectors["secret"])
    except BadRequestError:
        accepted = False
    expected = vector.get("valid", True) and vector["name"] not in REFUSES
    assert accepted == expected, vector["name"]
print("the package for Python agrees")
