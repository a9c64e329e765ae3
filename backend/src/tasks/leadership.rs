//! Of several replicas one leads: it asks the provider, and gives calls up that are too old. All of
//! them count.

use std::time::Duration;

use live_users_journal::{LEASE_MS, Lease};
use log::{debug, info};

use crate::parts::leadership::Leadership;

/// Whoever leads stops so long before the lease is over, in milliseconds: what was begun by then is
/// to be done before another one takes it.
const MARGIN_MS: u64 = 2_000;

/// How often the lease is renewed, or tried to be had, in milliseconds.
const TRY_EVERY_MS: u64 = LEASE_MS / 4;

const _: () = assert!(MARGIN_MS + 2 * TRY_EVERY_MS < LEASE_MS);

/// Tries once, and says whether the lease is held.
fn hold(leadership: &Leadership, lease: &mut dyn Lease) -> bool {
    let asked_ms = leadership.now_ms();
    let was_held = leadership.is_held();
    match lease.hold() {
        Ok(true) => {
            leadership.set_until(asked_ms + LEASE_MS - MARGIN_MS);
            if !was_held {
                debug!("this replica leads: it asks the provider, and gives old calls up");
            }
        }
        Ok(false) => {
            leadership.set_until(0);
            if was_held {
                info!("another replica leads now");
            }
        }
        // What was held is held until its time is over.
        Err(error) => debug!("the lease cannot be asked for: {error}"),
    }
    leadership.is_held()
}

/// Holds the lease whenever it can be had, until this is dropped or aborted. The lease itself is
/// given back when the thread that asks for it notices.
pub(crate) async fn run(leadership: Leadership, lease: Box<dyn Lease>) {
    let mut lease = Held(lease);
    loop {
        let asking = leadership.clone();
        // It blocks for as long as the journal's servers do not answer.
        let asked = tokio::task::spawn_blocking(move || {
            hold(&asking, &mut *lease.0);
            lease
        });
        match asked.await {
            Ok(held) => lease = held,
            Err(_) => return,
        }
        tokio::time::sleep(Duration::from_millis(TRY_EVERY_MS)).await;
    }
}

/// Given back when it is dropped, so that another replica need not wait.
struct Held(Box<dyn Lease>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.release();
    }
}

#[cfg(test)]
mod tests {
    use live_users_journal::{Journal, JournalError, Memory};

    use super::*;

    struct Failing;

    impl Lease for Failing {
        fn hold(&mut self) -> Result<bool, JournalError> {
            Err(JournalError::Latched { why: "it is cut off".to_owned() })
        }
    }

    #[test]
    fn whoever_has_the_journal_alone_leads() {
        let journal = Memory::with_epoch(1).open().unwrap();
        let (lead, mut lease) = (Leadership::none(), journal.lease("lead").unwrap());
        assert!(!lead.is_held());
        assert!(hold(&lead, &mut *lease) && lead.clone().is_held());
    }

    #[test]
    fn one_of_two_leads_and_the_other_one_when_it_is_given_back() {
        let log = Memory::with_epoch(1);
        let replica = || {
            let journal: Box<dyn Journal> = log.open_shared().unwrap().0;
            (Leadership::none(), Held(journal.lease("lead").unwrap()))
        };
        let ((a, mut of_a), (b, mut of_b)) = (replica(), replica());
        assert!(hold(&a, &mut *of_a.0) && !hold(&b, &mut *of_b.0));
        drop(of_a);
        assert!(hold(&b, &mut *of_b.0));
    }

    #[test]
    fn a_lease_that_cannot_be_renewed_is_held_until_its_time_is_over() {
        let journal = Memory::with_epoch(1).open().unwrap();
        let (lead, mut lease) = (Leadership::none(), journal.lease("lead").unwrap());
        assert!(!hold(&lead, &mut Failing));
        hold(&lead, &mut *lease);
        assert!(hold(&lead, &mut Failing));
        lead.set_until(0);
        assert!(!hold(&lead, &mut Failing));
    }
}
