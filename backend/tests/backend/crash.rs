//! Killed at any moment under load, the backend forgets nothing that it has acknowledged.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use live_users_testkit::{Server, Twilio};
use parking_lot::Mutex;

use crate::replicas::team::report;
use crate::start;

const ROUNDS: u32 = 50;
const SENDERS: usize = 4;

/// What the senders know: which calls they have begun, and of which they were told so.
#[derive(Default)]
struct Ledger {
    next: AtomicU32,
    acknowledged: Mutex<BTreeSet<u32>>,
}

impl Ledger {
    /// Begins calls until the server is gone. Each is a user of its own: no caller id is sent.
    fn send(&self, twilio: &Twilio, killed_after: u32, acknowledged: &AtomicU32, kill: &dyn Fn()) {
        loop {
            let call = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(answer) = report(twilio, call, "in-progress") else { return };
            assert_eq!(answer, 204);
            self.acknowledged.lock().insert(call);
            if acknowledged.fetch_add(1, Ordering::Relaxed) + 1 == killed_after {
                kill();
            }
        }
    }
}

fn live(twilio: &Twilio) -> usize {
    let body = twilio.count();
    let number = body.trim_start_matches(r#"{"liveUsers":"#).trim_end_matches('}');
    number.parse().unwrap_or_else(|_| panic!("{body}"))
}

fn start_on(folder: &Path) -> (Server, Twilio) {
    start(&[("JOURNAL_URL", &format!("file:{}", folder.display())), ("RUST_LOG", "info")])
}

#[test]
fn fifty_times_killed_under_load_nothing_acknowledged_is_missing() {
    let folder = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::default();
    for round in 0..ROUNDS {
        let (server, twilio) = start_on(folder.path());
        let told = ledger.acknowledged.lock().len();
        let (live, begun) = (live(&twilio), ledger.next.load(Ordering::Relaxed) as usize);
        assert!((told..=begun).contains(&live), "round {round}: {told} told, {live} live");
        // Any number will do, and the same in every run: 1 to 97 acknowledgements.
        let killed_after = 1 + round * 53 % 97;
        let acknowledged = AtomicU32::new(0);
        let server = Mutex::new(server);
        let kill = || server.lock().kill();
        std::thread::scope(|scope| {
            for _ in 0..SENDERS {
                scope.spawn(|| ledger.send(&twilio, killed_after, &acknowledged, &kill));
            }
        });
    }

    // Each call that was acknowledged is there: when it ends, the count falls by one.
    let (_server, twilio) = start_on(folder.path());
    let told = ledger.acknowledged.into_inner();
    let before = live(&twilio);
    for &call in &told {
        assert_eq!(report(&twilio, call, "completed"), Some(204));
    }
    assert_eq!(live(&twilio), before - told.len());
    // What is left was begun, recorded, and not acknowledged before the kill.
    for call in 0..ledger.next.load(Ordering::Relaxed) {
        assert_eq!(report(&twilio, call, "completed"), Some(204));
    }
    assert_eq!(live(&twilio), 0);
}
