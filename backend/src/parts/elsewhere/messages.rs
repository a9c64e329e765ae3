//! What backends with different shards say to each other, in bytes.
//!
//! A question and an answer are JSON objects. Evidence goes as it stands in journals: one line of JSON about
//! all of it, and then a record in each line.

use live_users_core::{CallId, Evidence, Instead, LimitOf, Millis, TurnedAway};
use live_users_intake::shards::{Known, KnownMeeting, Layout, Names, ShardSet};
use live_users_intake::{AskedOfCalls, Relatives};
use live_users_state::record::{Change, Record};
use serde::{Deserialize, Serialize};

/// The most pieces of evidence in one request, of some kilobytes each at most.
pub(super) const BATCH_MAX: usize = 256;

/// Who sends something: in how many shards it counts, by what, and which of them it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sender {
    shards: usize,
    by: String,
    here: Vec<usize>,
}

impl Sender {
    pub(super) fn of(layout: Layout, here: ShardSet) -> Self {
        let by = layout.by().word().to_owned();
        Self { shards: layout.shards(), by, here: here.iter().collect() }
    }

    /// Whether it has this shard.
    pub(crate) fn has(&self, shard: usize) -> bool {
        self.here.contains(&shard)
    }

    pub(super) fn shards(&self) -> usize {
        self.shards
    }

    /// What is wrong between this backend and another one.
    pub(super) fn differs_from(&self, other: &Self, is_shared: bool) -> Option<String> {
        if (self.shards, &self.by) != (other.shards, &other.by) {
            return Some(format!(
                "a backend with SHARDS={} and SHARD_BY={} has asked one with {} and {}: expected \
                 the same",
                other.shards, other.by, self.shards, self.by
            ));
        }
        let both = other.here.iter().find(|shard| self.here.contains(shard));
        both.filter(|_| !is_shared).map(|shard| {
            format!("shard {shard} is in SHARDS_HERE of both: expected one backend for each shard")
        })
    }
}

/// What one backend asks another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) names: Names,
    pub(crate) calls: Option<AskedOfCalls>,
}

/// What it is answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) known: Known,
    pub(crate) relatives: Relatives,
    /// How many pieces of evidence wait there for the shards of who asks.
    pub(crate) waiting: usize,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct QuestionBody {
    from: Sender,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    calls: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    meetings: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    in_room: Option<String>,
    /// The session, and the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_in_session: Option<(String, String)>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct AnswerBody {
    /// In how many shards it counts. What says nothing of that is no answer of a backend.
    of: usize,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    calls: Vec<(String, usize)>,
    /// Each with the shard that has heard of it first, and all that have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    meetings: Vec<(String, usize, Vec<usize>)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    in_room: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_in_session: Option<String>,
    #[serde(default, skip_serializing_if = "is_zero")]
    waiting: usize,
}

fn is_zero(n: &usize) -> bool {
    *n == 0
}

fn texts(ids: &[CallId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

fn id(text: &str) -> Result<CallId, String> {
    CallId::parse(text).map_err(|_| "a name that no call can have".to_owned())
}

fn ids(texts: &[String]) -> Result<Vec<CallId>, String> {
    texts.iter().map(|text| id(text)).collect()
}

/// A number of a shard, of so many.
fn within(shard: usize, of: usize) -> Result<usize, String> {
    if shard < of { Ok(shard) } else { Err(format!("shard {shard} of {of}")) }
}

fn json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("text and numbers are always JSON")
}

/// The parser's own words may repeat what it has read.
fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(bytes).map_err(|_| "a body in another form".to_owned())
}

impl Question {
    pub(super) fn encode(&self, from: &Sender) -> Vec<u8> {
        let (mut in_room, mut first_in_session) = (None, None);
        match &self.calls {
            Some(AskedOfCalls::InRoom(room)) => in_room = Some(room.to_string()),
            Some(AskedOfCalls::FirstInSession { session, call }) => {
                first_in_session = Some((session.to_string(), call.to_string()));
            }
            None => {}
        }
        json(&QuestionBody {
            from: from.clone(),
            calls: texts(&self.names.calls),
            meetings: texts(&self.names.meetings),
            in_room,
            first_in_session,
        })
    }

