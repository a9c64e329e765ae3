//! The engine that is kept by a NATS service, against real servers.
#![allow(clippy::unwrap_used, reason = "the helpers of a test are a test")]

mod conformance;
mod faults;
mod jwt;
mod limits;
mod login;
mod loss;
mod old_format;
mod order;
mod parts;
mod refusal;
mod replicas;
mod tls;
mod watch;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_nats::jetstream;
use live_users_journal::{Journal, PageLimit};

/// A bound for a machine that is stuck, not an expectation of speed.
const PATIENCE: Duration = Duration::from_secs(90);

/// A name that no other test has.
fn new_name() -> String {
    static NAMES: AtomicUsize = AtomicUsize::new(0);
    format!("test-{}", NAMES.fetch_add(1, Ordering::Relaxed))
}

/// Does something with the service directly, as an operator would.
fn with_service<T>(server: &str, what: impl AsyncFnOnce(jetstream::Context) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    runtime.block_on(async {
        let client = async_nats::connect(server).await.expect("the server is there");
        what(jetstream::new(client)).await
    })
}

/// Tries until it succeeds.
#[track_caller]
fn patiently<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(Instant::now() < deadline, "it never came to be");
        // not a wait for time: another process is looked at, with a bound
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A batch of one record.
fn one(text: &str) -> Vec<Vec<u8>> {
    vec![text.as_bytes().to_vec()]
}

/// All records that are kept and known, as text.
fn all(journal: &mut dyn Journal) -> Vec<String> {
    let (mut texts, mut next) = (Vec::new(), journal.first_seq());
    while next <= journal.position().seq {
        for record in journal.read(next, PageLimit::default()).expect("it is kept") {
            assert_eq!(record.seq, next, "the numbers follow each other");
            texts.push(String::from_utf8(record.bytes).expect("it is text"));
            next += 1;
        }
    }
    texts
}
