"""What the Python client reads from a server with three calls, in the words that read.mjs has too: URL TOKEN [away]"""

import json, sys

from live_users_api import AuthenticatedClient, Client
from live_users_api.api.operating import metrics, ready
from live_users_api.api.reading import (access, activity, calls, evict, explain, history, history_picture, links, revoke_link,
                                        setup, share_link, stretches, summary, total)
from live_users_api.models.new_link import NewLink
from live_users_api.models.stretches_format import StretchesFormat

url, token, *away = sys.argv[1:]
live = AuthenticatedClient(url, token, raise_on_unexpected_status=True)


def fields_of(answer):
    return {"status": int(answer.status_code), "error": answer.parsed.error}


if away:
    # The proxy is asked while its backend is away.
    print(json.dumps(fields_of(summary.sync_detailed(client=live))))
    sys.exit()
told = {
    "total": total.sync(client=live).live_users,
    "summary": summary.sync(client=live).with_agent,
    "role": access.sync(client=live).role,
    "calls": [],
    "pages": 0,
}
after = None
while told["pages"] == 0 or after:
    page = calls.sync(client=live, limit=2, **({"after": after} if after else {}))
    told["calls"] += [call.call_sid for call in page.calls]
    told["pages"] += 1
    after = page.next_
first = told["calls"][0]
told["explained"] = explain.sync(first, client=live).call.call_sid
of_agent = history.sync(client=live, from_="-30m", step="1m", agent="booking")
told["history"] = {"agent": of_agent.agent, "stepMs": of_agent.step_ms, "hasPoints": len(of_agent.points) >= 30}
# A table has a header row and rows. The other forms of an answer that is JSON, too, are read without its function.
told["table"] = len(stretches.sync(client=live, format_=StretchesFormat.CSV).splitlines())
asked = live.get_httpx_client().get("/api/live-users/calls", params={"format": "jsonl"})
told["lines"] = len(asked.raise_for_status().text.splitlines())
known = activity.sync(client=live, limit=1000)
told["activities"] = len(known.activities)
told["later"] = len(activity.sync(client=live, after=known.cursor).activities)
told["setup"] = setup.sync(client=live).webhooks.voice.accepted
told["ready"] = ready.sync(client=live).status
told["picture"] = history_picture.sync(client=live)[:4]
told["metrics"] = "live_users_" in metrics.sync(client=live)
wanted = NewLink.from_dict({"name": "a screen", "scope": {"agent": "booking"}, "view": "wallboard", "expires": "1h"})
made = share_link.sync(client=live, body=wanted)
told["shared"] = access.sync(client=AuthenticatedClient(url, made.token)).link.scope.to_dict()
told["links"] = [link.name for link in links.sync(client=live).links]
told["revoked"] = revoke_link.sync(made.link.id, client=live).link.id == made.link.id
told["linksLeft"] = len(links.sync(client=live).links)
told["badStep"] = fields_of(history.sync_detailed(client=live, step="1s"))
told["noCall"] = fields_of(explain.sync_detailed("CA" + "0" * 32, client=live))
told["wrongToken"] = fields_of(summary.sync_detailed(client=AuthenticatedClient(url, "0123456789abcdef0123")))
told["noToken"] = fields_of(summary.sync_detailed(client=Client(url)))
told["evicted"] = evict.sync(first, client=live).call.call_sid
told["again"] = fields_of(evict.sync_detailed(first, client=live))
told["left"] = total.sync(client=live).live_users
print(json.dumps(told))
