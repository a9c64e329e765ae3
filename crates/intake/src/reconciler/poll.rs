//! One poll: the provider's lists, page by page.

use std::collections::HashMap;

use live_users_core::{CallId, Millis};
use live_users_twilio::CallStatus;
use live_users_twilio::rest::{CallPage, CallResource, Request};

/// The lists that together have every call that is not over. Each is a request of its own: the
/// resource takes one status at a time.
const LISTS: [CallStatus; 3] = [CallStatus::InProgress, CallStatus::Ringing, CallStatus::Queued];

/// Pages of one list. At 1,000 calls a page this is more than any account has; a list that never
/// ends must not keep us for ever.
const PAGES_MAX: usize = 1_000;

/// Reading the lists.
pub(super) struct Poll {
    /// When it began: what happened since may or may not be in it.
    pub(super) began: Millis,
    list: usize,
    pages: usize,
    next_page_uri: Option<String>,
    found: HashMap<CallId, CallResource>,
}

impl Poll {
    pub(super) fn new(began: Millis) -> Self {
        Self { began, list: 0, pages: 0, next_page_uri: None, found: HashMap::new() }
    }

    /// The page to ask for.
    pub(super) fn request(&self) -> Request {
        Request::List { status: LISTS[self.list], next_page_uri: self.next_page_uri.clone() }
    }

    /// Takes in that page; after the last one all that was found. A call that moves from one list
    /// to another while they are read may be in both: the first is further on in its life.
    pub(super) fn turn(&mut self, page: CallPage) -> Option<HashMap<CallId, CallResource>> {
        for call in page.calls {
            if let Ok(id) = CallId::parse(&call.sid) {
                self.found.entry(id).or_insert(call);
            }
        }
        self.pages += 1;
        self.next_page_uri = page.next_page_uri.filter(|_| self.pages < PAGES_MAX);
        if self.next_page_uri.is_none() {
            self.list += 1;
            self.pages = 0;
        }
        (self.list == LISTS.len()).then(|| std::mem::take(&mut self.found))
    }
}
