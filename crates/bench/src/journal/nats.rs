//! A journal that a NATS service keeps, beside bare publishes of the same bytes, at one server and
//! at three, with all of them on this machine. The servers sync always if they can.

mod writers;

use std::time::{Duration, Instant};

use anyhow::Result;
use async_nats::jetstream::{self, stream};
use live_users_journal::{PageLimit, open};
use live_users_testkit::{Nats, NatsLimits, NatsVersion};

use super::timed;

const RECORD_BYTES: usize = 300;
const BATCHES: [usize; 3] = [1, 64, 1024];
const RUN: Duration = Duration::from_secs(4);
const SNAPSHOT_BYTES: usize = 100 * 1024 * 1024;

/// Prints a table, and a line for each service with what is not a matter of batches.
pub(crate) fn measure() -> Result<()> {
    let version = NatsVersion::newest();
    let number = version.number().unwrap_or_default();
    println!(
        "nats-server {number}, {RECORD_BYTES} bytes a record, {} s a batch size, turn by turn\n",
        RUN.as_secs()
    );
    println!("| servers | batch | | records/s | of bare | p50 ms | p99 ms | max ms |");
    println!("|--:|--:|---|--:|--:|--:|--:|--:|");
    for servers in [1, 3] {
        let nats = Nats::with(servers, NatsLimits::on(version));
        for batch in BATCHES {
            rates(&nats, batch)?;
        }
        for batch in writers::BATCHES {
            writers::rates(&nats, batch)?;
        }
        others(&nats)?;
    }
    Ok(())
}

fn rates(nats: &Nats, count: usize) -> Result<()> {
    let batch = vec![vec![b'x'; RECORD_BYTES]; count];
    let whole = batch.concat();
    let mut journal = open(&nats.journal_url(&format!("rate-{count}")))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let bare = runtime.block_on(bare_stream(nats, count))?;
    let (begin, mut took) = (Instant::now(), [const { Vec::new() }; 2]);
    while begin.elapsed() < RUN {
        took[0].push(timed(|| {
            let subject = format!("bare-{count}");
            let payload = whole.clone().into();
            runtime.block_on(async { bare.publish(subject, payload).await?.await })?;
            Ok(())
        })?);
        took[1].push(timed(|| Ok(journal.append(&batch).map(drop)?))?);
    }
    let rate = |took: &[Duration]| {
        (took.len() * count) as f64 / took.iter().sum::<Duration>().as_secs_f64()
    };
    let base = rate(&took[0]);
    for (name, took) in ["bare publish", "journal"].into_iter().zip(&mut took) {
        took.sort_unstable();
        let at = |part: usize| took[(took.len() - 1) * part / 100].as_secs_f64() * 1e3;
        let (p50, p99, max) = (at(50), at(99), at(100));
        let rate = rate(took);
        println!(
            "| {} | {count} | {name} | {rate:.0} | {:.2} | {p50:.2} | {p99:.2} | {max:.2} |",
            nats.count(),
            rate / base
        );
    }
    Ok(())
}

async fn bare_stream(nats: &Nats, count: usize) -> Result<jetstream::Context> {
    let context = jetstream::new(async_nats::connect(nats.address(0)).await?);
    let name = format!("bare-{count}");
    let config = stream::Config { name, num_replicas: nats.count(), ..Default::default() };
    context.create_stream(config).await?;
    Ok(context)
}

/// What is not a matter of batches: replay, snapshots, and how soon another replica has a record.
fn others(nats: &Nats) -> Result<()> {
    let url = nats.journal_url("rate-64");
    let opened = timed(|| Ok(open(&url).map(drop)?))?;
    let mut journal = open(&url)?;
    let (begin, mut next) = (Instant::now(), 1);
    while next <= journal.position().seq && begin.elapsed() < RUN {
        next += journal.read(next, PageLimit::default())?.len() as u64;
    }
    let replayed = next as f64 / begin.elapsed().as_secs_f64();
    let at = journal.position();
    let snapshot = vec![7; SNAPSHOT_BYTES];
    let saved = timed(|| Ok(journal.snapshots()?.save(at, &snapshot)?))?;
    let loaded = timed(|| Ok(journal.snapshots()?.load().map(drop)?))?;
    let mut other = open(&url)?;
    let mut seen = Vec::new();
    for _ in 0..300 {
        let seq = other.append(&[b"x".to_vec()])?.seq;
        let acknowledged = Instant::now();
        while journal.position().seq < seq {
            std::thread::yield_now();
        }
        seen.push(acknowledged.elapsed());
    }
    seen.sort_unstable();
    println!(
        "\n{} servers: opened in {opened:.1?}, replayed {replayed:.0} records/s, 100 MiB saved in \
         {saved:.2?} and loaded in {loaded:.2?}; another replica has it {:.2?} (p50), {:.2?} (max) \
         after the acknowledgement\n",
        nats.count(),
        seen[seen.len() / 2],
        seen[seen.len() - 1]
    );
    Ok(())
}
