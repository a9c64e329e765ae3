//! Parts that come while a request is under way go together in the next one, and each has its own answer.

use std::sync::Arc;

use tokio::task::{JoinHandle, yield_now};

use super::*;

/// More than any test here waits.
const LONG: Duration = Duration::from_secs(3600);

/// What was sent, and the way to answer it.
type Sent = (Vec<u32>, oneshot::Sender<Answered<u32>>);

/// A lane whose requests come out here, and weigh as much as their numbers.
fn lane(most: usize) -> (Arc<Lane<u32, u32>>, mpsc::UnboundedReceiver<Sent>) {
    let (sent, requests) = mpsc::unbounded_channel();
    let weight: fn(&u32) -> usize = |it| usize::try_from(*it).unwrap();
    let lane = Lane::start(&Handle::current(), (weight, most), move |parts| {
        let (answer, answered) = oneshot::channel();
        sent.send((parts, answer)).unwrap();
        async { answered.await.unwrap() }
    });
    (Arc::new(lane), requests)
}

/// Asks, and lets the lane take it.
async fn ask(lane: &Arc<Lane<u32, u32>>, part: u32) -> JoinHandle<Result<u32, Failed>> {
    let lane = lane.clone();
    let asking = tokio::spawn(async move { lane.ask(part, LONG).await });
    yield_now().await;
    asking
}

fn doubled(parts: &[u32]) -> Answered<u32> {
    Ok(parts.iter().map(|it| Ok(2 * it)).collect())
}

#[tokio::test]
async fn what_comes_meanwhile_goes_together_and_each_has_its_own_answer() {
    let (lane, mut requests) = lane(100);
    let first = ask(&lane, 1).await;
    let (parts, answer) = requests.recv().await.unwrap();
    assert_eq!(parts, [1]);
    let mut others = Vec::new();
    for part in [2, 3, 4] {
        others.push(ask(&lane, part).await);
    }
    assert!(requests.try_recv().is_err(), "one request is under way at a time");
    answer.send(doubled(&parts)).unwrap();
    let (parts, answer) = requests.recv().await.unwrap();
    assert_eq!(parts, [2, 3, 4], "in the order in which they came");
    answer.send(doubled(&parts)).unwrap();
    assert_eq!(first.await.unwrap().unwrap(), 2);
    for (asking, expected) in others.into_iter().zip([4, 6, 8]) {
        assert_eq!(asking.await.unwrap().unwrap(), expected);
    }
}

#[tokio::test]
async fn a_request_has_no_more_than_its_weight_and_at_least_one_part() {
    let (lane, mut requests) = lane(10);
    let first = ask(&lane, 50).await;
    let (parts, answer) = requests.recv().await.unwrap();
    let mut others = Vec::new();
    for part in [4, 5, 1, 7] {
        others.push(ask(&lane, part).await);
    }
    answer.send(doubled(&parts)).unwrap();
    assert_eq!(first.await.unwrap().unwrap(), 100);
    for expected in [vec![4, 5, 1], vec![7]] {
        let (parts, answer) = requests.recv().await.unwrap();
        assert_eq!(parts, expected);
        answer.send(doubled(&parts)).unwrap();
    }
    for asking in others {
        asking.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_failure_is_one_of_all_that_wait_and_the_next_is_tried_again() {
    let (lane, mut requests) = lane(100);
    let first = ask(&lane, 1).await;
    let (_, answer) = requests.recv().await.unwrap();
    let second = ask(&lane, 2).await;
    answer.send(Err("refused".to_owned())).unwrap();
    for asking in [first, second] {
        let failed = asking.await.unwrap().unwrap_err();
        assert_eq!((&*failed.why, failed.is_whole), ("refused", true));
    }
    let third = ask(&lane, 3).await;
    let (parts, answer) = requests.recv().await.unwrap();
    assert_eq!(parts, [3]);
    answer.send(doubled(&parts)).unwrap();
    assert_eq!(third.await.unwrap().unwrap(), 6);
}

#[tokio::test]
async fn a_part_that_fails_by_itself_takes_no_other_along() {
    let (lane, mut requests) = lane(100);
    let first = ask(&lane, 1).await;
    let (parts, answer) = requests.recv().await.unwrap();
    let (second, third) = (ask(&lane, 2).await, ask(&lane, 3).await);
    answer.send(doubled(&parts)).unwrap();
    let (_, answer) = requests.recv().await.unwrap();
    answer.send(Ok(vec![Err("full".to_owned()), Ok(6)])).unwrap();
    let failed = second.await.unwrap().unwrap_err();
    assert_eq!((&*failed.why, failed.is_whole), ("full", false));
    assert_eq!((first.await.unwrap().unwrap(), third.await.unwrap().unwrap()), (2, 6));
}

#[tokio::test(start_paused = true)]
async fn who_has_failed_has_its_turn_before_those_behind_it() {
    let (lane, mut requests) = lane(100);
    let mut asking = vec![ask(&lane, 1).await];
    let (_, answer) = requests.recv().await.unwrap();
    for part in [2, 3] {
        asking.push(ask(&lane, part).await);
    }
    answer.send(Err("refused".to_owned())).unwrap();
    let mut behind = asking.split_off(1);
    let first = asking.remove(0).await.unwrap().unwrap_err();
    // not a wait for time: the clock stands still, and those behind would have had their turn.
    tokio::time::sleep(IN_TURN / 2).await;
    assert!(behind.iter().all(|it| !it.is_finished()), "the first one has not done it yet");
    drop(first);
    let second = behind.remove(0).await.unwrap().unwrap_err();
    // It takes too long.
    let third = behind.remove(0).await.unwrap().unwrap_err();
    assert_eq!((&*second.why, &*third.why), ("refused", "refused"));
}

#[tokio::test(start_paused = true)]
async fn who_waits_no_more_is_not_sent() {
    let (lane, mut requests) = lane(100);
    let first = ask(&lane, 1).await;
    let (parts, answer) = requests.recv().await.unwrap();
    let impatient = lane.ask(2, Duration::from_secs(2)).await.unwrap_err();
    assert_eq!(impatient.why, "no answer within 2000 ms");
    let third = ask(&lane, 3).await;
    answer.send(doubled(&parts)).unwrap();
    let (parts, answer) = requests.recv().await.unwrap();
    assert_eq!(parts, [3]);
    answer.send(doubled(&parts)).unwrap();
    assert_eq!((first.await.unwrap().unwrap(), third.await.unwrap().unwrap()), (2, 6));
}
