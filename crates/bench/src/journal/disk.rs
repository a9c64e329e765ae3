//! A journal in a new directory below the working directory, beside the bare disk.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use live_users_journal::{Journal, PageLimit, Position, open};

use super::timed;

const RECORD_BYTES: usize = 300;
const BATCHES: [usize; 3] = [1, 64, 1024];
const RUN: Duration = Duration::from_secs(6);
/// More would measure how the system gets rid of what it cached, or fill the memory.
const RUN_BYTES_MAX: usize = 300_000_000;
const MANY_RECORDS: u64 = 1_000_000;
const SNAPSHOT_BYTES: usize = 64 * 1024 * 1024;

/// Prints a table, and a line for each thing that is not a matter of batches.
pub(crate) fn measure() -> Result<()> {
    let directory = tempfile::tempdir_in(".")?;
    println!("{RECORD_BYTES} bytes a record, at most {} s a batch size\n", RUN.as_secs());
    println!("| batch | engine | records/s | of bare | p50 ms | p99 ms | max ms |");
    println!("|--:|---|--:|--:|--:|--:|--:|");
    for batch in BATCHES {
        rates(directory.path(), batch)?;
    }
    println!();
    many(&directory.path().join("many"))
}

fn rates(directory: &Path, count: usize) -> Result<()> {
    let batch: Vec<Vec<u8>> = (0..count).map(|it| record(it as u64)).collect();
    let mut bare = File::create(directory.join("bare"))?;
    let whole = batch.concat();
    let mut file = open(&url(&directory.join(format!("batch-{count}"))))?;
    let mut memory = open("memory:")?;
    let (begin, mut took) = (Instant::now(), [const { Vec::new() }; 3]);
    // Turn by turn, so that whatever else the machine does hits all three alike.
    for _ in 0..RUN_BYTES_MAX / whole.len() {
        took[0].push(timed(|| {
            bare.write_all(&whole)?;
            Ok(bare.sync_data()?)
        })?);
        took[1].push(timed(|| Ok(file.append(&batch).map(drop)?))?);
        took[2].push(timed(|| Ok(memory.append(&batch).map(drop)?))?);
        if begin.elapsed() > RUN {
            break;
        }
    }
    let base = rate(&took[0], count);
    for (name, took) in ["write + fdatasync", "file", "memory"].into_iter().zip(&mut took) {
        line(count, name, took, base);
    }
    Ok(())
}

fn rate(took: &[Duration], count: usize) -> f64 {
    (took.len() * count) as f64 / took.iter().sum::<Duration>().as_secs_f64()
}

fn line(count: usize, name: &str, took: &mut [Duration], base: f64) {
    let rate = rate(took, count);
    let [p50, p99, max] = spread(took);
    let part = rate / base;
    println!("| {count} | {name} | {rate:.0} | {part:.2} | {p50:.2} | {p99:.2} | {max:.1} |");
}

/// Median, 99th percentile and maximum in milliseconds.
fn spread(took: &mut [Duration]) -> [f64; 3] {
    took.sort();
    let at = |percent: usize| took[(took.len() - 1) * percent / 100].as_secs_f64() * 1e3;
    [at(50), at(99), at(100)]
}

fn many(directory: &Path) -> Result<()> {
    let mut journal = open(&url(directory))?;
    let batch: Vec<Vec<u8>> = (0..1000).map(record).collect();
    for _ in 0..MANY_RECORDS / 1000 {
        journal.append(&batch)?;
    }
    drop(journal);
    println!("{MANY_RECORDS} records: {:.1} MB on disk", size(directory)?);

    let start = Instant::now();
    let mut journal = open(&url(directory))?;
    println!("opened in {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
    let start = Instant::now();
    let mut next = journal.first_seq();
    while next <= journal.position().seq {
        next += journal.read(next, PageLimit::default())?.len() as u64;
    }
    println!("read and checked in {:.2} s", start.elapsed().as_secs_f64());

    let at = journal.position();
    saving(&mut *journal, at)?;

    let (start, mut steps) = (Instant::now(), Vec::new());
    while journal.first_seq() <= at.seq {
        let step = Instant::now();
        journal.trim(at.seq + 1)?;
        steps.push(step.elapsed());
    }
    let [p50, _, max] = spread(&mut steps);
    let whole = start.elapsed().as_secs_f64();
    println!("trimmed in {whole:.2} s; a step p50 {p50:.1} ms, max {max:.1} ms");

    let copy = directory.join("copy");
    let start = Instant::now();
    live_users_journal::backup(&url(directory), &copy)?;
    let (size, took) = (mb(fs::metadata(&copy)?.len()), start.elapsed().as_secs_f64());
    println!("backed up {size:.1} MB in {took:.2} s");
    Ok(())
}

/// How long appends take while a large snapshot is saved.
fn saving(journal: &mut dyn Journal, at: Position) -> Result<()> {
    let bytes: Vec<u8> = (0..=250).cycle().take(SNAPSHOT_BYTES).collect();
    let mut snapshots = journal.snapshots()?;
    let start = Instant::now();
    let saving = thread::spawn(move || snapshots.save(at, &bytes));
    let mut took = Vec::new();
    while !saving.is_finished() {
        let start = Instant::now();
        journal.append(&[record(0)])?;
        took.push(start.elapsed());
    }
    saving.join().expect("saving does not panic")?;
    let (whole, size) = (start.elapsed().as_secs_f64(), mb(SNAPSHOT_BYTES as u64));
    let appends = took.len();
    let [p50, p99, max] = spread(&mut took);
    println!("a snapshot of {size:.0} MB saved in {whole:.2} s");
    println!("meanwhile {appends} appends: p50 {p50:.2} ms, p99 {p99:.2} ms, max {max:.1} ms");
    Ok(())
}

fn record(number: u64) -> Vec<u8> {
    let mut bytes = format!("{{\"number\":{number},\"text\":\"").into_bytes();
    bytes.resize_with(RECORD_BYTES - 2, || b'x');
    bytes.extend(b"\"}");
    bytes
}

fn url(directory: &Path) -> String {
    format!("file:{}", directory.display())
}

fn size(directory: &Path) -> Result<f64> {
    let mut sum = 0;
    for entry in fs::read_dir(directory)? {
        sum += entry?.metadata()?.len();
    }
    Ok(mb(sum))
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