    /// Reads a question, and who asks it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn decode(bytes: &[u8]) -> Result<(Sender, Self), String> {
        let QuestionBody { from, calls, meetings, in_room, first_in_session } = read(bytes)?;
        let names = Names { calls: ids(&calls)?, meetings: ids(&meetings)? };
        let of_calls = match (in_room, first_in_session) {
            (Some(room), _) => Some(AskedOfCalls::InRoom(id(&room)?)),
            (None, Some((session, call))) => {
                Some(AskedOfCalls::FirstInSession { session: id(&session)?, call: id(&call)? })
            }
            (None, None) => None,
        };
        Ok((from, Self { names, calls: of_calls }))
    }
}

impl Answer {
    pub(crate) fn encode(&self, of: usize) -> Vec<u8> {
        let of_meeting = |it: &KnownMeeting| {
            (it.meeting.to_string(), it.first, it.all.iter().collect::<Vec<_>>())
        };
        json(&AnswerBody {
            of,
            calls: self
                .known
                .calls
                .iter()
                .map(|(name, shard)| (name.to_string(), *shard))
                .collect(),
            meetings: self.known.meetings.iter().map(of_meeting).collect(),
            in_room: texts(&self.relatives.in_room),
            first_in_session: self.relatives.first_in_session.as_ref().map(ToString::to_string),
            waiting: self.waiting,
        })
    }

    /// Reads an answer of who counts in so many shards.
    pub(super) fn decode(bytes: &[u8], of: usize) -> Result<Self, String> {
        let AnswerBody { of: told, calls, meetings, in_room, first_in_session, waiting } =
            read(bytes)?;
        if told != of {
            return Err(format!("an answer about {told} shards, of which there are {of}"));
        }
        let of_call = |(name, shard): &(String, usize)| Ok((id(name)?, within(*shard, of)?));
        let of_meeting = |(name, first, all): &(String, usize, Vec<usize>)| {
            let all: Result<ShardSet, String> = all.iter().map(|it| within(*it, of)).collect();
            Ok(KnownMeeting { meeting: id(name)?, first: within(*first, of)?, all: all? })
        };
        let first_in_session = first_in_session.as_deref().map(id).transpose()?;
        Ok(Self {
            known: Known {
                calls: calls.iter().map(of_call).collect::<Result<_, String>>()?,
                meetings: meetings.iter().map(of_meeting).collect::<Result<_, String>>()?,
            },
            relatives: Relatives { in_room: ids(&in_room)?, first_in_session },
            waiting,
        })
    }
}

/// A piece of evidence for a shard that is elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Forwarded {
    pub(crate) shard: usize,
    /// When it was sent, in milliseconds since 1970, if that is known.
    pub(crate) sent_at_ms: Option<u64>,
    /// The shard that has heard first of the conference that it is about.
    pub(crate) first_in_conference: Option<usize>,
    /// For how long nothing more was said of its call, in milliseconds, if it has waited and the call
    /// has not ended meanwhile.
    pub(crate) silent_ms: Option<u64>,
    pub(crate) evidence: Evidence,
}

