//! The places that calls come from: kept to the city, counted without it.

use alloc::vec::Vec;

use crate::Place;
use crate::intern::{Interner, Key};

/// Each place stands once, and so does what of it is counted. A call holds one key, that of the
/// place: it has no room for two.
#[derive(Clone, Debug, Default)]
pub(crate) struct PlaceInterner {
    places: Interner<Place>,
    areas: Interner<Place>,
    /// By the key of a place, the key of what of it is counted.
    area_of: Vec<Key>,
}

impl PlaceInterner {
    /// The key of a place that one more call has.
    pub(crate) fn acquire(&mut self, place: &Place) -> Key {
        let known = self.places.len();
        let key = self.places.acquire(place);
        if self.places.len() > known {
            let area = self.areas.acquire(&place.area());
            let at = key.0 as usize;
            if self.area_of.len() <= at {
                self.area_of.resize(at + 1, area);
            }
            self.area_of[at] = area;
        }
        key
    }

    /// One call less has the place behind this key.
    pub(crate) fn release(&mut self, key: Key) {
        let known = self.places.len();
        self.places.release(key);
        if self.places.len() < known {
            self.areas.release(self.area(key));
        }
    }

    /// The place behind a key that a call has.
    pub(crate) fn place(&self, key: Key) -> &Place {
        self.places.value(key)
    }

    /// The key of what is counted of a place.
    pub(crate) fn area(&self, Key(place): Key) -> Key {
        self.area_of[place as usize]
    }

    /// The country and region behind a key that [`PlaceInterner::area`] gave.
    pub(crate) fn value(&self, area: Key) -> &Place {
        self.areas.value(area)
    }

    /// How many places there are, and how many of them are counted apart.
    pub(crate) fn len(&self) -> (usize, usize) {
        (self.places.len(), self.areas.len())
    }
}
