"""Checks openai/fixtures/vectors.json, just made by openai.mjs, with the package for Python. It
must run within 5 minutes, because the package reads the clock.

    pip install openai==3.57.0
    python tools/vectors/check_openai.py
"""

import json

from openai import InvalidWebhookSignatureError, OpenAI

from common import ROOT

path = ROOT / "crates/sources/src/openai/fixtures/vectors.json"
vectors = json.loads(path.read_text(encoding="utf-8"))
webhooks = OpenAI(api_key="none").webhooks
for vector in vectors["vectors"]:
    accepted = True
    try:
        webhooks.unwrap(vector["body"], vector["headers"], secret=vectors["secret"])
    except InvalidWebhookSignatureError:
        accepted = False
    assert accepted == vector.get("valid", True), vector["name"]
print("the package for Python agrees")
