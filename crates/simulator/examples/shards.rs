//! Plays a world of many live calls in several shards, compares each moment with the truth, and prints
//! what it takes.
//!
//! `cargo run --release -p live-users-simulator --example shards -- [LIVE] [SHARDS] [account|agent]`:
//! a million live calls in ten shards by account, if nothing is said.

use std::process::ExitCode;
use std::time::Instant;

use live_users_intake::shards::{Layout, ShardBy};
use live_users_simulator::shards::{AGENTS_OF_ACCOUNT, Calling, Size, run};

/// Nearly as long as the longest call, so that as many end as begin.
const LENGTH_MS: u64 = 270_000;

/// The size of a page, as `/proc/self/statm` counts in pages.
const PAGE_BYTES: u64 = 4096;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let number = |n: usize, default| match arguments.get(n) {
        Some(text) => text.parse().ok(),
        None => Some(default),
    };
    let by = arguments.get(2).map_or(Ok(ShardBy::Account), |text| text.parse());
    let (Some(live), Some(shards), Ok(by)) = (number(0, 1_000_000), number(1, 10), by) else {
        eprintln!("expected: [LIVE] [SHARDS] [account|agent]");
        return ExitCode::from(2);
    };
    let Some(layout) = usize::try_from(shards).ok().and_then(|it| Layout::new(it, by)) else {
        eprintln!("expected 1 to 64 shards");
        return ExitCode::from(2);
    };
    let calling = if by == ShardBy::Account { Calling::OneAccount } else { Calling::OneAgent };
    let accounts = (live / 5_000).clamp(10, 1_000);
    let size = Size { live, accounts, length_ms: LENGTH_MS, calling };
    println!(
        "{live} live calls of {accounts} accounts, each with {AGENTS_OF_ACCOUNT} agents; {layout}"
    );
    let (start, mut most_bytes) = (Instant::now(), 0);
    let shown = run(1, size, layout, false, &mut |_, _| {
        most_bytes = most_bytes.max(resident_bytes().unwrap_or_default());
    });
    match shown {
        Ok(shown) => {
            let seconds = start.elapsed().as_secs_f64();
            println!("equal to the truth after each of {} pieces of evidence", shown.evidence);
            println!(
                "{} calls began; at most {} were up, {} of them in one shard",
                shown.calls, shown.live_calls_max, shown.largest_shard
            );
            println!(
                "at most {} live users; at most {} names in the router",
                shown.live_users_max, shown.names_max
            );
            println!(
                "{seconds:.1} s, at most {} MB resident with the world and the oracle",
                most_bytes / 1_000_000
            );
            ExitCode::SUCCESS
        }
        Err(difference) => {
            eprintln!("{difference:?}");
            ExitCode::FAILURE
        }
    }
}

/// The memory of this process; `None` where only Linux tells it.
fn resident_bytes() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    Some(statm.split(' ').nth(1)?.parse::<u64>().ok()? * PAGE_BYTES)
}
