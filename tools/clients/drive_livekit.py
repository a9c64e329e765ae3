"""LiveKit's real JobContext, Room, RemoteParticipant and AgentSession, without a server: for tools/clients.py.

What a server would send is handed to the room as the protocol buffers that its native part hands it.
"""

import asyncio, json, sys

from live_users import LiveUsers
from live_users_session import watch
from livekit import rtc
from livekit.agents import Agent, AgentSession
from livekit.agents.testing import fake_job_context
from livekit.rtc._proto import room_pb2
from livekit.rtc._proto.participant_pb2 import OwnedParticipant
from livekit.rtc import DisconnectReason, ParticipantKind


async def step(what, count, **of_summary):
    print(json.dumps({"what": what, "liveUsers": count, **of_summary}), flush=True)
    await asyncio.to_thread(sys.stdin.readline)


def joins(room, identity, kind=ParticipantKind.PARTICIPANT_KIND_SIP, **attributes):
    event = room_pb2.RoomEvent()
    info = event.participant_connected.info.info
    info.sid, info.identity, info.kind = f"PA_{identity}", identity, kind
    info.attributes.update({name.replace("_", "."): value for name, value in attributes.items()})
    room._on_room_event(event)


def changes(room, identity, **attributes):
    event = room_pb2.RoomEvent()
    changed = event.participant_attributes_changed
    changed.participant_identity = identity
    for name, value in attributes.items():
        for entries in (changed.attributes, changed.changed_attributes):
            entries.add(key=name.replace("_", "."), value=value)
    room._on_room_event(event)


def leaves(room, identity, reason=DisconnectReason.CLIENT_INITIATED):
    event = room_pb2.RoomEvent()
    event.participant_disconnected.participant_identity = identity
    event.participant_disconnected.disconnect_reason = reason
    room._on_room_event(event)


async def main():
    live = LiveUsers(sys.argv[1], sys.argv[2], "booking", heartbeat_seconds=1)
    room = rtc.Room()
    # A room has its own participant once it is connected.
    room._local_participant = rtc.LocalParticipant(room._room_queue, OwnedParticipant())
    session = AgentSession()
    with fake_job_context(room=room) as ctx:
        calls = watch(ctx, live, session)
        await session.start(agent=Agent(instructions="none"))
        joins(room, "sip_1", sip_callID="SCL_1", sip_phoneNumber="+15005550100", sip_ruleID="SDR_1", sip_callStatus="ringing")
        await step("an inbound call that rings is not counted", 0, onTheLine=0)
        changes(room, "sip_1", sip_callStatus="active")
        await step("it is when it is active", 1, withAgent=1)
        joins(room, "agent-2", ParticipantKind.PARTICIPANT_KIND_AGENT)
        joins(room, "recorder", ParticipantKind.PARTICIPANT_KIND_EGRESS)
        await step("agents and recorders are nobody", 1, onTheLine=1)
        calls.transferred(room.remote_participants["sip_1"])
        await step("transferred", 0, withPerson=1)
        calls.returned(room.remote_participants["sip_1"])
        await asyncio.sleep(4)
        await step("returned, and up by heartbeats", 1)
        leaves(room, "sip_1", DisconnectReason.CONNECTION_TIMEOUT)
        await step("ended when its connection is lost, though the session stays open", 0, onTheLine=0)
        joins(room, "sip_2", sip_callID="SCL_2", sip_phoneNumber="+15005550101", sip_trunkID="ST_1", sip_callStatus="dialing")
        await step("an outbound call waits while it rings", 0, waiting=1)
        changes(room, "sip_2", sip_callStatus="active")
        await step("and is counted when it is answered", 1)
        changes(room, "sip_2", sip_callStatus="hangup")
        await step("ended by its status", 0, onTheLine=0)
        leaves(room, "sip_2")
        joins(room, "web-user", ParticipantKind.PARTICIPANT_KIND_STANDARD)
        joins(room, "sip_3", sip_callID="SCL_3", sip_phoneNumber="+15005550102", sip_ruleID="SDR_1", sip_callStatus="active")
        await step("somebody in a browser, and a caller", 2)
        await session.aclose()
        await step("when the session closes they talk with nobody", 0, waiting=2)
        leaves(room, "web-user", DisconnectReason.USER_UNAVAILABLE)
        # As the process of a job does.
        await asyncio.gather(*(callback("user requested") for callback in ctx._shutdown_callbacks))
        await step("ended by the shutdown of the job", 0, onTheLine=0)
    live.close()


asyncio.run(main())
