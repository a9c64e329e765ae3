//! People who call while something fails, and what whoever sent their webhooks was told.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use live_users_testkit::Twilio;
use parking_lot::Mutex;

use super::team::{Replica, await_agreement, await_that, report, sid};

const SENDERS: u32 = 3;

/// Each so many calls one is told by a voice webhook, which has no acknowledgement to hold us to.
const VOICE_EVERY: u32 = 7;

/// What the senders know.
#[derive(Default)]
pub(super) struct Load {
    next: AtomicU32,
    acknowledged: Mutex<BTreeSet<u32>>,
    told: AtomicUsize,
}

impl Load {
    /// Begins calls at all replicas for as long as something goes on.
    pub(super) fn during(&self, replicas: &[Twilio], goes_on: impl FnOnce()) {
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..SENDERS {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        self.begin_one(replicas);
                    }
                });
            }
            let _ends_them_also_in_a_panic = Ends(&is_over);
            goes_on();
        });
    }

    /// Waits until so many more calls were acknowledged than when it was asked.
    pub(super) fn await_more(&self, calls: usize) {
        let until = self.told.load(Ordering::Relaxed) + calls;
        await_that("calls are acknowledged", || self.told.load(Ordering::Relaxed) >= until);
    }

    fn begin_one(&self, replicas: &[Twilio]) {
        let call = self.next.fetch_add(1, Ordering::Relaxed);
        let twilio = &replicas[call as usize % replicas.len()];
        if call.is_multiple_of(VOICE_EVERY) {
            let sid = sid(call);
            let fields =
                [("CallSid", sid.as_str()), ("CallStatus", "ringing"), ("Direction", "inbound")];
            // A replica that was killed answers nothing, and Twilio would ask the next one.
            if let Some(answer) = twilio.try_post("/voice", &fields) {
                assert_eq!(answer.status, 200, "{}", answer.body);
                assert!(answer.body.contains("<Response>"), "{}", answer.body);
            }
            return;
        }
        match report(twilio, call, "in-progress") {
            Some(204) => {
                self.acknowledged.lock().insert(call);
                self.told.fetch_add(1, Ordering::Relaxed);
            }
            Some(503) | None => std::thread::yield_now(),
            Some(other) => panic!("the status callback is answered with {other}"),
        }
    }

    /// All replicas agree by themselves, and every call that was acknowledged is there: when it
    /// ends, the count falls by one.
    pub(super) fn check(&self, replicas: &[Replica]) {
        let begun = self.next.load(Ordering::Relaxed);
        let acknowledged = self.acknowledged.lock();
        await_that("the replicas agree", || {
            let counts: Vec<_> = replicas.iter().map(Replica::count).collect();
            let first = counts.first().and_then(|count| count.as_ref().ok());
            first.is_some_and(|first| {
                counts.iter().all(|it| it.as_ref().is_ok_and(|it| it == first))
            })
        });
        // What a voice webhook said while nothing could be recorded is recorded by now.
        let before = replicas[0].count().expect("they agree");
        assert!(before >= acknowledged.len() && before <= begun as usize, "{before} of {begun}");
        for (call, replica) in acknowledged.iter().zip(replicas.iter().cycle()) {
            assert_eq!(replica.report(*call, "completed"), Some(204));
        }
        await_agreement(replicas, before - acknowledged.len());
        for (call, replica) in (0..begun).zip(replicas.iter().cycle()) {
            assert_eq!(replica.report(call, "completed"), Some(204));
        }
        await_agreement(replicas, 0);
    }
}

struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
