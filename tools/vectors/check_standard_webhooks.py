"""Checks standard_webhooks/fixtures/vectors.json, just made by standard_webhooks.mjs, with the
package for Python. It must run within 5 minutes, because the package reads the clock.

    pip install standardwebhooks==1.1.0
    python tools/vectors/check_standard_webhooks.py
"""

import json

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from common import ROOT

# What the package raises, instead of WebhookVerificationError or of acceptance.
RAISES = {"an entry without version": ValueError}

path = ROOT / "crates/sources/src/standard_webhooks/fixtures/vectors.json"
vectors = json.loads(path.read_text(encoding="utf-8"))
for vector in vectors["vectors"]:
    webhook = Webhook(vector.get("secret", vectors["secret"]))
    found = None
    try:
        webhook.verify(vector["body"], vector["headers"], json_parse=False)
    except Exception as error:
        found = type(error)
    expected = None if vector.get("valid", True) else WebhookVerificationError
    assert found is RAISES.get(vector["name"], expected), (vector["name"], found)
print("the package for Python agrees")
