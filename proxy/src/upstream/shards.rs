//! The shards: one backend, or several whose numbers are added up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use live_users_wire::ShardSet;
use parking_lot::Mutex;
use reqwest::Url;
use tokio::sync::{Notify, watch};

use super::backend_client::BackendClient;
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
}

/// When a shard was in contact last: when it told its number, or said that it still holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contact {
    /// `None` before the first time.
    pub(crate) at: Option<Instant>,
    /// The same as a moment; before the first time, when this process began.
    pub(crate) moment: Timestamp,
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
        let shard = |(number, base): (usize, &Url)| {
            let client = BackendClient::new(base, config.backend_timeout)?;
            let contact = Contact { at: None, moment: Timestamp::now() };
            Ok(Shard {
                number,
                count_url: client.count_url()?,
                client,
                health: Arc::default(),
                contact: Mutex::new(contact),
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

    /// Why there is no sum without these.
    pub(super) fn missing(&self, shards: ShardSet) -> UpstreamError {
        let since = shards.iter().filter_map(|number| self.get(number));
        let since = since.map(|shard| shard.contact().moment).min();
        UpstreamError::ShardsMissing(Missing::new(shards, since.unwrap_or_else(Timestamp::now)))
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
        *self.contact.lock() = Contact { at: Some(Instant::now()), moment: Timestamp::now() };
    }

    /// When it was in contact last.
    pub(crate) fn contact(&self) -> Contact {
        *self.contact.lock()
    }
}
