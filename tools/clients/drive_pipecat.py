"""Real pipelines of Pipecat, whose transport is a stand-in: for tools/clients.py."""

import asyncio, json, sys

from live_users import LiveUsers
from live_users_observer import LiveUsersObserver
from pipecat.frames.frames import ClientConnectedFrame, EndFrame, TextFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.workers.runner import WorkerRunner


async def step(what, count, **of_summary):
    print(json.dumps({"what": what, "liveUsers": count, **of_summary}), flush=True)
    await asyncio.to_thread(sys.stdin.readline)


class Transport(FrameProcessor):
    """Passes frames on, and says when a client connects, as each of Pipecat's transports does."""

    def __init__(self, seconds_of_audio=0.0):
        super().__init__()
        self._seconds_of_audio = seconds_of_audio

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, EndFrame):
            await asyncio.sleep(self._seconds_of_audio)
        await self.push_frame(frame, direction)

    async def connect(self):
        await self.push_frame(ClientConnectedFrame())


async def call(live, id, how, seconds_of_audio=0.0, with_pipeline=False):
    transport = Transport(seconds_of_audio)
    observer = LiveUsersObserver(live, id, caller="+15005550100", starts_with_pipeline=with_pipeline)
    worker = PipelineWorker(Pipeline([transport, Transport()]), observers=[observer], enable_rtvi=False)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    ready = asyncio.Event()

    @worker.event_handler("on_pipeline_started")
    async def _(*_):
        ready.set()
    running = asyncio.create_task(runner.run())
    await asyncio.wait_for(ready.wait(), 15)
    await how(transport, worker, observer, running)
    await asyncio.wait_for(running, 15)


async def ends(transport, worker, observer, _):
    await step("a pipeline without a client counts nobody", 0)
    await transport.connect()
    await step("started when a client connects", 1, withAgent=1)
    await asyncio.sleep(4)
    await step("heartbeats keep it up", 1)
    observer.transferred()
    await step("transferred", 0, withPerson=1)
    observer.returned()
    await step("returned", 1)
    await worker.queue_frames([TextFrame("good bye"), EndFrame()])
    await step("up while the last words are said", 1)


async def is_cancelled(transport, worker, *_):
    await transport.connect()
    await step("another call", 1)
    await worker.cancel()


async def is_killed(transport, _, __, running):
    await transport.connect()
    await step("a third call", 1)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def starts_by_itself(_, worker, *__):
    await step("started with the pipeline, if it is told so", 1)
    await worker.stop_when_done()


async def main():
    live = LiveUsers(sys.argv[1], sys.argv[2], "booking", heartbeat_seconds=1)
    await call(live, "pipecat-1", ends, seconds_of_audio=2.0)
    await step("ended by an EndFrame", 0, onTheLine=0)
    await call(live, "pipecat-2", is_cancelled)
    await step("ended by a CancelFrame", 0, onTheLine=0)
    try:
        await call(live, "pipecat-3", is_killed)
    except asyncio.CancelledError:
        pass
    await step("ended when its task is cancelled", 0, onTheLine=0)
    await call(live, "pipecat-4", starts_by_itself, with_pipeline=True)
    await step("and ended", 0, onTheLine=0)
    live.close()


asyncio.run(main())
