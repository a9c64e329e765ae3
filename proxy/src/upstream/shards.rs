//! The shards: one backend, or several whose numbers are added up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use live_users_wire::ShardSet;
use parking_lot::Mutex;
use reqwest::Url;
use tokio::sync::{Notify, watch};

use super::backend_client::BackendClient;
use super::identity::Identity;
use super::stream_health::StreamHealth;
use crate::config::Config;
use crate::error::UpstreamError;
use crate::missing::Missing;

/// A sum has only parts of shards that were in contact within this time.
pub(super) const CONTACT: Duration = Duration::from_millis(2_500);

/// All shards, in their order.
#[derive(Clone)]
pub(crate) struct Shards {
    all: Arc<[Shard]>,
    /// Those who read a stream of a sum.
    watchers: Arc<watch::Sender<()>>,
    came: Arc<Notify>,
}

/// One shard, or the only backend.
pub(crate) struct Shard {
    /// From 0.
    pub(crate) number: usize,
    pub(super) client: BackendClient,
    /// Where its count is. All that is known about it lies below.
    pub(super) count_url: Url,
    /// How its stream of all calls does.
    pub(crate) health: Arc<StreamHealth>,
    contact: Mutex<Contact>,
    /// Since when a sum lacks it; `None` while none does.
    missed: Mutex<Option<Missed>>,
    /// It was away, and is in contact again.
    back: Notify,
}

/// When a shard was in contact last: when it told its number, or said that it still holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contact {
    /// `None` before the first time.
    pub(crate) at: Option<Instant>,
    /// The same as a moment; before the first time, when this process began.
    pub(crate) moment: Timestamp,
}

/// A sum lacked a shard.
#[derive(Clone, Copy, Debug)]
struct Missed {
    /// The first time.
    since: Timestamp,
    /// The last time.
    last: Instant,
}

/// Somebody who reads a stream of a sum, until it is dropped.
pub(super) struct Watching {
    _watching: watch::Receiver<()>,
}

impl Shards {
    /// Prepares requests to all of them; none is sent yet.
    ///
    /// # Errors
    /// When the system has no certificates to verify an `https://` backend with.
    pub(crate) fn new(config: &Config) -> std::io::Result<Self> {
        let of = config.backends.len();
        let shard = |(number, base): (usize, &Url)| {
            let identity = Identity::new((number, of), config.backends_named_by, base);
            let client = BackendClient::new(base, identity, config.backend_timeout)?;
            let contact = Contact { at: None, moment: Timestamp::now() };
            Ok(Shard {
                number,
                count_url: client.count_url()?,
                client,
                health: Arc::default(),
                contact: Mutex::new(contact),
                missed: Mutex::default(),
                back: Notify::new(),
            })
        };
        let all = config.backends.iter().enumerate().map(shard).collect::<std::io::Result<_>>()?;
        let (watchers, _) = watch::channel(());
        Ok(Self { all, watchers: Arc::new(watchers), came: Arc::default() })
    }

    /// The backend if it is the only one.
    pub(crate) fn only(&self) -> Option<&Shard> {
        match &*self.all {
            [one] => Some(one),
            _ => None,
        }
    }

    /// The backend that keeps what is not of single calls: tokens, sessions.
    pub(crate) fn first(&self) -> &BackendClient {
        // The settings have at least one.
        &self.all[0].client
    }

    /// The shard with this number.
    pub(super) fn get(&self, number: usize) -> Option<&Shard> {
        self.all.get(number)
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Shard> {
        self.all.iter()
    }

    /// Those that lack evidence which waits at another backend, as one has said within [`CONTACT`].
    pub(super) fn lacking(&self, now: Instant) -> ShardSet {
        let lately = |(at, _): &(Instant, _)| now.saturating_duration_since(*at) <= CONTACT;
        let told = self.all.iter().filter_map(|it| it.client.identity.lacking().filter(lately));
        told.fold(ShardSet::default(), |all, (_, lacking)| all.and(lacking))
    }

    /// Why there is no sum without these: since when, and what is wrong with one of them if that is known.
    pub(super) fn missing(&self, shards: ShardSet) -> UpstreamError {
        let (now, moment) = (Instant::now(), Timestamp::now());
        let missing = || shards.iter().filter_map(|number| self.get(number));
        let since = missing().map(|shard| {
            let mut missed = shard.missed.lock();
            let missed = missed.get_or_insert(Missed { since: moment, last: now });
            missed.last = now;
            missed.since
        });
        let since = since.min().unwrap_or(moment);
        let mismatch = missing().find_map(|shard| shard.client.identity.mismatch());
        UpstreamError::ShardsMissing(Missing::new(shards, since, mismatch))
    }

    /// A sum lacks none but these now. Who was missed and has told its number since is missed no more.
    pub(super) fn missed_none_but(&self, missing: ShardSet) {
        for shard in self.all.iter().filter(|shard| !missing.has(shard.number)) {
            let told = shard.contact().at;
            shard.missed.lock().take_if(|missed| told.is_some_and(|at| at > missed.last));
        }
    }

    /// Has the shards asked all the time, to stay in contact.
    pub(super) fn watch(&self) -> Watching {
        let watching = Watching { _watching: self.watchers.subscribe() };
        self.came.notify_waiters();
        watching
    }

    /// Resolves when somebody reads a stream of a sum.
    pub(super) async fn is_watched(&self) {
        loop {
            let came = self.came.notified();
            if self.watchers.receiver_count() > 0 {
                return;
            }
            came.await;
        }
    }
}

impl Shard {
    /// It has told its number, or that it still holds.
    pub(super) fn in_contact(&self) {
        let now = Instant::now();
        let contact = Contact { at: Some(now), moment: Timestamp::now() };
        let before = std::mem::replace(&mut *self.contact.lock(), contact);
        if before.at.is_none_or(|at| now.saturating_duration_since(at) > CONTACT) {
            self.back.notify_waiters();
        }
    }

    /// Resolves when it was away for so long that there was no sum, and is in contact again.
    pub(super) async fn is_back(&self) {
        self.back.notified().await;
    }

    /// When it was in contact last.
    pub(crate) fn contact(&self) -> Contact {
        *self.contact.lock()
    }
}

#[cfg(test)]
mod tests {
    use live_users_http_kit::Env;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn a_shard_that_was_away_is_told_to_be_back_once() {
        let urls = "http://127.0.0.1:1,http://127.0.0.1:2";
        let env = Env::default().with("BACKEND_URLS", urls).with("HOST", "127.0.0.1");
        let shards = Shards::new(&Config::read(&env).expect("settings")).expect("clients");
        let shard = shards.get(1).expect("two shards");
        let is_back = || timeout(Duration::ZERO, shard.is_back());
        let waiting = shard.is_back();
        tokio::pin!(waiting);
        assert!(timeout(Duration::ZERO, &mut waiting).await.is_err(), "it has told nothing yet");
        shard.in_contact();
        waiting.await;

        let waiting = shard.is_back();
        tokio::pin!(waiting);
        assert!(timeout(Duration::ZERO, &mut waiting).await.is_err());
        shard.in_contact();
        assert!(timeout(Duration::ZERO, &mut waiting).await.is_err(), "it was there all the time");
        let long_ago =
            Instant::now().checked_sub(2 * CONTACT).expect("the machine runs for longer");
        shard.contact.lock().at = Some(long_ago);
        shard.in_contact();
        waiting.await;
        assert!(is_back().await.is_err(), "whoever waits now waits for the next time");
    }
}
