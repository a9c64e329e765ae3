//! Numbers, texts and ids in few bytes.
//!
//! A number is a varint: seven bits in each byte, the lowest first, and the eighth says that more
//! follow. A text stands where it comes first, and after that its number in the order of coming. So
//! do agents and places. The same values in the same order give the same bytes.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use live_users_core::{Agent, CallId, Country, Place};

use crate::varint;

/// Writes values one after the other.
#[derive(Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
    texts: Known<Arc<str>>,
    agents: Known<Agent>,
    places: Known<Place>,
}

/// What was written already, by its number.
struct Known<T>(HashMap<T, u64>);

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: Clone + Eq + Hash> Known<T> {
    /// The number of a value, or `None` the first time.
    fn number(&mut self, value: &T) -> Option<u64> {
        let known = self.0.get(value).copied();
        if known.is_none() {
            self.0.insert(value.clone(), self.0.len() as u64);
        }
        known
    }
}

/// `None`, and a value that stands here; from this number on, one that came before.
const NONE: u64 = 0;
const NEW: u64 = 1;
const FIRST: u64 = 2;

impl Writer {
    pub(crate) fn finish(self) -> Vec<u8> {
        self.bytes
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    pub(crate) fn number(&mut self, value: u64) {
        varint::push(&mut self.bytes, value);
    }

    /// The way from one moment to another, which may lie before it.
    pub(crate) fn way(&mut self, from: u64, to: u64) {
        let way = to.wrapping_sub(from).cast_signed();
        self.number((way << 1 ^ way >> 63).cast_unsigned());
    }

    pub(crate) fn text(&mut self, text: Option<&Arc<str>>) {
        let Some(text) = text else { return self.number(NONE) };
        match self.texts.number(text) {
            Some(number) => self.number(FIRST + number),
            None => {
                self.number(NEW);
                self.plain_text(text);
            }
        }
    }

    pub(crate) fn plain_text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.bytes(text.as_bytes());
    }

    pub(crate) fn agent(&mut self, agent: &Agent) {
        match (agent, self.agents.number(agent)) {
            (_, Some(number)) => return self.number(FIRST + number),
            (Agent::Unknown, None) => self.number(NONE),
            (Agent::Id(_) | Agent::Address(_), None) => self.number(NEW),
        }
        match agent {
            Agent::Unknown => {}
            Agent::Id(id) => {
                self.byte(0);
                self.text(Some(id));
            }
            Agent::Address(address) => {
                self.byte(1);
                self.text(Some(address));
            }
        }
    }

    pub(crate) fn place(&mut self, place: &Place) {
        if let Some(number) = self.places.number(place) {
            return self.number(FIRST + number);
        }
        self.number(NEW);
        let country = place.country.map(|it| it.to_string()).unwrap_or_default();
        self.plain_text(&country);
        self.text(place.region.as_ref());
        self.text(place.city.as_ref());
    }

    /// An id, which says itself whether it is one of Twilio's.
    pub(crate) fn id(&mut self, id: &CallId) {
        match id.sid_bytes() {
            Some(bytes) => {
                self.number(0);
                self.bytes(bytes);
            }
            None => self.plain_text(&id.to_string()),
        }
    }

    /// A piece whose length stands before it.
    pub(crate) fn piece(&mut self, write: impl FnOnce(&mut Self)) {
        let outside = std::mem::take(&mut self.bytes);
        write(self);
        let inside = std::mem::replace(&mut self.bytes, outside);
        self.number(inside.len() as u64);
        self.bytes(&inside);
    }
}

/// Reads them again. `None` where the bytes make no sense.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    tables: Tables,
}

