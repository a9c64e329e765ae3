//! The two kinds of what goes to another backend together: evidence, and names of calls that are not known.

use std::collections::HashMap;
use std::sync::Arc;

use live_users_core::TurnedAway;
use live_users_intake::shards::{Known, Names};
use reqwest::Url;

use super::lane::Lane;
use super::messages::{
    Answer, BATCH_MAX, Forwarded, ForwardedBatch, Question, RecordedAnswer, RecordedOne, Sender,
};
use super::way::{self, ASK, ASK_PATH, RECORD_PATH, WHOLE, Way, visible};

/// The lanes to one other backend.
pub(super) struct Lanes {
    /// The evidence of a webhook.
    pub(super) evidence: Lane<Arc<Vec<Forwarded>>, Option<TurnedAway>>,
    /// The names that a webhook has and that are not known here.
    pub(super) names: Lane<Names, Known>,
}

impl Lanes {
    /// Those to the backend with this address.
    pub(super) fn to(base: &Url, way: &Way, sender: &Sender) -> Self {
        let to = |path| (way::url(base, path), way.clone(), Arc::new(sender.clone()));
        let (url, over, from) = to(RECORD_PATH);
        let evidence = Lane::start(
            way.runtime(),
            (|each: &Arc<Vec<Forwarded>>| each.len(), BATCH_MAX),
            move |parts: Vec<Arc<Vec<Forwarded>>>| {
                let (url, over, from) = (url.clone(), over.clone(), from.clone());
                async move {
                    let each = || parts.iter().flat_map(|it| it.iter());
                    let body = ForwardedBatch::encode(&from, each());
                    let answer = over.post_here(url, body, WHOLE).await?;
                    let recorded = RecordedAnswer::decode(&answer, each().count())?;
                    Ok(of_parts(parts.iter().map(|it| it.len()), recorded))
                }
            },
        );
        let (url, over, from) = to(ASK_PATH);
        let names = Lane::start(
            way.runtime(),
            (|it: &Names| it.calls.len() + it.meetings.len(), BATCH_MAX),
            move |parts: Vec<Names>| {
                let (url, over, from) = (url.clone(), over.clone(), from.clone());
                async move {
                    let body = Question { names: together(&parts), calls: None }.encode(&from);
                    let answer = over.post_here(url, body, ASK).await?;
                    let known = Answer::decode(&answer, from.shards())?.known;
                    Ok(apart(&parts, known))
                }
            },
        );
        Self { evidence, names }
    }
}

/// What has become of the pieces of each part, of so many: all of it, or else why one of them is not recorded.
fn of_parts(parts: impl Iterator<Item = usize>, each: Vec<RecordedOne>) -> Vec<RecordedOne> {
    let mut each = each.into_iter();
    let of_part = |n| {
        let pieces: Result<Vec<_>, _> =
            each.by_ref().take(n).collect::<Vec<_>>().into_iter().collect();
        let pieces = pieces.map_err(|why| visible(&why))?;
        Ok(pieces.into_iter().flatten().next())
    };
    parts.map(of_part).collect()
}

/// The names of all parts.
fn together(parts: &[Names]) -> Names {
    Names {
        calls: parts.iter().flat_map(|it| it.calls.iter().cloned()).collect(),
        meetings: parts.iter().flat_map(|it| it.meetings.iter().cloned()).collect(),
    }
}

/// What is known of the names of each part.
fn apart(parts: &[Names], known: Known) -> Vec<Result<Known, String>> {
    let calls: HashMap<_, _> = known.calls.into_iter().collect();
    let meetings: HashMap<_, _> =
        known.meetings.into_iter().map(|it| (it.meeting.clone(), it)).collect();
    let of_part = |names: &Names| Known {
        calls: names.calls.iter().filter_map(|it| Some((it.clone(), *calls.get(it)?))).collect(),
        meetings: names.meetings.iter().filter_map(|it| meetings.get(it).cloned()).collect(),
    };
    parts.iter().map(of_part).map(Ok).collect()
}

#[cfg(test)]
mod tests {
    use live_users_core::TurnedAway;
    use live_users_core::{Instead, LimitOf};
    use live_users_intake::shards::{KnownMeeting, ShardSet};

    use super::*;

    #[test]
    fn a_webhook_is_recorded_if_each_of_its_pieces_is() {
        let away = TurnedAway {
            by: LimitOf::Agent,
            instead: Instead::Refuse,
            was_ringing: false,
            is_in: false,
        };
        let full = || Err("full\n".to_owned());
        let each = vec![Ok(None), Ok(None), Ok(Some(away)), full(), Ok(None), Ok(None)];
        let expected = vec![Ok(None), Ok(Some(away)), Err("full".to_owned()), Ok(None)];
        assert_eq!(of_parts([1, 2, 2, 1].into_iter(), each), expected);
    }

    #[test]
    fn each_learns_what_it_has_asked_about_and_nothing_else() {
        let id = |text: &str| live_users_core::CallId::parse(text).unwrap();
        let names = |calls: &[&str], meetings: &[&str]| Names {
            calls: calls.iter().map(|it| id(it)).collect(),
            meetings: meetings.iter().map(|it| id(it)).collect(),
        };
        let parts = [names(&["a", "b"], &[]), names(&["b", "c"], &["m"]), names(&["d"], &["n"])];
        let meeting = KnownMeeting { meeting: id("m"), first: 2, all: ShardSet::one(2) };
        let of = |calls: &[(&str, usize)], meetings: &[KnownMeeting]| Known {
            calls: calls.iter().map(|(name, shard)| (id(name), *shard)).collect(),
            meetings: meetings.to_vec(),
        };
        let meetings = [meeting];
        // A name that two have asked about is answered twice.
        let known = of(&[("b", 3), ("b", 3), ("c", 4)], &meetings);
        let expected =
            vec![of(&[("b", 3)], &[]), of(&[("b", 3), ("c", 4)], &meetings), Known::default()];
        assert_eq!(apart(&parts, known), expected.into_iter().map(Ok).collect::<Vec<_>>());
        assert_eq!(together(&parts), names(&["a", "b", "b", "c", "d"], &["m", "n"]));
    }
}
