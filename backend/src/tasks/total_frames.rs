//! The frames of the total: published by the writer itself, or by a task where that is too soon.

use std::sync::{Arc, OnceLock};

use live_users_broadcast::{Frame, Throttle};
use live_users_replica::FRESH_MS;
use live_users_wire::{ByAgent, LiveCount};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use super::summary_frames::no_value;
use crate::parts::clock::moment;
use crate::parts::doubt::{Doubt, DoubtRules};
use crate::parts::latest::{LatestCount, LatestReader};
use crate::parts::not_recorded::NOT_KNOWN;
use crate::parts::queue::{ACKNOWLEDGE_MS, Queue};
use crate::parts::streams::Streams;

/// A number is shown as unavailable when the state is older than this, in milliseconds. The writer
/// says so sooner, unless it waits for the journal itself.
pub(super) const SILENCE_MS: u64 = FRESH_MS + ACKNOWLEDGE_MS;

/// Publishes the total to its stream when it changes. Whoever knows first that it may have changed calls
/// it, on any thread.
pub(crate) struct TotalFrames {
    streams: Arc<Streams>,
    latest: LatestReader,
    doubt: Arc<Doubt>,
    rules: DoubtRules,
    queue: Queue,
    /// Locked while a frame is made and published, so a frame never replaces one of a later count.
    last: Mutex<Last>,
}

/// What is known of the last frame.
#[derive(Default)]
struct Last {
    throttle: Throttle,
    shown: Option<Shown>,
}

/// What of a count a stream shows; `None` while there is none. A frame is published when this changes.
type Shown = Option<(u64, u64, Option<ByAgent>, Option<u64>)>;

/// The frames that the writer publishes to, once there are such: the writer is older than they are.
pub(crate) type FramesOfWriter = Arc<OnceLock<Arc<TotalFrames>>>;

/// Where the writer publishes its count: for all who look at it, and to the stream of the total. The
/// readers of that are told sooner than by a task, which would have to wake up on another thread.
pub(crate) struct CountOutlet {
    latest: watch::Sender<LatestCount>,
    frames: FramesOfWriter,
}

impl CountOutlet {
    pub(crate) fn new(latest: watch::Sender<LatestCount>, frames: FramesOfWriter) -> Self {
        Self { latest, frames }
    }

    pub(crate) fn publish(&self, count: LatestCount) {
        self.latest.send_replace(count);
        // After a silence it is not known here yet that it is over.
        if let Some(frames) = self.frames.get().filter(|it| !is_silent(it.queue.age_ms())) {
            // Where it is too soon, the task that the latest count wakes waits.
            let _too_soon = frames.publish();
        }
    }
}

impl TotalFrames {
    pub(crate) fn new(
        streams: Arc<Streams>,
        latest: LatestReader,
        (doubt, rules): (Arc<Doubt>, DoubtRules),
        queue: Queue,
    ) -> Self {
        Self { streams, latest, doubt, rules, queue, last: Mutex::default() }
    }

    /// Publishes a frame if what it shows has changed. If too many were published just before, nothing is
    /// done, and this is when to try again. A number never waits because a doubt was told.
    ///
    /// Trap: where there are few readers, they are told on this thread. It must hold no lock that an
    /// authorization of theirs takes.
    pub(crate) fn publish(&self) -> Result<(), Instant> {
        let mut last = self.last.lock();
        let now = Instant::now();
        last.throttle.check(now)?;
        if let Some((shown, frame)) = self.news(last.shown.as_ref()) {
            if is_same_number(last.shown.as_ref(), &shown) {
                last.throttle.check_spare(now)?;
            }
            last.throttle.note(now);
            last.shown = Some(shown);
            self.streams.total.publish(frame);
        }
        Ok(())
    }

    /// What there is to show, if that is something else than before.
    fn news(&self, before: Option<&Shown>) -> Option<(Shown, Frame)> {
        // Until the end of this function alone: an authorization of a reader takes it, too.
        let count = self.latest.borrow();
        if count.stale.is_some() || is_silent(self.queue.age_ms()) {
            return (before != Some(&None)).then(|| (None, no_value(NOT_KNOWN)));
        }
        let suspect = self.rules.told(self.doubt.now(), count.live_users);
        // Many records, such as those of speech, leave it as it is. Nothing is copied for these.
        if let Some(Some((epoch, live_users, by_agent, suspect_before))) = before
            && (*epoch, *live_users, *suspect_before) == (count.at.epoch, count.live_users, suspect)
            && *by_agent == count.by_agent
        {
            return None;
        }
        let shown = (count.at.epoch, count.live_users, count.by_agent.clone(), suspect);
        Some((Some(shown), frame_of(&live_count(&count, suspect))))
    }
}

/// Whether only the doubt of a number has changed.
fn is_same_number(before: Option<&Shown>, now: &Shown) -> bool {
    let (Some(Some((epoch, live_users, by_agent, _))), Some(now)) = (before, now) else {
        return false;
    };
    (epoch, live_users, by_agent) == (&now.0, &now.1, &now.2)
}

