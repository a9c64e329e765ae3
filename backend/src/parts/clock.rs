//! The time. It is the journal's: that of this process, or of the service that several share.

mod machine;

use std::fmt::Display;
use std::sync::Arc;

use jiff::Timestamp;
use live_users_core::Millis;
use live_users_http_kit::metrics::Counter;
use live_users_journal::{ReplicationStatus, WarningKind};
use live_users_replica::disciplined_clock::{DisciplinedClock, Notice, is_astray};
use log::{info, warn};
use parking_lot::Mutex;

pub(crate) use self::machine::{steady_unix_ms, wall_unix_ms};

/// Returns the time, and the age of what is known of the journal. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    replication_status: ReplicationStatus,
    /// For a journal of one process. A service has a clock of its own.
    own: Option<Arc<Own>>,
}

#[derive(Debug)]
struct Own {
    clock: Mutex<DisciplinedClock>,
    jumps: Counter,
}

impl Clock {
    /// The time of a journal of this process alone, whose last record is from this moment.
    pub(crate) fn of_one_process(last_record: Millis) -> Self {
        let (clock, notice) = DisciplinedClock::start(machine::read(), last_record);
        let own = Own { clock: Mutex::new(clock), jumps: Counter::default() };
        own.tell(notice);
        Self { replication_status: ReplicationStatus::default(), own: Some(Arc::new(own)) }
    }

    /// The time of a journal that several share. It has to be opened with [`steady_unix_ms`].
    pub(crate) fn of_service(replication_status: ReplicationStatus) -> Self {
        Self { replication_status, own: None }
    }

    /// The present.
    pub(crate) fn now(&self) -> Millis {
        self.look().0
    }

    /// The present, and how far the machine's clock is ahead of it, in milliseconds.
    fn look(&self) -> (Millis, i64) {
        let Some(own) = &self.own else {
            let now = self.replication_status.log_time_ms(steady_unix_ms());
            let wall_ms = u64::try_from(machine::read().wall.as_millis()).unwrap_or(u64::MAX);
            return (Millis(now), wall_ms.wrapping_sub(now).cast_signed());
        };
        let (now, offset_ms, notice) = {
            let mut clock = own.clock.lock();
            // Within the lock, so that no other thread's later look comes first.
            let notice = clock.look(machine::read());
            (clock.time(), clock.offset_ms(), notice)
        };
        own.tell(notice);
        (now, offset_ms)
    }

    /// The present for others, who go by a clock of their own: the time of the service that several share, or
    /// what this machine's clock shows.
    pub(crate) fn for_others(&self) -> Millis {
        if self.own.is_none() { self.now() } else { Millis(wall_unix_ms()) }
    }

    /// The present or what the machine's clock shows, whichever is earlier. One that is wrong
    /// because the process was started with a wrong clock makes nothing old before its time.
    pub(crate) fn earliest_now(&self) -> Millis {
        let (now, offset_ms) = self.look();
        Millis(now.0.saturating_add_signed(offset_ms.min(0)))
    }

    /// This machine's clock minus the journal's time, in milliseconds.
    pub(crate) fn offset_ms(&self) -> i64 {
        self.look().1
    }

    /// How often this machine's clock has jumped away from the journal's time.
    pub(crate) fn jumps(&self) -> u64 {
        self.own.as_ref().map_or(0, |own| own.jumps.get())
    }

    /// What operators should know of this machine's clock.
    pub(crate) fn warning(&self) -> Option<String> {
        let offset_ms = self.offset_ms();
        let follows = match &self.own {
            Some(_) => "follows it slowly",
            None => "is that of the journal's servers",
        };
        is_astray(offset_ms).then(|| {
            let off = Offset(offset_ms);
            format!("{off}; that time goes on steadily, {follows}, and no call ends by it")
        })
    }

    /// What operators should know of the servers of a shared journal.
    pub(crate) fn journal_warnings(&self) -> Vec<(WarningKind, String)> {
        self.replication_status.warnings()
    }

    /// The age of what is known of the journal, in milliseconds. Other replicas may have appended
    /// since.
    pub(crate) fn age_ms(&self) -> u64 {
        u64::try_from(self.replication_status.age().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Own {
    fn tell(&self, notice: Option<Notice>) {
        let goes_on = "that time goes on steadily and no call ends by the difference, which is \
                       worked off by at most 3 minutes an hour";
        match notice {
            Some(Notice::Jumped(offset_ms)) => {
                self.jumps.add();
                warn!("the clock has jumped: {}; {goes_on}", Offset(offset_ms));
            }
            Some(Notice::Astray(offset_ms)) => warn!("{}; {goes_on}", Offset(offset_ms)),
            Some(Notice::Agrees) => info!("this machine's clock agrees with the journal's time"),
            None => {}
        }
    }
}

/// How far this machine's clock is off, in words.
struct Offset(i64);

impl Display for Offset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let s = self.0.unsigned_abs() / 1_000;
        let (min, h, d) = (s / 60, s / 3_600, s / 86_400);
        f.write_str("this machine's clock is ")?;
        match (d, h, min) {
            (0, 0, 0) => write!(f, "{s} s")?,
            (0, 0, _) => write!(f, "{min} min {} s", s % 60)?,
            (0, ..) => write!(f, "{h} h {} min", min % 60)?,
            (..) => write!(f, "{d} d {} h", h % 24)?,
        }
        let direction = if self.0 < 0 { "behind" } else { "ahead of" };
        write!(f, " {direction} the journal's time")
    }
}

/// A moment as text. A moment beyond the calendar becomes the last one that it has.
pub(crate) fn moment(Millis(ms): Millis) -> String {
    let at = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    format!("{:.3}", at.unwrap_or(Timestamp::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_text_with_milliseconds() {
        assert_eq!(moment(Millis(1_795_000_000_007)), "2026-11-18T11:06:40.007Z");
        assert!(moment(Millis(u64::MAX)).starts_with("9999-12-3"));
    }

    #[test]
    fn a_difference_is_told_in_words() {
        for (s, told) in [
            (5, "5 s ahead of"),
            (-61, "1 min 1 s behind"),
            (18_000, "5 h 0 min ahead of"),
            (-7_260, "2 h 1 min behind"),
            (93_600, "1 d 2 h ahead of"),
        ] {
            let expected = format!("this machine's clock is {told} the journal's time");
            assert_eq!(Offset(s * 1_000).to_string(), expected);
        }
    }

    #[test]
    fn a_journal_that_is_ahead_goes_on_from_its_last_record_and_says_so() {
        let ahead = Millis(Clock::of_one_process(Millis(0)).now().0 + 7_200_000);
        let clock = Clock::of_one_process(ahead);
        let now = clock.now();
        assert!(now >= ahead && clock.earliest_now() < now && clock.now() >= now);
        assert!(clock.offset_ms() < -7_000_000 && clock.jumps() == 0);
        assert!(clock.warning().is_some_and(|it| it.contains(" h ") && it.contains("behind")));
    }

    #[test]
    fn a_service_keeps_its_own_time() {
        let status = ReplicationStatus::with_service();
        let clock = Clock::of_service(status.clone());
        assert_eq!(clock.warning(), None);
        let here = steady_unix_ms();
        status.set_clock_offset(here + 7_200_000, here);
        assert!(clock.now().0 >= here + 7_200_000 && clock.offset_ms() < -7_000_000);
        assert!(clock.warning().is_some_and(|it| it.contains("the journal's servers")));
    }
}
