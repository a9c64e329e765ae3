//! Throttles log lines: what anybody on the network can cause must not fill the log.

use parking_lot::Mutex;
use std::time::{Duration, Instant};

/// Lines in one stretch of time.
const LINES_MAX: u32 = 20;

/// A stretch of time, in milliseconds.
const STRETCH_MS: u64 = 10_000;

/// Lets a bounded number of lines through in each stretch of time.
#[derive(Debug, Default)]
pub struct LogThrottle(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    since: Option<Instant>,
    lines: u32,
    held_back: u64,
}

impl LogThrottle {
    /// Whether to write a line now: `Some` with the number of lines that were held back before it,
    /// or `None`.
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