fn live_count(count: &LatestCount, suspect: Option<u64>) -> LiveCount {
    let epoch = format!("{:016x}", count.at.epoch);
    let (live_users, seq, as_of) = (count.live_users, count.at.seq, moment(count.as_of));
    let by_agent = count.by_agent.clone();
    LiveCount { live_users, by_agent, suspect, agent: None, epoch, seq, as_of, now: None }
}

/// Whether a state is so old that no number of it is shown.
pub(super) fn is_silent(age_ms: u64) -> bool {
    age_ms >= SILENCE_MS
}

/// The frame of a total. Two that differ only in their doubt have different names, because a reader that
/// comes back does not get again what it names.
pub(super) fn frame_of(count: &LiveCount) -> Frame {
    let json = serde_json::to_vec(count).expect("texts and numbers are always JSON");
    Frame::named(count.name(), json)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use bytes::Bytes;
    use live_users_broadcast::SlotState;
    use live_users_core::Millis;
    use live_users_http_kit::{AllowedOrigins, StreamsMax};
    use live_users_journal::Position;
    use live_users_state::SharedLinks;
    use tokio::time::sleep_until;

    use super::*;

    fn count(users: u64) -> LatestCount {
        LatestCount {
            body: Bytes::new(),
            live_users: users,
            by_agent: Some(BTreeMap::from([("booking".to_owned(), users)])),
            at: Position { epoch: 7, seq: users },
            as_of: Millis(0),
            stale: None,
            links: SharedLinks::default(),
        }
    }

    /// The frames of a total, and who changes it.
    struct World {
        streams: Arc<Streams>,
        doubt: Arc<Doubt>,
        frames: Arc<TotalFrames>,
        of_writer: FramesOfWriter,
        writer: CountOutlet,
    }

    impl World {
        fn new() -> Self {
            let max = StreamsMax { public: 9, reserved: 0 };
            let streams = Arc::new(Streams::new(max, AllowedOrigins::default()));
            let (sender, latest) = watch::channel(count(0));
            let doubt = Arc::new(Doubt::new(0, BTreeMap::new()));
            let rules = DoubtRules { share_percent: 10, is_public: false, suspect_after_ms: 0 };
            let (queue, _stuck) = Queue::broken(1);
            let doubting = (doubt.clone(), rules);
            let frames = Arc::new(TotalFrames::new(streams.clone(), latest, doubting, queue));
            let of_writer = FramesOfWriter::default();
            let writer = CountOutlet::new(sender, of_writer.clone());
            Self { streams, doubt, frames, of_writer, writer }
        }

        fn json(&self) -> Option<String> {
            let SlotState::Frame(frame) = self.streams.total.now() else { return None };
            Some(String::from_utf8_lossy(frame.json()).into_owned())
        }

        fn shows(&self, fields: &[(&str, u64)]) {
            let told = self.json().unwrap_or_default();
            let is_shown = |(name, value): &_| told.contains(&format!("\"{name}\":{value},"));
            assert!(fields.iter().all(is_shown), "{fields:?}: {told}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_writer_publishes_a_change_itself_unless_it_is_too_soon() {
        let world = World::new();
        let World { frames, writer, .. } = &world;
        let shows = |users: u64| world.shows(&[("liveUsers", users), ("seq", users)]);
        writer.publish(count(1));
        assert!(world.json().is_none(), "there are no frames yet");
        assert!(world.of_writer.set(frames.clone()).is_ok());
        writer.publish(count(2));
        shows(2);
        // The third and fourth change may follow at once, and the fifth may not.
        (3..=5).for_each(|n| {
            writer.publish(count(n));
            shows(n);
        });
        writer.publish(count(6));
        shows(5);
        let next = frames.publish().expect_err("just after four others");
        sleep_until(next).await; // not a wait for time: the clock is paused
        assert_eq!(frames.publish(), Ok(()));
        shows(6);
        // not a wait for time: the clock is paused
        sleep_until(next + Duration::from_secs(1)).await;
        // What is said to callers changes nothing that is shown, and does not delay what does.
        writer.publish(LatestCount { at: Position { epoch: 7, seq: 9 }, ..count(6) });
        shows(6);
        writer.publish(count(10));
        shows(10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_number_does_not_wait_because_its_doubt_was_told() {
        let world = World::new();
        let World { doubt, frames, writer, .. } = &world;
        assert!(world.of_writer.set(frames.clone()).is_ok());
        writer.publish(count(9));
        // Calls become suspect one after the other, faster than frames may follow each other.
        let waits = (1..=9).map(|suspect| {
            doubt.note(suspect, BTreeMap::new(), true);
            frames.publish()
        });
        let waits: Vec<_> = waits.collect();
        world.shows(&[("liveUsers", 9), ("suspect", 2)]);
        writer.publish(count(10));
        world.shows(&[("liveUsers", 10), ("suspect", 9)]);
        let next = waits[8].expect_err("a doubt can wait");
        doubt.note(8, BTreeMap::new(), true);
        assert!(frames.publish().is_err(), "{next:?}");
        // not a wait for time: the clock is paused
        sleep_until(next + Duration::from_millis(50)).await;
        assert_eq!(frames.publish(), Ok(()));
        world.shows(&[("liveUsers", 10), ("suspect", 8)]);
    }
}
