//! Merges changes that follow each other too fast.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// The most frames in a second. People cannot follow more.
const FRAMES_PER_S_MAX: u64 = 20;

const STEP: Duration = Duration::from_millis(1000 / FRAMES_PER_S_MAX);

/// Bounds how often frames are published.
///
/// A publisher waits for a change, then for this throttle, and then takes the present value. So the
/// first change is published at once, fast ones are merged, and the last one is always published.
#[derive(Debug, Default)]
pub struct Throttle {
    next: Option<Instant>,
}

impl Throttle {
    /// Resolves when the next frame may be published: at once, unless one was published just
    /// before.
    pub async fn wait(&mut self) {
        if let Err(next) = self.check() {
            sleep_until(next).await;
        }
        self.note();
    }

    /// Whether a frame may be published now, for a publisher that cannot wait.
    ///
    /// # Errors
    /// When one may be published next.
    pub fn check(&self) -> Result<(), Instant> {
        self.next.filter(|next| Instant::now() < *next).map_or(Ok(()), Err)
    }

    /// Notes that a frame is published now.
    pub fn note(&mut self) {
        self.next = Some(Instant::now() + STEP);
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_change_is_published_at_once_then_twenty_a_second_and_the_last_always() {
        let (change, mut changes) = watch::channel(0);
        let start = Instant::now();
        let published = tokio::spawn(async move {
            let (mut throttle, mut published) = (Throttle::default(), Vec::new());
            while changes.changed().await.is_ok() {
                throttle.wait().await;
                published.push((start.elapsed().as_millis(), *changes.borrow_and_update()));
            }
            published
        });
        for n in 1..=1000 {
            change.send_replace(n);
            // not a wait for time: the clock of this test is paused
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        change.send_replace(1001);
        drop(change);
        let published = published.await.unwrap();
        assert_eq!(published[0], (0, 1));
        assert_eq!(published.last(), Some(&(1000, 1001)));
        assert!(published.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 50), "{published:?}");
        assert_eq!(published.len(), 21);
    }
}
