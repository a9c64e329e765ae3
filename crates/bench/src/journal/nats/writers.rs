//! Several writers of one journal at once, beside one writer, and beside as many bare publishers.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use async_nats::jetstream::{self, stream};
use live_users_journal::{Journal, open};
use live_users_testkit::Nats;

use super::RECORD_BYTES;
use crate::report::Median;

/// As batches are under load: with one backend, and with three that share its callers.
pub(super) const BATCHES: [usize; 2] = [8, 24];

const WRITERS: usize = 3;

/// Turns of each of the three.
const ROUNDS: usize = 5;

/// How long a turn is.
const TURN: Duration = Duration::from_millis(800);

/// What three writers should reach of one, and of three publishers.
const GOALS: [f64; 2] = [1.0, 0.25];

/// Prints a row for each of the three.
pub(super) fn rates(nats: &Nats, count: usize) -> Result<()> {
    let url = nats.journal_url(&format!("writers-{count}"));
    let mut journals =
        [(); WRITERS].map(|()| open(&url)).into_iter().collect::<Result<Vec<_>, _>>()?;
    let bare = format!("bare-writers-{count}");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let publishers = runtime.block_on(publishers(nats, &bare))?;
    let [mut together, mut alone, mut published]: [Vec<f64>; 3] = Default::default();
    for _ in 0..ROUNDS {
        together.push(appended(&mut journals, count)?);
        alone.push(appended(&mut journals[..1], count)?);
        published.push(runtime.block_on(publish(&publishers, &bare, count))?);
    }
    let servers = nats.count();
    for (what, goal, other) in
        [("1 writer", GOALS[0], &alone), ("3 publishers", GOALS[1], &published)]
    {
        let ratio = Median::ratio(&together, other);
        let verdict = if ratio.middle >= goal { "met" } else { "missed" };
        println!(
            "| {servers} | {count} | 3 writers: {} batches/s, beside {what}: {} | {} | at least \
             {goal}: {verdict} |",
            Median::of(together.iter().copied()).with_digits(0),
            Median::of(other.iter().copied()).with_digits(0),
            ratio.with_digits(2),
        );
    }
    Ok(())
}

/// Batches a second, appended by these at once.
fn appended(journals: &mut [Box<dyn Journal>], count: usize) -> Result<f64> {
    let batch = vec![vec![b'x'; RECORD_BYTES]; count];
    let begin = Instant::now();
    let append = |journal: &mut Box<dyn Journal>| {
        let mut batches = 0_u32;
        while begin.elapsed() < TURN {
            journal.append(&batch)?;
            batches += 1;
        }
        anyhow::Ok(batches)
    };
    let appended = thread::scope(|scope| {
        let threads: Vec<_> = journals.iter_mut().map(|it| scope.spawn(|| append(it))).collect();
        threads.into_iter().map(|it| it.join().expect("a writer ends")).sum::<Result<u32>>()
    })?;
    Ok(f64::from(appended) / begin.elapsed().as_secs_f64())
}

async fn publishers(nats: &Nats, name: &str) -> Result<Vec<jetstream::Context>> {
    let mut publishers = Vec::new();
    for _ in 0..WRITERS {
        publishers.push(jetstream::new(async_nats::connect(nats.address(0)).await?));
    }
    let config =
        stream::Config { name: name.into(), num_replicas: nats.count(), ..Default::default() };
    publishers[0].create_stream(config).await?;
    Ok(publishers)
}

/// Messages a second of as many bytes, each publisher with one under way.
async fn publish(publishers: &[jetstream::Context], name: &str, count: usize) -> Result<f64> {
    let begin = Instant::now();
    let publish = |context: jetstream::Context| {
        let (name, payload) =
            (name.to_owned(), bytes::Bytes::from(vec![b'x'; RECORD_BYTES * count]));
        tokio::spawn(async move {
            let mut published = 0_u32;
            while begin.elapsed() < TURN {
                context.publish(name.clone(), payload.clone()).await?.await?;
                published += 1;
            }
            anyhow::Ok(published)
        })
    };
    let mut published = 0;
    for task in publishers.iter().cloned().map(publish).collect::<Vec<_>>() {
        published += task.await??;
    }
    Ok(f64::from(published) / begin.elapsed().as_secs_f64())
}
