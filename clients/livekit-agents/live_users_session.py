"""Tells Live Users of the callers of a LiveKit agent. Tried with livekit-agents 1.8.9.

    live = LiveUsers(url, secret, agent="booking")          # one for the process

    async def entrypoint(ctx: JobContext):
        session = AgentSession(...)
        calls = watch(ctx, live, session)                   # before ctx.connect()
        await session.start(agent=..., room=ctx.room)

The id of a call is Twilio's, the Call-ID of SIP, LiveKit's of the SIP call, or that of the participant, in
this order: a source of the kind `livekit` names the first two, too, and Twilio's own webhooks the first.
"""

import asyncio

from livekit import rtc
from livekit.agents import JobContext

# Agents, recorders and avatars are no callers.
KINDS = [rtc.ParticipantKind.PARTICIPANT_KIND_SIP, rtc.ParticipantKind.PARTICIPANT_KIND_STANDARD]
UP = (None, "", "active", "automation")
REASONS = {
    rtc.DisconnectReason.USER_UNAVAILABLE: "no-answer",
    rtc.DisconnectReason.USER_REJECTED: "busy",
    rtc.DisconnectReason.SIP_TRUNK_FAILURE: "failed",
}


def watch(ctx: JobContext, live, session=None, **more):
    """Follows who joins and leaves the room of a job, until the job shuts down."""
    return Calls(ctx, live, session, more)


class Calls:
    """The callers in one room. `more` is what `LiveUsers.started` takes, such as `agent`."""

    def __init__(self, ctx, live, session, more):
        self._live, self._more, self._room = live, more, ctx.room
        # By the participant's identity: the id of the call, and whether it is answered.
        self._calls, self._answered = {}, set()
        ctx.room.on("participant_disconnected", self._left)
        ctx.room.on("participant_attributes_changed", lambda _, it: self._status(it))
        # It is also called for who is there already when the agent connects.
        ctx.add_participant_entrypoint(self._joined, kind=KINDS)
        ctx.add_shutdown_callback(self._shut_down)
        if session is not None:
            session.on("close", self._closed)
        if ctx.room.isconnected():
            for participant in ctx.room.remote_participants.values():
                if participant.kind in KINDS:
                    self._status(participant)

    def transferred(self, participant):
        """This caller talks with a person now, as after a warm transfer in the room."""
        self._tell(self._live.transferred, participant)

    def returned(self, participant):
        """This caller talks with the agent again."""
        self._tell(self._live.returned, participant)

    async def _joined(self, _, participant):
        self._status(participant)

    def _status(self, participant):
        """What its attributes say. A participant is there while its phone still rings."""
        if participant.kind not in KINDS or not isinstance(participant, rtc.RemoteParticipant):
            return
        attributes, identity = participant.attributes, participant.identity
        is_sip = participant.kind == rtc.ParticipantKind.PARTICIPANT_KIND_SIP
        is_outbound = is_sip and not attributes.get("sip.ruleID")
        status = attributes.get("sip.callStatus") if is_sip else None
        if status == "hangup":
            return self._end(identity, "completed")
        is_up = status in UP
        if identity not in self._calls:
            # Of an inbound call that rings nobody has heard the agent yet.
            if not is_up and not is_outbound:
                return
            # The Call-ID is the name that a source of the kind livekit has for the call, too.
            header = attributes.get("sip.callIDFull")
            ids = (attributes.get("sip.twilio.callSid"), header and f"sip-call-id/{header}",
                   attributes.get("sip.callID"), participant.sid)
            call = next(id for id in ids if id)
            self._calls[identity] = call
            # Without a number, LiveKit's identity of a person in a browser is that person's.
            caller = attributes.get("sip.phoneNumber") if is_sip else identity
            direction = "outbound" if is_outbound else "inbound"
            self._live.started(call, caller=caller or None, direction=direction, **self._more)
            if not is_outbound:
                self._answered.add(identity)
        if is_up and identity not in self._answered:
            self._answered.add(identity)
            self._tell(self._live.answered, participant)

    def _left(self, participant):
        """However it went: a session stays open when a caller is lost."""
        self._end(participant.identity, REASONS.get(participant.disconnect_reason, "completed"))

    def _closed(self, _):
        """The agent is gone; who is still in the room talks with nobody."""
        for call in self._calls.values():
            self._live.waiting(call)

    async def _shut_down(self, _):
        for identity in list(self._calls):
            self._end(identity, "completed")
        # The process of a job is ended soon after.
        await asyncio.to_thread(self._live.flush, 3)

    def _tell(self, event, participant):
        call = self._calls.get(participant.identity)
        if call is not None:
            event(call)

    def _end(self, identity, reason):
        self._answered.discard(identity)
        call = self._calls.pop(identity, None)
        if call is not None:
            self._live.ended(call, reason=reason)
