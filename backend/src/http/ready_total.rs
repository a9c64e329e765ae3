//! The public total as an answer that is ready: when it may be given again, and to whom.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use live_users_http_kit::{ClientKey, Look, ReadyAnswer};

use super::count;
use super::routes::TOTAL_PATH;
use super::total_reader::TotalRules;
use crate::parts::latest::LatestReader;
use crate::parts::queue::Queue;

/// The answer to whoever asks for the total plainly. It is made anew with each publication of the
/// writer, and not given where a request would be refused or has to wait.
pub(crate) fn ready_total(
    rules: Arc<TotalRules>,
    queue: Queue,
    latest: LatestReader,
) -> ReadyAnswer {
    let look = move || -> Look {
        let (rules, queue, mut latest) = (rules.clone(), queue.clone(), latest.clone());
        let (mut version, mut is_known) = (0, count::is_known(&latest.borrow_and_update()));
        Box::new(move |client| {
            // How many are suspect changes with the time.
            let is_plain = rules.is_public && !rules.doubt.is_public;
            if !is_plain || queue.has_stopped() || !queue.is_fresh() {
                return None;
            }
            if latest.has_changed().ok()? {
                version += 1;
                is_known = count::is_known(&latest.borrow_and_update());
            }
            (is_known && may_read(&rules, client)).then_some(version)
        })
    };
    ReadyAnswer { path: TOTAL_PATH, look: Arc::new(look) }
}

/// Takes one read of the client. One that has read too often is told so by the application.
fn may_read(rules: &TotalRules, client: IpAddr) -> bool {
    let limit = &rules.limit;
    !limit.is_set() || limit.take_quietly(ClientKey::from(client), Instant::now()).is_ok()
}
