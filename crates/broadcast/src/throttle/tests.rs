//! Frames are bounded by a plain model's rule, changes are told at once, and a doubt leaves room for a number.

use proptest::collection::vec;
use proptest::prelude::*;
use tokio::sync::watch;

use super::*;

#[tokio::test(start_paused = true)]
async fn the_first_changes_are_published_at_once_then_twenty_a_second_and_the_last_always() {
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
    assert_eq!(published[..4], [(0, 1), (1, 2), (2, 3), (3, 4)]);
    assert_eq!(published.last(), Some(&(1000, 1001)));
    let rest = &published[4..];
    assert_eq!(rest[0].0, 50, "the first frame is paid for");
    assert!(rest.windows(2).all(|pair| pair[1].0 - pair[0].0 == 50), "{published:?}");
    assert_eq!(published.len(), 24);
}

/// Whether a frame after these leaves each stretch of time that ends now with at most so many frames
/// and one for each 50 ms. A plain model, in milliseconds.
fn may_be_published(published: &[u64], now: u64, burst: i64) -> bool {
    let mut stretches = published.iter().rev().zip(2..);
    stretches.all(|(then, frames)| (frames - burst) * 50 <= (now - then).cast_signed())
}

proptest! {
    #[test]
    fn a_frame_waits_only_if_a_stretch_of_time_would_have_more_than_four_and_twenty_a_second(
        gaps in vec(prop_oneof![3 => Just(0), 12 => 0..32_u64, 1 => 0..1_000_u64], 1..200),
    ) {
        let (start, mut now_ms) = (Instant::now(), 0);
        let (mut throttle, mut published) = (Throttle::default(), Vec::new());
        for gap in gaps {
            now_ms += gap;
            let now = start + Duration::from_millis(now_ms);
            let (checked, spare) = (throttle.check(now), throttle.check_spare(now));
            for (checked, burst) in [(checked, 4), (spare, 3)] {
                let may = |at| may_be_published(&published, at, burst);
                prop_assert_eq!(checked.is_ok(), may(now_ms), "{}: {:?}", now_ms, &published);
                if let Err(next) = checked {
                    let next_ms = u64::try_from((next - start).as_millis()).unwrap();
                    prop_assert!(may(next_ms) && !may(next_ms - 1), "{}", next_ms);
                }
            }
            if checked.is_ok() {
                throttle.note(now);
                published.push(now_ms);
            }
        }
    }
}

#[test]
fn a_frame_that_can_wait_leaves_one_for_a_change_that_cannot() {
    let (mut throttle, now) = (Throttle::default(), Instant::now());
    let mut minor = 0;
    while throttle.check_spare(now).is_ok() {
        throttle.note(now);
        minor += 1;
    }
    assert_eq!((minor, throttle.check(now)), (3, Ok(())));
    throttle.note(now);
    assert_eq!(throttle.check(now), Err(now + STEP));
    assert_eq!(throttle.check_spare(now), Err(now + 2 * STEP));
}