/// Those of one request.
pub(crate) struct ForwardedBatch {
    pub(crate) from: Sender,
    pub(crate) each: Vec<Forwarded>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ForwardedBatchBody {
    from: Sender,
    evidence: Vec<ForwardedBody>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ForwardedBody {
    shard: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sent_at_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    first_in_conference: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    silent_ms: Option<u64>,
}

impl ForwardedBatch {
    pub(super) fn encode<'a>(
        from: &Sender,
        each: impl IntoIterator<Item = &'a Forwarded, IntoIter: Clone>,
    ) -> Vec<u8> {
        let each = each.into_iter();
        let body_of = |it: &Forwarded| ForwardedBody {
            shard: it.shard,
            sent_at_ms: it.sent_at_ms,
            first_in_conference: it.first_in_conference,
            silent_ms: it.silent_ms,
        };
        let mut bytes = json(&ForwardedBatchBody {
            from: from.clone(),
            evidence: each.clone().map(body_of).collect(),
        });
        for Forwarded { evidence, .. } in each {
            bytes.push(b'\n');
            // The time of a record is that of the journal which it comes to stand in.
            let record = Record { at: Millis(0), change: Change::Evidence(evidence.clone()) };
            bytes.extend(record.encode());
        }
        bytes
    }

    /// Reads them.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, String> {
        let mut lines = bytes.split(|byte| *byte == b'\n');
        let ForwardedBatchBody { from, evidence } = read(lines.next().unwrap_or_default())?;
        let of = from.shards;
        let mut each = Vec::new();
        for ForwardedBody { shard, sent_at_ms, first_in_conference, silent_ms } in evidence {
            let record = Record::decode(lines.next().unwrap_or_default());
            let Ok(Record { change: Change::Evidence(evidence), .. }) = record else {
                return Err("evidence that cannot be read".to_owned());
            };
            let first_in_conference = first_in_conference.map(|it| within(it, of)).transpose()?;
            let shard = within(shard, of)?;
            each.push(Forwarded { shard, sent_at_ms, first_in_conference, silent_ms, evidence });
        }
        match lines.next() {
            Some(_) => Err("more evidence than it tells of".to_owned()),
            None => Ok(Self { from, each }),
        }
    }
}

/// What has become of a piece of evidence: it is recorded, and its call may be turned away; or else why it is
/// not.
pub(crate) type RecordedOne = Result<Option<TurnedAway>, String>;

/// What has become of the pieces of one request, in its order. What is not named is recorded.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RecordedAnswer {
    /// How many there are. What says nothing of that is no answer of a backend.
    pieces: usize,
    /// Each with its place in the request.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    turned_away: Vec<(usize, TurnedAwayBody)>,
    /// Each with its place, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    not_recorded: Vec<(usize, String)>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TurnedAwayBody {
    by_agent: bool,
    instead: InsteadBody,
    was_ringing: bool,
    is_in: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum InsteadBody {
    Refuse,
    Queue,
    Elsewhere,
}

impl RecordedAnswer {
    pub(crate) fn of(each: impl IntoIterator<Item = RecordedOne>) -> Self {
        let mut answer = Self::default();
        for (place, one) in each.into_iter().enumerate() {
            answer.pieces += 1;
            match one {
                Ok(None) => {}
                Ok(Some(turned_away)) => {
                    answer.turned_away.push((place, TurnedAwayBody::of(turned_away)));
                }
                Err(why) => answer.not_recorded.push((place, why)),
            }
        }
        answer
    }

    /// Reads the answer about so many pieces.
    pub(super) fn decode(bytes: &[u8], count: usize) -> Result<Vec<RecordedOne>, String> {
        let Self { pieces, turned_away, not_recorded } = read(bytes)?;
        if pieces != count {
            return Err(format!("an answer about {pieces} pieces to {count}"));
        }
        let mut each: Vec<RecordedOne> = vec![Ok(None); count];
        let turned_away = turned_away.into_iter().map(|(place, it)| (place, Ok(Some(it.read()))));
        let not_recorded = not_recorded.into_iter().map(|(place, why)| (place, Err(why)));
        for (place, one) in turned_away.chain(not_recorded) {
            *each.get_mut(place).ok_or_else(|| format!("piece {place} of {count}"))? = one;
        }
        Ok(each)
    }
}

impl TurnedAwayBody {
    fn of(it: TurnedAway) -> Self {
        Self {
            by_agent: it.by == LimitOf::Agent,
            instead: match it.instead {
                Instead::Refuse => InsteadBody::Refuse,
                Instead::Queue => InsteadBody::Queue,
                Instead::Elsewhere => InsteadBody::Elsewhere,
            },
            was_ringing: it.was_ringing,
            is_in: it.is_in,
        }
    }

    fn read(self) -> TurnedAway {
        TurnedAway {
            by: if self.by_agent { LimitOf::Agent } else { LimitOf::Account },
            instead: match self.instead {
                InsteadBody::Refuse => Instead::Refuse,
                InsteadBody::Queue => Instead::Queue,
                InsteadBody::Elsewhere => Instead::Elsewhere,
            },
            was_ringing: self.was_ringing,
            is_in: self.is_in,
        }
    }
}

#[cfg(test)]
mod tests;
