//! A document that is sent whole to who comes, and as changes to who follows.

use std::collections::VecDeque;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Frame;

/// The changes that are kept for readers that are behind take this many bytes at least, and at most as
/// many as the document.
const KEPT_BYTES_MIN: usize = 16 * 1024;

/// The publisher's end: numbers the frames, and keeps the last changes.
///
/// A reader with the frame before gets the change, and all such readers the same bytes. One that is
/// behind gets the changes that it has missed, in their order. One that is too far behind, or has just
/// come, gets the document: as it was some time ago, and the changes since.
#[derive(Debug, Default)]
pub struct Changes {
    number: u64,
    /// The document and the number of its frame.
    whole: Option<(u64, Frame)>,
    /// The newest last.
    kept: VecDeque<(u64, Frame)>,
}

/// What readers of a frame may be sent in its place.
#[derive(Debug)]
pub(crate) struct Trail {
    number: u64,
    whole: (u64, Frame),
    kept: Vec<(u64, Frame)>,
    /// Says that there is nothing new.
    repeat: Frame,
    /// What those get who have just come. They share it.
    first: OnceLock<Frame>,
}

/// The JSON texts of a change.
pub struct Change<'a> {
    /// For readers that have the frame before.
    pub changed: &'a str,
    /// For readers that have this frame already: a page cannot see pings.
    pub repeat: &'a str,
}

/// What a reader has that has no frame, and one that has a frame of something else.
pub(crate) const NONE: u64 = 0;
pub(crate) const OTHER: u64 = 1;

/// The number of the next document that follows nothing. No two in a process have the same, and each has
/// room for as many changes as there may be.
static STARTS: AtomicU64 = AtomicU64::new(1);

impl Changes {
    /// A document that follows nothing, under this name. `repeat` is as in [`Change`].
    pub fn restart(&mut self, name: &str, whole: &str, repeat: &str) -> Frame {
        self.number = STARTS.fetch_add(1, Ordering::Relaxed) << 32;
        self.kept.clear();
        self.whole = Some((self.number, Frame::named(name.to_owned(), whole)));
        self.frame(name, repeat)
    }

    /// A change of the document before, under this name. `whole` writes the document as it is now; it is
    /// called when those who come would otherwise get more in changes than in the document.
    ///
    /// Without a document before, this is the first one.
    pub fn follow(
        &mut self,
        name: &str,
        change: Change<'_>,
        whole: impl FnOnce() -> String,
    ) -> Frame {
        let Some((since, document)) = &mut self.whole else {
            return self.restart(name, &whole(), change.repeat);
        };
        self.number += 1;
        self.kept.push_back((self.number, Frame::named(name.to_owned(), change.changed)));
        let bytes_of = |frame: &Frame| frame.json().len();
        let newer = self.kept.iter().filter(|(number, _)| number > since);
        let bytes: usize = newer.map(|(_, frame)| bytes_of(frame)).sum();
        if bytes > KEPT_BYTES_MIN.max(bytes_of(document) / 2) {
            (*since, *document) = (self.number, Frame::named(name.to_owned(), whole()));
        }
        let most = KEPT_BYTES_MIN.max(bytes_of(document));
        let mut bytes: usize = self.kept.iter().map(|(_, frame)| bytes_of(frame)).sum();
        // Whoever is up to date needs the last one, however long it is.
        while bytes > most && self.kept.len() > 1 {
            let Some((number, oldest)) = self.kept.front() else { break };
            if number > since {
                break;
            }
            bytes -= bytes_of(oldest);
            self.kept.pop_front();
        }
        self.frame(name, change.repeat)
    }

    fn frame(&self, name: &str, repeat: &str) -> Frame {
        let named = |json: &str| Frame::named(name.to_owned(), json);
        let whole = self.whole.clone().unwrap_or_else(|| (self.number, named(repeat)));
        let kept = self.kept.iter().cloned().collect();
        let (number, first) = (self.number, OnceLock::new());
        Frame::with_trail(Trail { number, whole, kept, repeat: named(repeat), first })
    }
}

impl Trail {
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The number of the frame with this name, if it is one of these.
    pub(crate) fn number_of(&self, name: &str) -> Option<u64> {
        let all = self.kept.iter().chain([&self.whole]);
        all.filter(|(_, frame)| frame.id() == Some(name)).map(|(number, _)| *number).next()
    }

