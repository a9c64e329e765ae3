//! Sessions of admins that were ended before their time. A copy of their cookies must open nothing,
//! at no proxy and after no restart.

use std::collections::BTreeMap;

use live_users_core::Millis;

use crate::format::DecodeError;

/// The most sessions that are remembered, of 40 bytes or so each. Only who has an admin's token can
/// end so many.
const ENDED_MAX: usize = 10_000;

/// A session that was ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndedSession {
    /// Which session: a hash of its id, so that nothing here helps to forge a cookie.
    pub id: SessionHash,
    /// Until when the session would have lasted. After that it need not be remembered.
    pub until: Millis,
}

/// A hash of the id of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionHash(u128);

impl SessionHash {
    /// Reads 32 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let is_hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        u128::from_str_radix(text, 16).ok().filter(|_| is_hex).map(Self)
    }
}

/// 32 hexadecimal digits.
impl std::fmt::Display for SessionHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The sessions that were ended, by their hash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndedSessions(BTreeMap<SessionHash, Millis>);

impl EndedSessions {
    pub(crate) fn end(&mut self, at: Millis, session: EndedSession) {
        self.0.retain(|_, until| *until > at);
        self.0.insert(session.id, session.until);
        if self.0.len() > ENDED_MAX {
            let first = self.0.iter().min_by_key(|(_, until)| **until).map(|(id, _)| *id);
            first.map(|id| self.0.remove(&id));
        }
    }

    /// The sessions, in the order of their hashes.
    pub fn iter(&self) -> impl Iterator<Item = EndedSession> {
        self.0.iter().map(|(id, until)| EndedSession { id: *id, until: *until })
    }

    pub(crate) fn to_stored(&self) -> Vec<(String, u64)> {
        self.iter().map(|session| (session.id.to_string(), session.until.0)).collect()
    }

    pub(crate) fn from_stored(stored: &[(String, u64)]) -> Result<Self, DecodeError> {
        stored
            .iter()
            .map(|(id, until)| parsed(id).map(|id| (id, Millis(*until))))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

pub(crate) fn parsed(id: &str) -> Result<SessionHash, DecodeError> {
    SessionHash::parse(id).ok_or(DecodeError::Value("session"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(n: u128, until: u64) -> EndedSession {
        EndedSession { id: SessionHash(n), until: Millis(until) }
    }

    #[test]
    fn what_would_be_over_is_forgotten_and_the_memory_is_bounded() {
        let mut ended = EndedSessions::default();
        ended.end(Millis(1), session(7, 100));
        ended.end(Millis(2), session(8, 200));
        ended.end(Millis(3), session(7, 100));
        assert_eq!(ended.iter().collect::<Vec<_>>(), [session(7, 100), session(8, 200)]);
        ended.end(Millis(100), session(9, 300));
        assert_eq!(ended.iter().collect::<Vec<_>>(), [session(8, 200), session(9, 300)]);
        for n in 0..ENDED_MAX as u128 {
            ended.end(Millis(101), session(1_000 + n, 1_000));
        }
        assert_eq!(ended.0.len(), ENDED_MAX);
        assert!(!ended.0.contains_key(&SessionHash(8)), "the one that is over first");
    }

    #[test]
    fn a_hash_is_32_hexadecimal_digits() {
        let text = "00000000000000000000000000000a0f";
        assert_eq!(SessionHash::parse(text).unwrap().to_string(), text);
        for wrong in [
            "",
            "0",
            &format!("{text}0"),
            "+0000000000000000000000000000a0f",
            "x".repeat(32).as_str(),
        ] {
            assert_eq!(SessionHash::parse(wrong), None, "{wrong}");
        }
    }
}
