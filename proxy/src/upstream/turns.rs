//! Turns at the backend: so many look-ups at the same time, and the others wait for theirs.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// Turns that may be taken at the same time. They are given in the order in which they are asked for.
pub(super) struct Turns {
    places: Semaphore,
    waiting: Semaphore,
    /// For how long somebody waits.
    patience: Duration,
}

/// Somebody's turn, until it is dropped.
pub(crate) struct Turn<'a> {
    _place: SemaphorePermit<'a>,
}

impl Turns {
    /// So many at the same time. So many more wait at most, each for this long.
    pub(super) fn new(places: usize, waiting_max: usize, patience: Duration) -> Self {
        Self { places: Semaphore::new(places), waiting: Semaphore::new(waiting_max), patience }
    }

    /// Waits for a turn. `None` if too many wait already, or it does not come in time.
    pub(super) async fn next(&self) -> Option<Turn<'_>> {
        // Nobody overtakes those who wait: a place that becomes free is theirs.
        if let Ok(place) = self.places.try_acquire() {
            return Some(Turn { _place: place });
        }
        let _waits = self.waiting.try_acquire().ok()?;
        let place = timeout(self.patience, self.places.acquire()).await.ok()?;
        Some(Turn { _place: place.expect("it is never closed") })
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};

    use tokio::time::Instant;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(2);

    fn poll<F: Future>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
        future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_place_waits_and_those_who_wait_are_served_in_their_order() {
        let turns = Turns::new(1, 2, PATIENCE);
        let first = turns.next().await.expect("a place is free");
        let (mut second, mut third) = (Box::pin(turns.next()), Box::pin(turns.next()));
        assert!(poll(&mut second).is_pending());
        assert!(poll(&mut third).is_pending());
        assert!(turns.next().await.is_none(), "there is no room for one more to wait");
        drop(first);
        assert!(poll(&mut third).is_pending(), "the second one was there before");
        let Poll::Ready(Some(turn)) = poll(&mut second) else { panic!("it is its turn") };
        drop(third);
        let fourth = turns.next();
        drop(turn);
        assert!(fourth.await.is_some(), "who has gone keeps no place");
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_longer_than_the_patience() {
        let turns = Turns::new(1, 1, PATIENCE);
        let _first = turns.next().await.expect("a place is free");
        for _ in 0..3 {
            let start = Instant::now();
            assert!(turns.next().await.is_none());
            let waited = start.elapsed();
            assert!(waited >= PATIENCE && waited < 2 * PATIENCE, "{waited:?}");
        }
    }
}
