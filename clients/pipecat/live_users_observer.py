"""Tells Live Users of the call of a Pipecat pipeline. Tried with pipecat-ai 1.14.0.

    live = LiveUsers(url, secret, agent="booking")          # one for the process
    observer = LiveUsersObserver(live, call_sid, caller=from_number)
    worker = PipelineWorker(pipeline, observers=[observer]) # or PipelineTask, before 1.3

With Twilio take its CallSid for the call: then its webhooks and this tell of one and the same.
"""

from pipecat.frames.frames import CancelFrame, ClientConnectedFrame
from pipecat.observers.base_observer import BaseObserver, FramePushed


class LiveUsersObserver(BaseObserver):
    """One call: up when a client connects to the transport, over when the pipeline is.

    `starts_with_pipeline` is for a transport that pushes no `ClientConnectedFrame`. `more` is what
    `LiveUsers.started` takes: `caller`, `agent`, `direction`.
    """

    def __init__(self, live, call, *, starts_with_pipeline=False, name=None, **more):
        super().__init__(name=name)
        self._live, self._call, self._more = live, call, more
        self._starts_with_pipeline = starts_with_pipeline
        self._is_up, self._is_over = False, False

    async def on_push_frame(self, data: FramePushed):
        if isinstance(data.frame, ClientConnectedFrame):
            self._start()
        elif isinstance(data.frame, CancelFrame):
            # Hung up. Of an EndFrame the caller still hears what stands before it: see cleanup().
            self._end()

    async def on_pipeline_started(self):
        if self._starts_with_pipeline:
            self._start()

    async def cleanup(self):
        # Whatever ended the pipeline. Frames may not have reached an observer by then.
        self._end()
        await super().cleanup()

    def transferred(self):
        """The caller talks with a person now."""
        self._tell(self._live.transferred)

    def returned(self):
        """The caller talks with the agent again."""
        self._tell(self._live.returned)

    def _start(self):
        if not self._is_up and not self._is_over:
            self._is_up = True
            self._live.started(self._call, **self._more)

    def _end(self):
        self._tell(self._live.ended)
        self._is_over = True

    def _tell(self, event):
        if self._is_up and not self._is_over:
            event(self._call)