/// What was read already, by its number.
#[derive(Default)]
struct Tables {
    texts: Vec<Arc<str>>,
    agents: Vec<Agent>,
    places: Vec<Place>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, tables: Tables::default() }
    }

    pub(crate) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many bytes are left.
    pub(crate) fn left(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(bytes)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes(N)?.try_into().ok()
    }

    pub(crate) fn number(&mut self) -> Option<u64> {
        varint::take(&mut self.rest)
    }

    pub(crate) fn way(&mut self, from: u64) -> Option<u64> {
        let way = self.number()?;
        let way = (way >> 1).cast_signed() ^ -((way & 1).cast_signed());
        Some(from.wrapping_add_signed(way))
    }

    pub(crate) fn text(&mut self) -> Option<Option<Arc<str>>> {
        match self.number()? {
            NONE => Some(None),
            NEW => {
                let text = Arc::<str>::from(self.plain_text()?);
                self.tables.texts.push(text.clone());
                Some(Some(text))
            }
            number => Some(Some(value(&self.tables.texts, number)?.clone())),
        }
    }

    pub(crate) fn plain_text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.number()?).ok()?;
        str::from_utf8(self.bytes(length)?).ok()
    }

    pub(crate) fn agent(&mut self) -> Option<Agent> {
        let agent = match self.number()? {
            NONE => Agent::Unknown,
            NEW => match self.byte()? {
                0 => Agent::Id(self.text()??),
                1 => Agent::Address(self.text()??),
                _ => return None,
            },
            number => return value(&self.tables.agents, number).cloned(),
        };
        self.tables.agents.push(agent.clone());
        Some(agent)
    }

    pub(crate) fn place(&mut self) -> Option<Place> {
        let number = self.number()?;
        if number != NEW {
            return value(&self.tables.places, number).cloned();
        }
        let country = match self.plain_text()? {
            "" => None,
            text => Some(Country::parse(text)?),
        };
        let place = Place { country, region: self.text()?, city: self.text()? };
        self.tables.places.push(place.clone());
        Some(place)
    }

    pub(crate) fn id(&mut self) -> Option<CallId> {
        match usize::try_from(self.number()?).ok()? {
            0 => Some(CallId::of_sid_bytes(self.array()?)),
            length => CallId::parse(str::from_utf8(self.bytes(length)?).ok()?).ok(),
        }
    }

    /// Reads a piece, and goes on behind it.
    pub(crate) fn piece<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let length = usize::try_from(self.number()?).ok()?;
        let (piece, rest) = self.rest.split_at_checked(length)?;
        self.rest = piece;
        let value = read(self);
        self.rest = rest;
        value
    }
}

/// The value of a number that is no [`NONE`] or [`NEW`].
fn value<T>(table: &[T], number: u64) -> Option<&T> {
    table.get(usize::try_from(number.checked_sub(FIRST)?).ok()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_comes_again_takes_one_byte() {
        let mut writer = Writer::default();
        let (text, agent): (Arc<str>, _) = ("booking".into(), Agent::Id("booking".into()));
        let place = Place { country: Country::parse("US"), region: Some(text.clone()), city: None };
        let mut lengths = Vec::new();
        for _ in 0..3 {
            writer.text(Some(&text));
            writer.agent(&agent);
            writer.agent(&Agent::Unknown);
            writer.place(&place);
            writer.text(None);
            lengths.push(writer.len());
        }
        assert_eq!((lengths[1] - lengths[0], lengths[2] - lengths[1]), (5, 5));
        let bytes = writer.finish();
        let mut reader = Reader::new(&bytes);
        for _ in 0..3 {
            assert_eq!(reader.text(), Some(Some(text.clone())));
            assert_eq!(reader.agent(), Some(agent.clone()));
            assert_eq!(reader.agent(), Some(Agent::Unknown));
            assert_eq!(reader.place(), Some(place.clone()));
            assert_eq!(reader.text(), Some(None));
        }
        assert!(reader.is_at_end());
    }

    proptest! {
        #[test]
        fn numbers_ways_and_ids_come_back(
            numbers: Vec<(u64, u64)>,
            ids in prop::collection::vec("CA[0-9a-f]{32}|[!-~]{1,128}", 0..9),
        ) {
            let ids: Vec<_> = ids.iter().map(|id| CallId::parse(id).unwrap()).collect();
            let mut writer = Writer::default();
            for (from, to) in &numbers {
                writer.number(*from);
                writer.piece(|writer| writer.way(*from, *to));
            }
            ids.iter().for_each(|id| writer.id(id));
            let bytes = writer.finish();
            let mut reader = Reader::new(&bytes);
            for (from, to) in &numbers {
                prop_assert_eq!(reader.number(), Some(*from));
                prop_assert_eq!(reader.piece(|reader| reader.way(*from)), Some(*to));
            }
            for id in &ids {
                prop_assert_eq!(reader.id(), Some(id.clone()));
            }
            prop_assert!(reader.is_at_end());
        }
    }
}
