//! Hand-overs by `<Enqueue>`: the caller waits until somebody takes the call out of the queue.

use rand::{Rng, RngExt};

use super::dial::After;
use super::{Writer, any_sid};
use crate::truth::Party;

impl<R: Rng> Writer<'_, R> {
    pub(super) fn queue(&mut self) {
        let start_ms = self.begin();
        self.talk_share(20..60);
        let queue = any_sid(self.rng).replacen("CA", "QU", 1);
        let since_ms = self.now_ms;
        self.turn(Party::Waiting);
        // The document of `waitUrl` is requested again whenever it has been played.
        for _ in 0..self.rng.random_range(1..4) {
            self.queued(&queue, since_ms, &[("QueuePosition", "1"), ("CurrentQueueSize", "1")]);
            self.wait(8_000, 20_000);
        }
        match self.rng.random_range(0..10) {
            0..2 => {
                self.hang_up_in_queue(&queue, since_ms, start_ms, "hangup");
                return;
            }
            // Somebody dials the queue. The URL of `<Queue>` is requested before the caller is
            // connected, and the action of `<Enqueue>` when they have talked.
            2..6 => {
                self.turn(Party::Person);
                let dequeuing = any_sid(self.rng);
                self.queued(&queue, since_ms, &[("DequeingCallSid", &dequeuing)]);
                self.now_ms += self.share_ms(20..120);
                if self.rng.random_bool(0.5) {
                    self.hang_up_in_queue(&queue, since_ms, start_ms, "bridged");
                    return;
                }
                self.turn(Party::Agent);
                self.queued(&queue, since_ms, &[("QueueResult", "bridged")]);
            }
            6..8 => {
                self.turn(Party::Agent);
                self.queued(&queue, since_ms, &[("QueueResult", "leave")]);
                self.wait(50, 200);
                if self.dial_colleague(start_ms) == After::HungUp {
                    return;
                }
            }
            _ => {
                self.turn(Party::Agent);
                self.queued(&queue, since_ms, &[("QueueResult", "leave")]);
            }
        }
        self.talk_share(10..40);
        self.close(start_ms);
    }

    /// A request on behalf of a caller who is or was in a queue.
    fn queued(&mut self, queue: &str, since_ms: u64, more: &[(&str, &str)]) {
        self.queued_with_status("in-progress", queue, since_ms, more);
    }

    fn hang_up_in_queue(&mut self, queue: &str, since_ms: u64, start_ms: u64, result: &str) {
        self.course.turn(self.now_ms, None);
        self.queued_with_status("completed", queue, since_ms, &[("QueueResult", result)]);
        self.hang_up(start_ms);
    }

    fn queued_with_status(
        &mut self,
        status: &str,
        queue: &str,
        since_ms: u64,
        more: &[(&str, &str)],
    ) {
        let seconds = ((self.now_ms - since_ms) / 1_000).to_string();
        let queue = [("QueueSid", queue), ("QueueTime", &seconds), ("AvgQueueTime", "20")];
        self.send("/voice", status, &[&queue[..], more].concat());
    }
}
