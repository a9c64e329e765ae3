//! The summary that the backend tells as a snapshot and changes.

use live_users_broadcast::{Change, Changes, Frame};
use live_users_wire::{ChangesFrame, Document, LiveCount, NotADocument, Success};
use serde::de::{Deserializer, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::Map;

use super::admin_api::with_success;
use super::backend_client::{Failure, failure};
use crate::error::UpstreamError;

/// What is known of the summary by the snapshot and the changes since.
#[derive(Debug, Default)]
pub(super) struct Followed {
    /// The last frame, without the document or the change in it, and the document.
    now: Option<(ChangesFrame, Document)>,
    changes: Changes,
}

impl Followed {
    /// Takes a frame, and the JSON that it was read from. A change is passed on as it came.
    ///
    /// Returns what is new for those who read changes; `None` if the frame says that nothing is.
    ///
    /// # Errors
    /// If a frame before it is missing.
    pub(super) fn take(
        &mut self,
        mut head: ChangesFrame,
        json: String,
    ) -> Result<Option<Frame>, Failure> {
        if json.as_bytes().trim_ascii_start().first() != Some(&b'{') || has_success(&json) {
            return Err(failure(UpstreamError::NotAnObject, "something else".to_owned()));
        }
        let (snapshot, changed) = (head.snapshot.take(), head.changed.take());
        let since = head.since.take();
        let repeat = in_envelope(&ChangesFrame {
            since: Some(head.frame.clone()),
            changed: Some(Map::new()),
            ..head.clone()
        });
        if let Some(snapshot) = snapshot {
            let document = Document::new(snapshot);
            let new = self.changes.restart(&head.frame, &with_success(json, true), &repeat);
            self.now = Some((head, document));
            return Ok(Some(new));
        }
        let known = self.now.as_mut().filter(|(last, _)| since.as_ref() == Some(&last.frame));
        let (Some((last, document)), Some(changed)) = (known, changed) else {
            return Err(failure(UpstreamError::Broken, "a frame is missing".to_owned()));
        };
        if head.frame == last.frame {
            return Ok(None);
        }
        *last = head;
        document.merge(changed);
        let change = Change { changed: &with_success(json, true), repeat: &repeat };
        Ok(Some(self.changes.follow(&last.frame, change, || snapshot_of(last, document))))
    }

    /// The summary as a whole frame; `None` while none is known.
    pub(super) fn whole(&self) -> Option<Result<Frame, NotADocument>> {
        let (head, document) = self.now.as_ref()?;
        let ChangesFrame { epoch, seq, as_of, .. } = head;
        let summary = document.summary(epoch, *seq, as_of);
        Some(summary.map(|it| Frame::new(epoch, *seq, in_envelope(&it))))
    }

    /// The total in it; `None` while none is known.
    pub(super) fn total(&self) -> Option<LiveCount> {
        let (head, document) = self.now.as_ref()?;
        total_of(head, document)
    }

    /// Whether a summary is known.
    pub(super) fn is_known(&self) -> bool {
        self.now.is_some()
    }

    /// Forgets what may no longer be true.
    pub(super) fn forget(&mut self) {
        self.now = None;
    }
}

/// The total in a document of this frame; `None` if it has none.
pub(super) fn total_of(head: &ChangesFrame, document: &Document) -> Option<LiveCount> {
    Some(LiveCount {
        live_users: document.field("liveUsers")?,
        by_agent: document.field("publicByAgent"),
        suspect: document.field("publicSuspect"),
        agent: None,
        epoch: head.epoch.clone(),
        seq: head.seq,
        as_of: head.as_of.clone(),
        now: None,
    })
}

/// Whatever the value is.
pub(super) fn is_there<'de, D: Deserializer<'de>>(value: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(value).map(|_| true)
}

/// Whether there is a field `success`, which is the envelope's.
fn has_success(json: &str) -> bool {
    #[derive(Deserialize)]
    struct Found {
        #[serde(default, rename = "success", deserialize_with = "is_there")]
        has_success: bool,
    }
    serde_json::from_str::<Found>(json).is_ok_and(|found| found.has_success)
}

fn in_envelope(value: &impl Serialize) -> String {
    serde_json::to_string(&Success::new(value)).expect("texts and numbers are always JSON")
}

/// The document is JSON already.
fn snapshot_of(head: &ChangesFrame, document: &Document) -> String {
    let mut json = in_envelope(head);
    json.pop();
    json.extend([",\"snapshot\":", &document.to_json(), "}"]);
    json
}
