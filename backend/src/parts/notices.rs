//! Log lines about webhooks that are taken although something in them is not understood.

use std::fmt::Display;
use std::time::{Duration, Instant};

use log::warn;
use parking_lot::Mutex;

/// How long a kind of line is held back after one, in seconds.
const PERIOD_S: u64 = 60;

/// What a line is about. Each kind has a period of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// The `agent` in the URL can be no id.
    Agent,
    /// The status of the call is missing or not known.
    Status,
    /// Another field cannot be used.
    Field,
    /// The path has a slash too many.
    Slash,
    /// An event tells of no call, or of one without a name.
    Event,
    /// A signed body cannot be read.
    Body,
}

const KINDS: usize = Notice::Body as usize + 1;

/// The lines, at most one of each kind in a minute.
#[derive(Debug, Default)]
pub(crate) struct Notices(Mutex<[State; KINDS]>);

#[derive(Clone, Copy, Debug, Default)]
struct State {
    last: Option<Instant>,
    held_back: u64,
}

impl Notices {
    /// Writes a line, unless there was one of this kind within the last minute.
    pub(crate) fn say(&self, notice: Notice, line: impl FnOnce() -> String) {
        if let Some(held_back) = self.due_at(notice, Instant::now()) {
            warn!("{}{}", line(), HeldBack(held_back));
        }
    }

    /// Whether a line is due. `Some` has the number of lines that were held back before it.
    fn due_at(&self, notice: Notice, now: Instant) -> Option<u64> {
        let mut states = self.0.lock();
        let state = &mut states[notice as usize];
        let period = Duration::from_secs(PERIOD_S);
        if state.last.is_some_and(|last| now.saturating_duration_since(last) < period) {
            state.held_back += 1;
            return None;
        }
        state.last = Some(now);
        Some(std::mem::take(&mut state.held_back))
    }
}

struct HeldBack(u64);

impl Display for HeldBack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            0 => Ok(()),
            n => write!(f, " ({n} such lines before this one were held back)"),
        }
    }
}

/// A word of a provider for the log: as it is, if it has the form of one. Anything else may be
/// somebody's number or words.
pub(crate) fn word(text: &str) -> &str {
    let is_word = text.len() <= 32
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphabetic() || b"-_.".contains(&byte));
    if is_word { text } else { "another text" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_one_line_a_minute_and_the_next_one_counts_the_rest() {
        let notices = Notices::default();
        let start = Instant::now();
        let later = start + Duration::from_secs(PERIOD_S);
        assert_eq!(notices.due_at(Notice::Status, start), Some(0));
        assert_eq!(notices.due_at(Notice::Agent, start), Some(0));
        for _ in 0..3 {
            assert_eq!(notices.due_at(Notice::Status, later - Duration::from_millis(1)), None);
        }
        assert_eq!(notices.due_at(Notice::Status, later), Some(3));
        assert_eq!(notices.due_at(Notice::Agent, later), Some(0));
        assert_eq!(HeldBack(0).to_string(), "");
        assert!(HeldBack(3).to_string().contains("3 such lines"));
    }

    #[test]
    fn only_what_looks_like_a_word_of_a_provider_is_shown() {
        assert_eq!(word("early-media"), "early-media");
        for private in ["+14155550123", "4711", "a b", "", "jo@example.com", &"x".repeat(33)] {
            assert_eq!(word(private), "another text", "{private}");
        }
    }
}
