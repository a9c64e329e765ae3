//! How many streams may be open at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The places for streams of one server, of whatever transport. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Places {
    free: Arc<Semaphore>,
    max: usize,
}

/// A place that is taken, until it is dropped.
pub(crate) type Place = OwnedSemaphorePermit;

impl Places {
    /// So many places.
    pub fn new(max: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(max)), max }
    }

    /// How many there are in all.
    pub fn max(&self) -> usize {
        self.max
    }

    /// How many are taken.
    pub fn taken(&self) -> usize {
        self.max - self.free.available_permits()
    }

    pub(crate) fn take(&self) -> Option<Place> {
        Arc::clone(&self.free).try_acquire_owned().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_stream_is_gone() {
        let places = Places::new(2);
        let (first, _second) = (places.take().unwrap(), places.take().unwrap());
        assert!(places.take().is_none());
        assert_eq!(places.taken(), 2);
        drop(first);
        assert!(places.take().is_some());
    }
}
