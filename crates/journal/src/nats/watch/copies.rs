//! Whether the copies of the log at the servers have the same messages.
//!
//! Any of the servers answers a direct get, and the service chooses which. So one message is asked
//! for many times, and all answers have to be the same. A difference once made stays: it moves the
//! numbers of all later messages of that copy.

use std::collections::BTreeSet;

use futures_util::{StreamExt, stream};

use super::super::fault::Fault;
use super::super::log::Log;
use crate::WarningKind;

/// How often a message is asked for. With three copies, the chance that one of them is never asked
/// is 3 * (2/3)^24, which is 2 in 10,000 looks.
const ASKED: usize = 24;

/// How often a large message is asked for, so that looks do not load the network.
const LARGE_ASKED: usize = 8;

/// A message is large from this number of bytes on.
const LARGE_BYTES: usize = 32 * 1024;

/// How many are asked for at once.
const AT_ONCE: usize = 4;

/// The end of the log at the last look.
#[derive(Default)]
pub(super) struct Copies(Option<Mark>);

/// A message that every copy has to have by the next look.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Mark {
    epoch: u64,
    message: u64,
    /// The checksum of what this replica has read there.
    crc: u32,
}

impl Copies {
    pub(super) async fn look(&mut self, log: &Log) {
        let (now, first_message) = {
            let index = log.index.lock();
            let mark =
                Mark { epoch: index.epoch, message: index.end().message, crc: index.end().crc };
            ((mark.message > 0).then_some(mark), index.first_message)
        };
        let before = std::mem::replace(&mut self.0, now);
        // Since the last look the log may have been replaced, or trimmed up to there.
        let is_kept =
            |it: &Mark| now.is_some_and(|now| now.epoch == it.epoch) && it.message >= first_message;
        let Some(mark) = before.filter(is_kept) else { return };
        let Some(found) = ask(log, mark.message).await else { return };
        let (stream, message) = (&log.subjects.log, mark.message);
        let (mut different, mut incomplete) = (None, None);
        if found.crcs.iter().any(|it| *it != mark.crc) {
            different = Some(message);
        } else if found.misses > 0 {
            incomplete = Some(message);
            different = difference_before(log, first_message, message).await;
        }
        let different = different.map(|message| {
            format!(
                "copies of stream {stream} differ: message {message} is not the same at all servers, \
                 so what was acknowledged may be missing here. Stop all backends but one, and copy \
                 the journal into a new one (docs/SCALING.md)"
            )
        });
        let incomplete = incomplete.map(|message| {
            format!(
                "a copy of stream {stream} lacks message {message}, which others have had for half a \
                 minute or longer: see that its server catches up (`nats stream info`)"
            )
        });
        log.status.set_warning(WarningKind::DifferentCopies, different);
        log.status.set_warning(WarningKind::IncompleteCopy, incomplete);
    }
}

/// The last message that all copies have, if it is not the same in all of them. A copy that has
/// stored too much pushes its messages back, so the shorter copies have others in those places.
async fn difference_before(log: &Log, first: u64, missing: u64) -> Option<u64> {
    let (mut low, mut high) = (first, missing);
    let mut last_in_all = None;
    while low < high {
        let middle = low.midpoint(high);
        let found = ask(log, middle).await?;
        if found.misses > 0 {
            high = middle;
        } else {
            low = middle + 1;
            last_in_all = Some((middle, found.crcs.len()));
        }
    }
    last_in_all.filter(|(_, contents)| *contents > 1).map(|(message, _)| message)
}

struct Found {
    /// The different answers.
    crcs: BTreeSet<u32>,
    /// How many answers were that there is no such message.
    misses: usize,
}

/// Returns `None` if there are not enough answers to conclude anything.
async fn ask(log: &Log, message: u64) -> Option<Found> {
    let get = |_| log.client.direct(&log.subjects.log, message);
    let first = get(0).await;
    let size = first.as_ref().map_or(0, |it| it.payload.len());
    let asked = if size < LARGE_BYTES { ASKED } else { LARGE_ASKED };
    let rest: Vec<_> = stream::iter(1..asked).map(get).buffer_unordered(AT_ONCE).collect().await;
    let (mut crcs, mut misses, mut answers) = (BTreeSet::new(), 0, 0);
    for answer in std::iter::once(first).chain(rest) {
        match answer {
            Ok(stored) => drop(crcs.insert(crc32fast::hash(&stored.payload))),
            Err(Fault::NotFound) => misses += 1,
            Err(_) => continue,
        }
        answers += 1;
    }
    (answers * 2 > asked).then_some(Found { crcs, misses })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use live_users_testkit::Nats;
    use tokio::time::{Duration, Instant};

    use super::super::super::address::NatsAddress;
    use super::super::super::append::append;
    use super::*;

    /// What both looks have told, after something has happened to the log between them.
    fn told(change: impl AsyncFnOnce(&Log)) -> Vec<(WarningKind, String)> {
        let nats = Nats::alone();
        let address = NatsAddress::parse("nats", &format!("//{}/x", nats.address(0))).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let log = Log::open(&address, Arc::new(|| 0)).await.unwrap();
            let mut copies = Copies::default();
            copies.look(&log).await;
            assert!(copies.0.is_none(), "nothing is there to compare");
            let give_up = Instant::now() + Duration::from_secs(60);
            for record in ["1", "2"] {
                append(&log, &[record.into()], give_up).await.unwrap();
            }
            copies.look(&log).await;
            change(&log).await;
            copies.look(&log).await;
            log.status.warnings()
        })
    }

    #[test]
    fn a_log_that_is_everywhere_the_same_is_worth_no_word() {
        let unchanged = told(async |log| {
            let give_up = Instant::now() + Duration::from_secs(60);
            append(log, &["3".into()], give_up).await.unwrap();
        });
        assert_eq!(unchanged, []);
    }

    #[test]
    fn another_message_in_the_place_of_one_is_told() {
        let told = told(async |log| {
            // Another log with this name, epoch and length: what a copy that differs looks like.
            let config = log.client.info(&log.subjects.log).await.unwrap().config;
            log.client.context.delete_stream(&config.name).await.unwrap();
            log.client.context.create_stream(&config).await.unwrap();
            for _ in 0..2 {
                let subject = config.subjects[0].clone();
                log.client.publish(&subject, None, None, "other".into()).await.unwrap();
            }
        });
        let [(WarningKind::DifferentCopies, text)] = &told[..] else { panic!("{told:?}") };
        assert!(text.contains("message 2 is not the same"), "{text}");
    }

    #[test]
    fn a_message_that_is_missing_is_told() {
        let told = told(async |log| log.client.remove(&log.subjects.log, 2).await.unwrap());
        let [(WarningKind::IncompleteCopy, text)] = &told[..] else { panic!("{told:?}") };
        assert!(text.contains("lacks message 2"), "{text}");
    }
}
