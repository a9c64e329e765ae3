//! The frames of a summary that was added up: whole, and as a snapshot with changes.

use live_users_broadcast::{Change, Changes, Frame, SlotState};
use live_users_wire::{ChangesFrame, Folded, Success, Summary, Summed};
use serde::Serialize;
use serde_json::Map;

use crate::channels::Channels;

/// Publishes summaries in the forms that somebody reads.
#[derive(Default)]
pub(super) struct SummedFrames {
    /// Of those who read changes; `None` while nobody does.
    following: Option<Following>,
}

/// What those have who read changes.
struct Following {
    /// No other stream of any proxy has it: by the names of frames a reader knows what it has.
    run: String,
    n: u64,
    folded: Folded,
    changes: Changes,
}

impl SummedFrames {
    /// Publishes a sum.
    pub(super) fn publish(&mut self, channels: &Channels, summed: Summed<Summary>) {
        let Summed { value: summary, name } = summed;
        if channels.summary.is_read() {
            channels.summary.publish(Frame::named(name, in_envelope(&summary)));
        }
        if channels.changes.is_read() {
            let frame = match &mut self.following {
                Some(following) => following.next(summary),
                none => {
                    let (first, frame) = Following::start(summary);
                    *none = Some(first);
                    frame
                }
            };
            channels.changes.publish(frame);
        }
    }

    /// Clears what nobody reads: a later reader must not get the frame of before.
    pub(super) fn clear_unread(&mut self, channels: &Channels) {
        for slot in [&channels.summary, &channels.changes] {
            if !slot.is_read() && matches!(slot.now(), SlotState::Frame(_)) {
                slot.clear();
            }
        }
        if !channels.changes.is_read() {
            self.following = None;
        }
    }

    /// Forgets what may no longer be true: the next one is a snapshot.
    pub(super) fn forget(&mut self) {
        self.following = None;
    }
}

impl Following {
    fn start(summary: Summary) -> (Self, Frame) {
        let run = format!("{:016x}", getrandom::u64().unwrap_or_default());
        let name = format!("{run}-0");
        let head = head_of(&summary, &name);
        let mut changes = Changes::default();
        let folded = Folded::new(summary);
        let frame = changes.restart(&name, &snapshot(&head, &folded), &repeat(&head));
        (Self { run, n: 0, folded, changes }, frame)
    }

    fn next(&mut self, summary: Summary) -> Frame {
        let Self { run, n, folded, changes } = self;
        let since = format!("{run}-{n}");
        *n += 1;
        let name = format!("{run}-{n}");
        let head = head_of(&summary, &name);
        let changed = Some(folded.update(summary));
        let changed = in_envelope(&ChangesFrame { since: Some(since), changed, ..head.clone() });
        let change = Change { changed: &changed, repeat: &repeat(&head) };
        changes.follow(&name, change, || snapshot(&head, folded))
    }
}

fn head_of(Summary { epoch, seq, as_of, .. }: &Summary, name: &str) -> ChangesFrame {
    ChangesFrame {
        frame: name.to_owned(),
        since: None,
        epoch: epoch.clone(),
        seq: *seq,
        as_of: as_of.clone(),
        snapshot: None,
        changed: None,
    }
}

fn snapshot(head: &ChangesFrame, folded: &Folded) -> String {
    in_envelope(&ChangesFrame { snapshot: Some(folded.document()), ..head.clone() })
}

/// Says that nothing is new.
fn repeat(head: &ChangesFrame) -> String {
    let since = Some(head.frame.clone());
    in_envelope(&ChangesFrame { since, changed: Some(Map::new()), ..head.clone() })
}

fn in_envelope(value: &impl Serialize) -> String {
    serde_json::to_string(&Success::new(value)).expect("texts and numbers are always JSON")
}
