//! One poll: the provider's lists, page by page.

use std::collections::{HashMap, HashSet};

use live_users_core::{CallId, MINUTE_MS, Millis};
use live_users_twilio::CallStatus;
use live_users_twilio::rest::{CallPage, CallResource, Failure, Request};

/// The lists that together have every call that is not over. Each is a request of its own: the
/// resource takes one status at a time.
const LISTS: [CallStatus; 3] = [CallStatus::InProgress, CallStatus::Ringing, CallStatus::Queued];

/// The most pages of one poll. A provider may have pages of 50 calls.
const PAGES_MAX: usize = 2_000;

/// The most calls of one poll, each of some 300 bytes.
const CALLS_MAX: usize = 250_000;

/// So many pages in a row without a new call come from a list that repeats itself. One page may:
/// while the pages are read, calls that begin move the others on.
const PAGES_WITHOUT_NEWS_MAX: usize = 3;

/// How long one poll may take, in milliseconds. What its first pages say is too old after that.
const POLL_MS_MAX: u64 = 5 * MINUTE_MS;

/// Reading the lists.
pub(super) struct Poll {
    /// When it began: what happened since may or may not be in it.
    pub(super) began: Millis,
    list: usize,
    /// The page to ask for; `None` for the first of a list.
    next_page_uri: Option<String>,
    pages: usize,
    pages_without_news: usize,
    /// Where pages of this list are that were asked for.
    asked: HashSet<String>,
    found: HashMap<CallId, CallResource>,
}

impl Poll {
    pub(super) fn new(began: Millis) -> Self {
        Self {
            began,
            list: 0,
            next_page_uri: None,
            pages: 0,
            pages_without_news: 0,
            asked: HashSet::new(),
            found: HashMap::new(),
        }
    }

    /// The page to ask for.
    pub(super) fn request(&self) -> Request {
        Request::List { status: LISTS[self.list], next_page_uri: self.next_page_uri.clone() }
    }

    /// Takes in that page; after the last one all that was found. A call that moves from one list
    /// to another while they are read may be in both: the first is further on in its life.
    ///
    /// # Errors
    /// If the pages do not come to an end.
    pub(super) fn turn(
        &mut self,
        now: Millis,
        page: CallPage,
    ) -> Result<Option<HashMap<CallId, CallResource>>, Failure> {
        let known = self.found.len();
        for call in page.calls {
            if let Ok(id) = CallId::parse(&call.sid) {
                self.found.entry(id).or_insert(call);
            }
        }
        self.pages += 1;
        self.pages_without_news =
            if self.found.len() > known { 0 } else { self.pages_without_news + 1 };
        let Some(uri) = page.next_page_uri else {
            self.list += 1;
            (self.next_page_uri, self.pages_without_news) = (None, 0);
            self.asked.clear();
            return Ok((self.list == LISTS.len()).then(|| std::mem::take(&mut self.found)));
        };
        let is_known = !self.asked.insert(uri.clone());
        self.next_page_uri = Some(uri);
        let why = match () {
            () if is_known => "a page leads back to one before it",
            () if self.pages_without_news >= PAGES_WITHOUT_NEWS_MAX => {
                "pages repeat the calls of those before them"
            }
            () if self.found.len() > CALLS_MAX => "it has more than 250,000 calls",
            () if self.pages >= PAGES_MAX => "it has more than 2,000 pages",
            () if now.since(self.began) > POLL_MS_MAX => {
                "reading it takes more than 5 minutes; REFEREE_REQUESTS_PER_MINUTE may be too low"
            }
            () => return Ok(None),
        };
        Err(Failure::Endless(why))
    }
}
