//! Throttles log lines that any client can cause, so that they do not fill the log.

use parking_lot::Mutex;
use std::time::{Duration, Instant};

/// The most lines in one period.
const LINES_MAX: u32 = 20;

/// The length of a period, in milliseconds.
const STRETCH_MS: u64 = 10_000;

/// Lets a bounded number of lines through in each period.
#[derive(Debug, Default)]
pub struct LogThrottle(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    since: Option<Instant>,
    lines: u32,
    held_back: u64,
}

impl LogThrottle {
    /// Whether to write a line now. `Some` has the number of lines held back before it.
    pub fn line_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock();
        let stretch = Duration::from_millis(STRETCH_MS);
        if state.since.is_none_or(|since| now.saturating_duration_since(since) >= stretch) {
            (state.since, state.lines) = (Some(now), 0);
        }
        if state.lines == LINES_MAX {
            state.held_back += 1;
            return None;
        }
        state.lines += 1;
        Some(std::mem::take(&mut state.held_back))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_has_a_bounded_number_of_lines_and_the_next_one_tells_the_rest() {
        let log_throttle = LogThrottle::default();
        let start = Instant::now();
        let written = |at| (0..100).filter(|_| log_throttle.line_at(at).is_some()).count();
        assert_eq!(written(start), 20);
        let next = start + Duration::from_millis(STRETCH_MS);
        assert_eq!(log_throttle.line_at(next - Duration::from_millis(1)), None);
        assert_eq!(log_throttle.line_at(next), Some(81));
        assert_eq!(log_throttle.line_at(next), Some(0));
    }
}
