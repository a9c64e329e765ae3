//! A line for events that a hook will never get: at most one a minute, however many they are.

use std::time::Duration;

use tokio::time::Instant;

/// The time between two lines.
const LINE_EVERY: Duration = Duration::from_secs(60);

/// The events that no line has told of yet.
#[derive(Debug, Default)]
pub(super) struct Lost {
    untold: u64,
    line_at: Option<Instant>,
}

impl Lost {
    /// So many more are lost. Returns of how many a line is due.
    pub(super) fn note(&mut self, lost: u64, now: Instant) -> Option<u64> {
        self.untold += lost;
        let is_due = self.line_at.is_none_or(|at| now >= at + LINE_EVERY);
        if self.untold == 0 || !is_due {
            return None;
        }
        self.line_at = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_of_all_that_were_lost_since_the_one_before_a_minute_ago() {
        let (mut lost, start) = (Lost::default(), Instant::now());
        let mut at = |second, n| lost.note(n, start + Duration::from_secs(second));
        assert_eq!(at(0, 0), None);
        assert_eq!(at(1, 20), Some(20));
        assert_eq!((at(2, 3), at(60, 4)), (None, None));
        assert_eq!(at(61, 0), Some(7), "also when no more are lost");
        assert_eq!(at(200, 0), None);
        assert_eq!((at(201, 1), at(202, 1)), (Some(1), None));
    }
}
