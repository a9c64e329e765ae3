#!/bin/sh
# pipecat-ai 1.14.0 (PyPI): an observer that takes its time never sees the end of the call, and one that
# raises once sees nothing more.
#
# Expected: an observer is told of each frame. EndFrame or CancelFrame is the last of them, the natural
# place to report that a call is over.
# Seen (2026-11-29): each observer has a queue and a task of its own. As soon as the pipeline is over the
# task is cancelled, and what its queue still holds is dropped: with 0.2 s for each frame, everything
# after StartFrame. An exception in `on_push_frame` ends the task as well, and the pipeline goes on.
# `cleanup()` of the observer is called in each of these cases.
#
# For whoever reports calls from an observer: put frames into a queue of your own and return at once, do
# not await a request; let nothing raise; and report the end in `cleanup()`.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pipecat-ai==1.14.0
"$folder/venv/bin/python" - <<'PYTHON'
import asyncio, sys
from importlib.metadata import version

from loguru import logger
from pipecat.frames.frames import EndFrame, TextFrame
from pipecat.observers.base_observer import BaseObserver
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.workers.runner import WorkerRunner

logger.remove()


class PassOn(FrameProcessor):
    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)


class Observer(BaseObserver):
    def __init__(self, seconds=0.0, raises=False):
        super().__init__(observe_every_push=False)
        self.seconds, self.raises, self.seen = seconds, raises, []

    async def on_push_frame(self, data):
        self.seen.append(type(data.frame).__name__)
        if self.raises and isinstance(data.frame, TextFrame):
            raise ValueError("a mistake in an observer")
        await asyncio.sleep(self.seconds)

    async def cleanup(self):
        self.seen.append("cleanup()")
        await super().cleanup()


async def call(observer):
    worker = PipelineWorker(Pipeline([PassOn()]), observers=[observer], enable_rtvi=False)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    running = asyncio.create_task(runner.run())
    await worker.queue_frames([TextFrame("one"), TextFrame("two"), EndFrame()])
    await asyncio.wait_for(running, 30)
    return observer.seen


async def main():
    return [await call(it) for it in (Observer(), Observer(seconds=0.2), Observer(raises=True))]

quick, slow, raising = asyncio.run(main())
print("pipecat-ai", version("pipecat-ai"))
print("an observer that returns at once sees:", *quick)
print("one that takes 0.2 s for each frame:  ", *slow)
print("one that raises at the first text:    ", *raising)
holds = quick == ["StartFrame", "TextFrame", "TextFrame", "EndFrame", "cleanup()"]
holds = holds and "EndFrame" not in slow + raising and slow[-1] == raising[-1] == "cleanup()"
sys.exit(0 if holds and raising.count("TextFrame") == 1 else "it has changed")
PYTHON