    /// What a reader needs that has the frame of this number.
    pub(crate) fn after(&self, had: u64) -> Frame {
        if had == self.number {
            return self.repeat.clone();
        }
        let missed = self.kept.partition_point(|(number, _)| *number <= had);
        match &self.kept[missed..] {
            rest @ [(number, _), ..] if *number == had + 1 => joined(rest),
            _ => self.first.get_or_init(|| self.whole_now()).clone(),
        }
    }

    fn whole_now(&self) -> Frame {
        let newer = self.kept.iter().filter(|(number, _)| *number > self.whole.0);
        joined(&[&self.whole].into_iter().chain(newer).cloned().collect::<Vec<_>>())
    }
}

/// One after the other, as one piece.
fn joined(frames: &[(u64, Frame)]) -> Frame {
    match frames {
        [(_, one)] => one.clone(),
        all => Frame::joined(all.iter().map(|(_, frame)| frame)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is sent, by the names in it.
    fn sent(frame: &Frame, had: u64) -> String {
        let (_, frame) = frame.after(had);
        let event = String::from_utf8(frame.event().to_vec()).unwrap();
        let data: Vec<_> = event.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
        let message = data.iter().map(|json| Frame::unnamed(*json).message().to_vec());
        assert_eq!(message.collect::<Vec<_>>().concat(), frame.message().to_vec());
        assert!(event.ends_with(&format!(
            "id: {}\ndata: {}\n\n",
            frame.id().unwrap(),
            data.last().unwrap()
        )));
        data.join(" ")
    }

    fn follow(changes: &mut Changes, n: usize, bytes: usize) -> Frame {
        let changed = format!("+{n}{}", ".".repeat(bytes));
        let change = Change { changed: &changed, repeat: &format!("={n}") };
        changes.follow(&format!("e-{n}"), change, || format!("whole-{n}{}", ".".repeat(30_000)))
    }

    #[test]
    fn who_follows_gets_the_change_and_who_comes_the_document() {
        let mut changes = Changes::default();
        let first = follow(&mut changes, 0, 0);
        assert!(sent(&first, NONE).starts_with("whole-0."));
        let (had, _) = first.after(NONE);
        assert_eq!((sent(&first, had), first.number_of("e-0")), ("=0".to_owned(), Some(had)));
        let second = follow(&mut changes, 1, 0);
        let third = follow(&mut changes, 2, 0);
        assert_eq!([sent(&second, had), sent(&third, had)], ["+1", "+1 +2"]);
        let again = |had| third.again(had).map(|frame| frame.json().clone());
        assert_eq!((again(had + 2), again(had)), (Some("=2".into()), None));
        assert_eq!(
            (sent(&third, had + 1), sent(&third, had + 2)),
            ("+2".to_owned(), "=2".to_owned())
        );
        for had in [NONE, OTHER, had - 1, had + 3, had << 1] {
            let sent = sent(&third, had);
            assert!(sent.starts_with("whole-0.") && sent.ends_with(". +1 +2"), "{had}");
        }
        assert_eq!(third.number_of("e-1"), Some(had + 1));
        assert_eq!((third.number_of("e-9"), third.after(had).0), (None, had + 2));
        let (one, other) = (third.after(had + 1).1, third.after(had + 1).1);
        assert_eq!(one.message().as_ptr(), other.message().as_ptr(), "they share the bytes");
        let (one, other) = (third.after(NONE).1, third.after(NONE).1);
        assert_eq!(one.message().as_ptr(), other.message().as_ptr(), "and so do these");
    }

    #[test]
    fn the_document_is_written_anew_now_and_then_and_nobody_who_follows_gets_it() {
        let (mut changes, mut longest, mut shortest) = (Changes::default(), 0, usize::MAX);
        let (mut had, _) = follow(&mut changes, 0, 0).after(NONE);
        for n in 1..500 {
            let frame = follow(&mut changes, n, 1_000);
            assert!(sent(&frame, had).starts_with(&format!("+{n}.")));
            had = frame.after(had).0;
            let whole = sent(&frame, NONE);
            assert!(whole.starts_with("whole-"));
            (longest, shortest) = (longest.max(whole.len()), shortest.min(whole.len()));
            let kept: usize = changes.kept.iter().map(|(_, frame)| frame.json().len()).sum();
            assert!(kept <= 32_000, "{kept}");
        }
        assert!(shortest < 31_000 && longest < 48_000, "{shortest} to {longest}");
        let restarted = changes.restart("f-0", "whole-f", "=f");
        assert_eq!(sent(&restarted, had), "whole-f");
        let huge = follow(&mut changes, 500, 100_000);
        assert!(sent(&huge, restarted.after(NONE).0).starts_with("+500."));
    }
}
