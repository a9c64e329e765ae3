//! When a replica waits for more webhooks because many come, whether others append or not.
//!
//! A batch takes a transaction and a sync of the journal, whatever its size. Under load the thread is
//! woken by the first webhook after a batch, while others are being read: recorded alone it would
//! cost as much as all of them.

use std::time::Duration;

/// How long the thread waits for more. The sync of a disk takes about as long.
const PAUSE: Duration = Duration::from_micros(300);

/// The size of a batch from which on the next one is waited for. Where fewer come, none waits for
/// another.
const FROM: usize = 8;

/// After a pause in which little came, so many batches are recorded without one.
const BATCHES_WITHOUT: u32 = 32;

/// What came of late.
#[derive(Debug, Default)]
pub(super) struct Load {
    /// How much work the last batch had.
    last: usize,
    /// How many batches are recorded without a pause.
    without: u32,
}

impl Load {
    /// How long to wait where this much work is there.
    pub(super) fn pause(&self, there: usize) -> Duration {
        let is_worth_it = self.without == 0 && self.last >= FROM && there < self.last;
        if is_worth_it { PAUSE } else { Duration::ZERO }
    }

    /// Notes a batch: how much work was there, and how much after a pause, if there was one for the load.
    pub(super) fn note(&mut self, there: usize, gathered: Option<usize>) {
        self.last = gathered.unwrap_or(there);
        self.without = match gathered {
            Some(gathered) if gathered - there < there.div_ceil(4) => BATCHES_WITHOUT,
            Some(_) => 0,
            None => self.without.saturating_sub(1),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_is_waited_for_where_the_last_batch_was_large_and_this_one_is_not_yet() {
        let mut load = Load::default();
        assert_eq!(load.pause(5), Duration::ZERO, "nothing was before it");
        load.note(FROM - 1, None);
        assert_eq!(load.pause(1), Duration::ZERO, "few were before it");
        load.note(20, None);
        assert_eq!((load.pause(1), load.pause(19)), (PAUSE, PAUSE));
        assert_eq!(load.pause(20), Duration::ZERO, "as many are here as last time");
        load.note(19, Some(49));
        assert_eq!((load.pause(48), load.pause(49)), (PAUSE, Duration::ZERO));
    }

    #[test]
    fn nothing_is_waited_for_after_a_pause_in_which_little_came() {
        let mut load = Load::default();
        load.note(40, Some(50));
        assert_eq!(load.pause(40), PAUSE, "a quarter more is worth it");
        load.note(40, Some(49));
        for _ in 0..BATCHES_WITHOUT {
            assert_eq!(load.pause(40), Duration::ZERO);
            load.note(49, None);
        }
        assert_eq!(load.pause(40), PAUSE);
    }
}
