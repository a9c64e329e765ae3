"""Tells Live Users who talks with a voice agent. Python 3.9 or later; the standard library alone.

    live = LiveUsers("https://calls.example.com", os.environ["LIVE_USERS_SECRET"], agent="booking")
    with live.call(call_id, caller="+14155550100") as call:
        ...                          # whatever the call does
        call.transferred()           # to a person, until call.returned()

A thread sends the events in their order, and a heartbeat of each call that is up. Nothing here waits
for the network or raises into the handling of a call: what goes wrong is logged, without numbers.
"""

import atexit, base64, collections, hashlib, hmac, json, logging, random, threading, time
import urllib.error, urllib.request, uuid
from contextlib import contextmanager
from functools import partial

log = logging.getLogger("live_users")
BATCH, FIRST_DELAY, LONGEST_DELAY = 100, 0.5, 30.0
# What waiting does not change; anything else is tried again, a wrong secret too.
WRONG_EVENT = (400, 413, 422)


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirected POST becomes a GET, and takes the token to another host."""

    def redirect_request(self, *_):
        return None


class LiveUsers:
    """The calls of this process.

    `secret` is the token of a source of the kind `events`, or its secret `whsec_...`, which signs
    each request. `heartbeat_seconds` is that of the source, or less; 0 sends none.
    """

    def __init__(self, url, secret, agent=None, *, heartbeat_seconds=30, queue_max=1000, timeout=5.0):
        if not url.startswith(("http://", "https://")):
            raise ValueError("url: expected http:// or https://")
        url = url.rstrip("/")
        self._url = url if url.endswith("/api/events") else url + "/api/events"
        self._secret, self._agent, self._timeout = secret, agent, timeout
        self._key = base64.b64decode(secret[6:] + "==") if secret.startswith("whsec_") else None
        self._heartbeat_seconds, self._queue_max = heartbeat_seconds, queue_max
        self._queue, self._changed = collections.deque(), threading.Condition()
        self._up, self._ringing, self._dropped = {}, set(), 0
        self._sender, self._sending, self._closed, self._failing = None, False, False, False
        self._opener = urllib.request.build_opener(NoRedirects)

    def started(self, call, **more):
        """A call is up; with `direction="outbound"` it rings until it is `answered`.

        `caller` is a phone number or an id of the person, `agent` the id of who talks with them,
        `with_` (here and below) `agent`, `person` or `machine`.
        """
        self._tell("started", call, more)

    def ended(self, call, **more):
        """A call is over; `reason` may say why: completed, busy, failed, no-answer or canceled."""
        self._tell("ended", call, more)

    def answered(self, call, **more):
        self._tell("answered", call, more)

    def waiting(self, call, **more):
        self._tell("waiting", call, more)

    def transferred(self, call, **more):
        self._tell("transferred", call, more)

    def returned(self, call, **more):
        self._tell("returned", call, more)

    @contextmanager
    def call(self, call, **more):
        """A call for as long as the block runs."""
        self.started(call, **more)
        reason = "completed"
        try:
            yield Call(self, call)
        except Exception:  # Not the end of a task that is cancelled, the usual end of a call.
            reason = "failed"
            raise
        finally:
            self.ended(call, reason=reason)

    def flush(self, timeout=5.0):
        """Waits until all is sent, but no longer than `timeout`; whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._queue and not self._sending, timeout)

    def close(self, timeout=5.0):
        """Sends what is queued, for as long as `timeout`. Calls that are up are not ended by it."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        return self.flush(timeout)

    def _tell(self, event, call, more):
        try:
            told = {key.rstrip("_"): value for key, value in more.items() if value is not None}
            told["call"] = str(call)
            json.dumps(told)  # What cannot be sent is lost here, and not tried for ever.
            with self._changed:
                if self._closed:
                    return log.warning("live users: %s is told after close(), and lost", event)
                told = stamped(event, self._keep(event, told))
                if len(self._queue) >= self._queue_max:
                    self._queue.popleft()
                    self._dropped += 1
                    if self._dropped == 1:
                        log.warning("live users: the queue is full, its oldest events are dropped")
                self._queue.append(told)
                # Not before: a process may fork after it has made a client.
                if self._sender is None or not self._sender.is_alive():
                    sender = threading.Thread(target=self._run, name="live-users", daemon=True)
                    sender.start()
                    self._sender = sender
                    atexit.register(self.close)
                self._changed.notify_all()
        except Exception:
            log.exception("live users: an event is lost")

    def _keep(self, event, told):
        """What was said of a call before and stays so is said again, in heartbeats too."""
        call = told["call"]
        known = self._up.pop(call, {"agent": self._agent} if self._agent else {})
        told = {**known, **told}
        self._ringing.discard(call)
        # A call that rings has no heartbeat: it is not up.
        if event == "started" and told.get("direction") == "outbound":
            self._ringing.add(call)
        if event != "ended":
            self._up[call] = {it: told[it] for it in ("call", "agent", "caller", "direction") if it in told}
        return told

    def _run(self):
        delay, next_heartbeat = FIRST_DELAY, time.monotonic() + self._heartbeat_seconds
        while True:
            with self._changed:
                self._sending = False
                self._changed.notify_all()
                due = lambda: self._heartbeat_seconds > 0 and time.monotonic() >= next_heartbeat
                while not self._queue and not self._closed and not due():
                    wait = next_heartbeat - time.monotonic() if self._heartbeat_seconds > 0 else None
                    self._changed.wait(wait)
                if self._closed and not self._queue:
                    return
                if due():
                    # One for all that are up, behind what is queued. None piles up meanwhile.
                    up = (told for call, told in self._up.items() if call not in self._ringing)
                    self._queue.extend(stamped("heartbeat", told) for told in up)
                    next_heartbeat = time.monotonic() + self._heartbeat_seconds
                batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
                self._sending = bool(batch)
            while batch:
                try:
                    wrong = self._send(batch)
                except Exception as error:
                    self._note(error)
                    with self._changed:
                        if self._closed and delay > FIRST_DELAY:
                            self._queue.clear()
                            self._sending = False
                            self._changed.notify_all()
                            return log.warning("live users: closed before all events were taken")
                        self._changed.wait_for(lambda: self._closed, delay * random.uniform(0.5, 1))
                    delay = min(delay * 2, LONGEST_DELAY)
                    continue
                delay = FIRST_DELAY
                if wrong is None:
                    batch = []
                elif len(batch) == 1:
                    log.error("live users: an event %s is refused: %s", batch.pop()["event"], wrong)
                else:
                    # One wrong event spoils a batch: they go one by one.
                    with self._changed:
                        self._queue.extendleft(reversed(batch[1:]))
                    batch = batch[:1]

    def _send(self, batch):
        """`None` if it is taken, a text if an event is wrong; raises if it is to be tried again."""
        body = json.dumps(batch).encode()
        headers = {"Content-Type": "application/json", "User-Agent": "live-users-python"}
        if self._key is None:
            headers["Authorization"] = f"Bearer {self._secret}"
        else:
            id, seconds = batch[0]["id"], str(int(time.time()))
            signed = hmac.new(self._key, f"{id}.{seconds}.".encode() + body, hashlib.sha256).digest()
            headers |= {"webhook-id": id, "webhook-timestamp": seconds,
                        "webhook-signature": "v1," + base64.b64encode(signed).decode()}
        try:
            request = urllib.request.Request(self._url, body, headers, method="POST")
            with self._opener.open(request, timeout=self._timeout):
                pass
        except urllib.error.HTTPError as answer:
            with answer:
                if answer.code in WRONG_EVENT:
                    return answer.read(300).decode(errors="replace")
                raise
        if self._failing:
            log.warning("live users: events are taken again, %d were dropped", self._dropped)
        self._failing, self._dropped = False, 0
        return None

    def _note(self, error):
        """Once for each time that it fails, not for each try."""
        if not self._failing:
            log.warning("live users: events wait, they are not taken: %s", error)
        self._failing = True


class Call:
    """A call that is up, as `LiveUsers.call` hands it out."""

    def __init__(self, live, call):
        self.waiting, self.transferred = partial(live.waiting, call), partial(live.transferred, call)
        self.returned, self.answered = partial(live.returned, call), partial(live.answered, call)


def stamped(event, told):
    """With an id that stays the same when it is sent again, and the time at which it happened."""
    return {**told, "event": event, "id": uuid.uuid4().hex, "at": int(time.time() * 1000)}
