//! When something was last recorded that a webhook has said: of Twilio's, and of each source.

use std::collections::BTreeMap;
use std::sync::Arc;

use live_users_core::{Evidence, Millis, Source};

/// The most sources that are remembered.
const SOURCES_MAX: usize = 200;

/// When each of those who send webhooks was last heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastHeard {
    /// By the id of the source; `""` is Twilio, since no source can have that id.
    by_source: BTreeMap<Arc<str>, Millis>,
}

impl LastHeard {
    /// Notes that a piece of evidence was recorded.
    pub(crate) fn note(&mut self, at: Millis, evidence: &Evidence) {
        let source = match (evidence.source, &evidence.origin) {
            (Source::Voice | Source::Speech | Source::StatusCallback, _) => "",
            (Source::Event, Some(origin)) => &*origin.source,
            (Source::Event, None) | (Source::Clock | Source::Referee | Source::Operator, _) => {
                return;
            }
        };
        if let Some(heard) = self.by_source.get_mut(source) {
            *heard = at;
            return;
        }
        if self.by_source.len() >= SOURCES_MAX {
            // A file has at most 100, so many of these are in none any more: this one most likely.
            let oldest = self.by_source.iter().min_by_key(|(_, heard)| **heard);
            let oldest = oldest.map(|(id, _)| id.clone());
            oldest.map(|id| self.by_source.remove(&id));
        }
        self.by_source.insert(source.into(), at);
    }

    /// When the last webhook of Twilio's was recorded.
    pub fn twilio(&self) -> Option<Millis> {
        self.source("")
    }

    /// When the last webhook of this source was recorded.
    pub fn source(&self, id: &str) -> Option<Millis> {
        self.by_source.get(id).copied()
    }

    /// When the last webhook was recorded, whosever it was.
    pub fn any(&self) -> Option<Millis> {
        self.by_source.values().max().copied()
    }

    /// The same with other times.
    pub(crate) fn mended(mut self, mend: impl Fn(Millis) -> Millis) -> Self {
        self.by_source.values_mut().for_each(|at| *at = mend(*at));
        self
    }

    pub(crate) fn to_stored(&self) -> BTreeMap<Arc<str>, u64> {
        self.by_source.iter().map(|(source, at)| (source.clone(), at.0)).collect()
    }

    pub(crate) fn from_stored(stored: BTreeMap<Arc<str>, u64>) -> Self {
        Self { by_source: stored.into_iter().map(|(source, at)| (source, Millis(at))).collect() }
    }
}

#[cfg(test)]
mod tests {
    use live_users_core::{CallId, Origin, Said};

    use super::*;

    #[test]
    fn who_was_not_heard_for_the_longest_time_is_forgotten_for_a_new_one() {
        let mut heard = LastHeard::default();
        for n in 1..=SOURCES_MAX as u64 + 1 {
            let origin = Origin { source: format!("s{n}").into(), is_carrier: true };
            let call = CallId::parse("CA1").unwrap();
            let about = Evidence::about(call, Source::Event, Said::InProgress);
            heard.note(Millis(n), &Evidence { origin: Some(origin), ..about });
        }
        assert_eq!((heard.source("s1"), heard.source("s2")), (None, Some(Millis(2))));
        assert_eq!((heard.source("s201"), heard.by_source.len()), (Some(Millis(201)), SOURCES_MAX));
    }

    #[test]
    fn webhooks_are_remembered_by_who_has_sent_them_and_nothing_else_is() {
        let mut heard = LastHeard::default();
        let call = || CallId::parse("CA1").unwrap();
        let mut note = |at, source, of: Option<&str>| {
            let origin = of.map(|id| Origin { source: id.into(), is_carrier: true });
            let evidence = Evidence { origin, ..Evidence::about(call(), source, Said::InProgress) };
            heard.note(Millis(at), &evidence);
        };
        note(1, Source::Voice, None);
        note(2, Source::Event, Some("app"));
        note(3, Source::StatusCallback, None);
        for source in [Source::Clock, Source::Referee, Source::Operator] {
            note(9, source, None);
            note(9, source, Some("app"));
        }
        assert_eq!((heard.twilio(), heard.source("app")), (Some(Millis(3)), Some(Millis(2))));
        assert_eq!((heard.any(), heard.source("other")), (Some(Millis(3)), None));
        assert_eq!(LastHeard::from_stored(heard.to_stored()), heard);
        let mended = heard.mended(|at| Millis(at.0 - 1));
        assert_eq!(mended.any(), Some(Millis(2)));
    }
}
