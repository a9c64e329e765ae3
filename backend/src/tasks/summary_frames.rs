//! The frames of a summary in both forms: whole, and as a snapshot with changes.

use live_users_broadcast::{Change, Changes, Frame, Latest, SlotState};
use live_users_wire::{ChangesFrame, Folded, Problem, Summary};
use log::debug;

use crate::parts::streams::SummarySlots;

/// Publishes a summary in the forms that somebody reads.
#[derive(Default)]
pub(super) struct SummaryFrames {
    /// Of those who read changes; `None` while nobody does.
    following: Option<Following>,
}

/// To which slots a summary is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum To {
    /// All that are read.
    All,
    /// Those whose readers have come since the last one.
    Missing,
}

/// What those have who read changes.
struct Following {
    /// No other stream of any backend has it: by the names of frames a reader knows what it has.
    run: String,
    n: u64,
    folded: Folded,
    changes: Changes,
}

impl SummaryFrames {
    /// Publishes a summary, or why there is none.
    pub(super) fn publish(
        &mut self,
        slots: &SummarySlots,
        to: To,
        summary: &Result<Summary, String>,
    ) {
        self.clear_unread(slots);
        let SummarySlots { whole, changes } = slots;
        let is_due = |slot: &Latest| {
            slot.is_read() && (to == To::All || matches!(slot.now(), SlotState::Nothing))
        };
        if is_due(whole) {
            whole.publish(whole_frame(summary));
        }
        if is_due(changes) {
            changes.publish(self.change_frame(summary));
        }
    }

    /// Clears what nobody reads: a later reader must not get the frame of before.
    pub(super) fn clear_unread(&mut self, slots: &SummarySlots) {
        for slot in [&slots.whole, &slots.changes] {
            if !slot.is_read() && matches!(slot.now(), SlotState::Frame(_)) {
                slot.clear();
            }
        }
        if !slots.changes.is_read() {
            self.following = None;
        }
    }

    fn change_frame(&mut self, summary: &Result<Summary, String>) -> Frame {
        match (summary, &mut self.following) {
            (Err(why), _) => no_value(why),
            (Ok(summary), Some(following)) => following.next(summary.clone()),
            (Ok(summary), following @ None) => {
                let (first, frame) = Following::start(summary.clone());
                *following = Some(first);
                frame
            }
        }
    }
}

impl Following {
    fn start(summary: Summary) -> (Self, Frame) {
        let run = format!("{:016x}", getrandom::u64().unwrap_or_default());
        let head = head_of(&summary);
        let mut changes = Changes::default();
        let folded = Folded::new(summary);
        let name = format!("{run}-0");
        let frame = changes.restart(&name, &snapshot(&head, &name, &folded), &repeat(&head, &name));
        (Self { run, n: 0, folded, changes }, frame)
    }

    fn next(&mut self, summary: Summary) -> Frame {
        let Self { run, n, folded, changes } = self;
        let since = format!("{run}-{n}");
        *n += 1;
        let name = format!("{run}-{n}");
        let head = head_of(&summary);
        let changed = folded.update(summary);
        let changed = to_json(&ChangesFrame {
            frame: name.clone(),
            since: Some(since),
            changed: Some(changed),
            ..head.clone()
        });
        let change = Change { changed: &changed, repeat: &repeat(&head, &name) };
        changes.follow(&name, change, || snapshot(&head, &name, folded))
    }
}

fn head_of(Summary { epoch, seq, as_of, .. }: &Summary) -> ChangesFrame {
    let (epoch, seq, as_of) = (epoch.clone(), *seq, as_of.clone());
    ChangesFrame {
        frame: String::new(),
        since: None,
        epoch,
        seq,
        as_of,
        snapshot: None,
        changed: None,
    }
}

fn snapshot(head: &ChangesFrame, name: &str, folded: &Folded) -> String {
    let snapshot = Some(folded.document());
    to_json(&ChangesFrame { frame: name.to_owned(), snapshot, ..head.clone() })
}

fn repeat(head: &ChangesFrame, name: &str) -> String {
    to_json(&ChangesFrame {
        frame: name.to_owned(),
        since: Some(name.to_owned()),
        changed: Some(serde_json::Map::new()),
        ..head.clone()
    })
}

fn to_json(frame: &ChangesFrame) -> String {
    serde_json::to_string(frame).expect("texts and numbers are always JSON")
}

fn whole_frame(summary: &Result<Summary, String>) -> Frame {
    match summary {
        Ok(summary) => {
            let json = serde_json::to_vec(summary).expect("texts and numbers are always JSON");
            Frame::new(&summary.epoch, summary.seq, json)
        }
        Err(why) => no_value(why),
    }
}

/// Says that there is no value, and why.
pub(super) fn no_value(why: &str) -> Frame {
    debug!("no value for those who listen: {why}");
    let problem = Problem { error: why.to_owned(), field: None, expected: None };
    Frame::unnamed(serde_json::to_vec(&problem).expect("a text is always JSON"))
}
