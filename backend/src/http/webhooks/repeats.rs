//! Requests that come again: from Twilio after an answer was lost, or from whatever lies between.
//!
//! Twilio gives each request an id in a header, which its attempts share. The signature does not
//! cover the header, so the id counts only together with the signature. Who leaves the header out
//! gains nothing: what such a request says is joined like any other evidence.
//!
//! Two requests of one call may have the same fields and so the same signature, such as two answers
//! "yes". So the signature alone makes no repeat.

use std::collections::hash_map::RandomState;
use std::collections::{HashSet, VecDeque};
use std::hash::BuildHasher;

use actix_web::HttpRequest;
use live_users_twilio::SIGNATURE_HEADER;
use parking_lot::Mutex;

use crate::parts::callback::ID_HEADER;

/// The most requests that are remembered, of 16 bytes or so each. Twilio repeats within seconds.
const REMEMBERED_MAX: usize = 1 << 18;

/// The requests that were recorded of late.
#[derive(Default)]
pub(crate) struct Repeats {
    hasher: RandomState,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    known: HashSet<RequestId>,
    in_order: VecDeque<RequestId>,
}

/// Which request it is, whatever attempt: a keyed hash of its id and its signature.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct RequestId(u64);

impl Repeats {
    /// Which request this is. `None` if it has no id.
    pub(super) fn id_of(&self, request: &HttpRequest) -> Option<RequestId> {
        let header = |name| request.headers().get(name).filter(|value| !value.is_empty());
        let (id, signature) = (header(ID_HEADER)?, header(SIGNATURE_HEADER)?);
        Some(RequestId(self.hasher.hash_one((id.as_bytes(), signature.as_bytes()))))
    }

    /// Which status callback this is, at whatever URL of ours it comes: by the id that its attempts
    /// share, and what it says.
    pub(super) fn id_of_callback(&self, id: &[u8], says: &str) -> RequestId {
        RequestId(self.hasher.hash_one(("callback", id, says)))
    }

    /// Which event of a source this is, by what tells it from others: its id and its call.
    pub(crate) fn id_of_event(&self, source: &str, about: (&[u8], &[u8])) -> RequestId {
        RequestId(self.hasher.hash_one((source.as_bytes(), about)))
    }

    /// Whether this request was recorded before.
    pub(crate) fn is_one(&self, request: Option<RequestId>) -> bool {
        request.is_some_and(|request| self.seen.lock().known.contains(&request))
    }

    /// This request is recorded. Says whether it was not before.
    pub(crate) fn remember(&self, request: Option<RequestId>) -> bool {
        let Some(request) = request else { return true };
        let Seen { known, in_order } = &mut *self.seen.lock();
        if !known.insert(request) {
            return false;
        }
        in_order.push_back(request);
        if in_order.len() > REMEMBERED_MAX
            && let Some(oldest) = in_order.pop_front()
        {
            known.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn request(id: &str, signature: &str) -> HttpRequest {
        let request = TestRequest::post().insert_header((ID_HEADER, id));
        request.insert_header((SIGNATURE_HEADER, signature)).to_http_request()
    }

    #[test]
    fn a_request_is_a_repeat_only_with_both_its_id_and_its_signature() {
        let repeats = Repeats::default();
        let first = repeats.id_of(&request("one", "signature"));
        assert!(!repeats.is_one(first));
        assert!(repeats.remember(first) && !repeats.remember(first));
        assert!(repeats.is_one(repeats.id_of(&request("one", "signature"))));
        assert!(!repeats.is_one(repeats.id_of(&request("two", "signature"))));
        assert!(!repeats.is_one(repeats.id_of(&request("one", "another"))));
        for without in [request("", "signature"), request("one", "")] {
            let nothing = repeats.id_of(&without);
            assert!(repeats.remember(nothing) && repeats.remember(nothing));
            assert!(!repeats.is_one(nothing));
        }
    }

    #[test]
    fn the_memory_is_bounded_and_the_oldest_goes_first() {
        let repeats = Repeats::default();
        for n in 0..=REMEMBERED_MAX as u64 {
            repeats.remember(Some(RequestId(n)));
            repeats.remember(Some(RequestId(n)));
        }
        assert!(!repeats.is_one(Some(RequestId(0))) && repeats.is_one(Some(RequestId(1))));
        assert_eq!(repeats.seen.lock().known.len(), REMEMBERED_MAX);
        assert_eq!(repeats.seen.lock().in_order.len(), REMEMBERED_MAX);
    }
}
