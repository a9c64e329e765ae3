//! The time of a journal of one process: steady, and near the clock on the wall.
//!
//! It goes on by a clock that nobody can set, and follows the wall clock slowly. So a wall clock
//! that is set by hours, forward or back, ends no call and makes no call last for 0 s.

use std::time::Duration;

use live_users_core::Millis;

/// The journal's time goes faster or slower than the steady clock by at most one part in so many.
const SLEW_PARTS: i128 = 20;

/// The wall clock has jumped if it went this much further than the steady clock, or less far. It
/// is astray while it differs from the journal's time by more than this.
const ASTRAY_NS: i128 = 5_000_000_000;

const NS_PER_MS: i128 = 1_000_000;

/// Both clocks of the machine at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// The time since any fixed moment, by a clock that nobody can set.
    pub steady: Duration,
    /// The time since the Unix epoch, by the clock that people and NTP set.
    pub wall: Duration,
}

/// What somebody should be told about the wall clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It has jumped away from the journal's time, and differs by so many milliseconds now.
    Jumped(i64),
    /// It has come to differ by so many milliseconds without a jump that was seen, as at a start.
    Astray(i64),
    /// It agrees with the journal's time again.
    Agrees,
}

/// The journal's time. Each look at the clocks moves it on.
#[derive(Clone, Copy, Debug)]
pub struct DisciplinedClock {
    /// The journal's time at the last look, in nanoseconds since the Unix epoch.
    time_ns: i128,
    last: Reading,
    is_astray: bool,
}

impl DisciplinedClock {
    /// Begins with the wall clock, but not before the last record of the journal.
    pub fn start(at: Reading, last_record: Millis) -> (Self, Option<Notice>) {
        let time_ns = ns(at.wall).max(i128::from(last_record.0) * NS_PER_MS);
        let mut clock = Self { time_ns, last: at, is_astray: false };
        let notice = clock.judge(false);
        (clock, notice)
    }

    /// Moves the time on to this moment. A moment before the last one changes nothing.
    pub fn look(&mut self, at: Reading) -> Option<Notice> {
        let elapsed_ns = ns(at.steady) - ns(self.last.steady);
        if elapsed_ns <= 0 {
            return None;
        }
        let jump_ns = ns(at.wall) - ns(self.last.wall) - elapsed_ns;
        self.last = at;
        self.time_ns += elapsed_ns;
        // Before the correction, because a long look may work off a part of the jump.
        let notice = self.judge(jump_ns.abs() > ASTRAY_NS);
        let slew_ns = elapsed_ns / SLEW_PARTS;
        self.time_ns += self.offset_ns().clamp(-slew_ns, slew_ns);
        notice
    }

    /// The journal's time at the last look.
    pub fn time(&self) -> Millis {
        Millis(u64::try_from(self.time_ns / NS_PER_MS).unwrap_or(u64::MAX))
    }

    /// The wall clock minus the journal's time at the last look, in milliseconds.
    pub fn offset_ms(&self) -> i64 {
        let ms = self.offset_ns() / NS_PER_MS;
        i64::try_from(ms).unwrap_or(if ms < 0 { i64::MIN } else { i64::MAX })
    }

    fn offset_ns(&self) -> i128 {
        ns(self.last.wall) - self.time_ns
    }

    /// Compares the wall clock with the time.
    fn judge(&mut self, has_jumped: bool) -> Option<Notice> {
        let was_astray = self.is_astray;
        self.is_astray = self.offset_ns().abs() > ASTRAY_NS;
        match (self.is_astray, was_astray) {
            (true, _) if has_jumped => Some(Notice::Jumped(self.offset_ms())),
            (true, false) => Some(Notice::Astray(self.offset_ms())),
            (false, true) => Some(Notice::Agrees),
            (true, true) | (false, false) => None,
        }
    }
}

/// Whether a difference of so many milliseconds is one that somebody should be told of.
pub fn is_astray(offset_ms: i64) -> bool {
    i128::from(offset_ms).abs() * NS_PER_MS > ASTRAY_NS
}

fn ns(span: Duration) -> i128 {
    i128::try_from(span.as_nanos()).unwrap_or(i128::MAX / 4)
}

#[cfg(test)]
mod tests;
