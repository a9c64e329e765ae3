//! The places of answers of rows. They last as long as whoever reads them takes, so they keep no others
//! from asking, and nobody has all of them.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::scope::Scope;

/// Answers of rows under way at the same time: of admins, and of all tokens of accounts and links together.
const EXPORTS_MAX: usize = 8;

/// Those of one token of accounts, or of one link. Many people may have the same link.
const EXPORTS_OF_ONE_MAX: usize = 2;

/// Why there is no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoPlace {
    /// Too many read rows at the same time.
    #[error("{EXPORTS_MAX} exports are under way: expected fewer, ask again later")]
    Taken,
    /// Whoever asks has its share.
    #[error(
        "{EXPORTS_OF_ONE_MAX} exports of this token or link are under way: expected fewer, ask again \
         later"
    )]
    HasShare,
}

/// The places.
pub(super) struct Exports {
    of_all_calls: Arc<Semaphore>,
    of_scopes: Arc<Semaphore>,
    shares: Arc<Shares>,
}

/// How many places each token or link has, by what names it among all others. Those without are not in it.
type Shares = Mutex<HashMap<String, usize>>;

/// One of the exports under way until it is dropped.
pub(super) struct Place {
    _place: OwnedSemaphorePermit,
    _share: Option<Share>,
}

/// One of those of a token or link until it is dropped.
struct Share {
    shares: Arc<Shares>,
    of: String,
}

impl Exports {
    pub(super) fn new() -> Self {
        Self {
            of_all_calls: Arc::new(Semaphore::new(EXPORTS_MAX)),
            of_scopes: Arc::new(Semaphore::new(EXPORTS_MAX)),
            shares: Arc::default(),
        }
    }

    /// A place for this scope, or for an admin.
    ///
    /// # Errors
    /// If it has its share, or all are taken.
    pub(super) fn place(&self, scope: Option<&Scope>) -> Result<Place, NoPlace> {
        let share = scope.map(|scope| Share::of(&self.shares, scope.access())).transpose()?;
        let places = if scope.is_some() { &self.of_scopes } else { &self.of_all_calls };
        let place = Arc::clone(places).try_acquire_owned();
        let place = place.map_err(|_| NoPlace::Taken)?;
        Ok(Place { _place: place, _share: share })
    }
}

impl Share {
    fn of(shares: &Arc<Shares>, of: &str) -> Result<Self, NoPlace> {
        let mut counts = shares.lock();
        let count = counts.entry(of.to_owned()).or_default();
        if *count == EXPORTS_OF_ONE_MAX {
            return Err(NoPlace::HasShare);
        }
        *count += 1;
        Ok(Self { shares: Arc::clone(shares), of: of.to_owned() })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut counts = self.shares.lock();
        if let Some(count) = counts.get_mut(&self.of) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.of);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use live_users_wire::Role;

    use super::*;

    fn scope(access: &str) -> Scope {
        let access = live_users_wire::Access {
            id: Some("acme".to_owned()),
            role: Role::Read,
            accounts: Some(vec!["acme".to_owned()]),
            access: Some(access.to_owned()),
            link: None,
        };
        Scope::of(access).unwrap().unwrap()
    }

    #[test]
    fn one_token_has_its_share_and_all_together_have_the_places() {
        let exports = Exports::new();
        let taken = |access: &str| exports.place(Some(&scope(access)));
        let mut under_way = vec![taken("one").unwrap(), taken("one").unwrap()];
        assert!(matches!(taken("one"), Err(NoPlace::HasShare)));
        for other in ["two", "three", "four"] {
            under_way.extend([taken(other).unwrap(), taken(other).unwrap()]);
        }
        assert!(matches!(taken("five"), Err(NoPlace::Taken)));
        assert!(!exports.shares.lock().contains_key("five"), "without a place it has no share");
        let of_admins: Vec<_> = (0..EXPORTS_MAX).map(|_| exports.place(None).unwrap()).collect();
        assert!(matches!(exports.place(None), Err(NoPlace::Taken)));
        drop(under_way.remove(0));
        under_way.push(taken("one").unwrap());
        drop((under_way, of_admins));
        assert!(exports.shares.lock().is_empty(), "nobody is remembered");
    }
}
