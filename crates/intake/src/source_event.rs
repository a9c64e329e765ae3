//! From what a source tells of a call to evidence.

use std::num::NonZeroU64;
use std::sync::Arc;

use live_users_core::{
    Agent, AgentFrom, CallId, Connection, Direction, EndReason, Endpoint, Evidence, Millis, Origin,
    Said, Source, Tracker,
};
use live_users_sources::{CallEvent, What};
use live_users_twilio::is_twilio_sid;
use sha2::{Digest, Sha256};

use crate::CallerKey;
use crate::agents::{Agents, is_id};
use crate::evidence::{Attribution, Parties, between, of_a_call_that_is_over};
use crate::legs::{leads_to_agent, with_role};
use crate::sources::SourceSettings;

/// The shortest id that names one call wherever it comes from. Shorter ones are a source's own.
const WORLDWIDE_ID_BYTES_MIN: usize = 24;

/// What ids begin with that are the `Call-ID` of a SIP dialog: sources that see the same dialog agree.
const SIP_CALL_ID: &str = "sip-call-id/";

/// What an event of a source has to know of the calls that are up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AskedOfCalls {
    /// Which calls are in this room.
    InRoom(CallId),
    /// Which call this session began with, unless that is this call.
    FirstInSession {
        /// The session.
        session: CallId,
        /// The call.
        call: CallId,
    },
}

/// The calls that an event of a source is about beside its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Relatives {
    /// Those in its room.
    pub in_room: Vec<CallId>,
    /// The one that its session began with.
    pub first_in_session: Option<CallId>,
}

impl AskedOfCalls {
    /// What this event has to know; `None` if it tells of its own call alone.
    pub fn by(source: &SourceSettings, event: &CallEvent) -> Option<Self> {
        let call = name(source, &event.call)?;
        if event.what == What::RoomOver {
            return Some(Self::InRoom(call));
        }
        let session = event.session.as_deref().filter(|_| may_be_of_session(event))?;
        Some(Self::FirstInSession { session: name(source, session)?, call })
    }

    /// The room or the session.
    pub fn meeting(&self) -> &CallId {
        match self {
            Self::InRoom(meeting) | Self::FirstInSession { session: meeting, .. } => meeting,
        }
    }

    /// What these calls answer.
    pub fn of(&self, tracker: &Tracker) -> Relatives {
        match self {
            Self::InRoom(room) => {
                Relatives { in_room: tracker.in_room(room), first_in_session: None }
            }
            Self::FirstInSession { session, call } => Relatives {
                in_room: Vec::new(),
                first_in_session: tracker.first_in_session(session, call),
            },
        }
    }
}

impl Relatives {
    /// What the calls of several shards answer together: all that are in a room, and the call that the
    /// first of them knows its session began with.
    #[must_use]
    pub fn together(all: impl IntoIterator<Item = Self>) -> Self {
        let mut sum = Self::default();
        for Self { in_room, first_in_session } in all {
            sum.in_room.extend(in_room);
            sum.first_in_session = sum.first_in_session.or(first_in_session);
        }
        sum.in_room.sort_unstable();
        sum.in_room.dedup();
        sum
    }
}

/// What a source tells, as evidence: of one call, or of each that is in a room. Nothing if the id of
/// the call cannot be one. The tracker is that of the calls that are known.
pub fn of_source_event(
    source: &SourceSettings,
    event: &CallEvent,
    known: (&Agents, &CallerKey),
    tracker: Option<&Tracker>,
) -> Vec<Evidence> {
    let asked = tracker.and_then(|tracker| Some(AskedOfCalls::by(source, event)?.of(tracker)));
    of_source_event_among(source, event, known, asked.unwrap_or_default())
}

/// The same by what [`AskedOfCalls`] has found.
pub fn of_source_event_among(
    source: &SourceSettings,
    event: &CallEvent,
    (agents, key): (&Agents, &CallerKey),
    relatives: Relatives,
) -> Vec<Evidence> {
    let Some(call) = name(source, &event.call) else { return Vec::new() };
    let account = account(source, event, agents);
    let twilio_account = twilio_account(source, event, agents);
    // Whoever has the secret of one account says nothing of the calls of another.
    let own = source.account.as_deref().and_then(|id| agents.accounts.digest_of(id));
    let is_anothers = own.is_some() && own != twilio_account;
    if source.account.is_some() && account != source.account || is_anothers {
        return Vec::new();
    }
    let of_it = |it| Evidence { account: account.clone(), twilio_account, ..it };
    if event.what == What::RoomOver {
        let calls = relatives.in_room;
        return calls.into_iter().map(|call| of_it(of_room_over(source, call))).collect();
    }
    let parent = relatives.first_in_session;
    vec![of_it(of_call(source, event, (call, parent), (agents, key)))]
}

/// Whether a call may be the leg of another one without naming it: one that was made.
fn may_be_of_session(event: &CallEvent) -> bool {
    let is_made = event.direction == Some(Direction::Outbound);
    event.session.is_some() && event.parent.is_none() && is_made
}

/// What is told of one call, but for its account. `parent` is the one that its session began with.
fn of_call(
    source: &SourceSettings,
    event: &CallEvent,
    (call, parent): (CallId, Option<CallId>),
    (agents, key): (&Agents, &CallerKey),
) -> Evidence {
    let (said, connection) = said(event.what);
    let parent = event.parent.as_deref().and_then(|id| name(source, id)).or(parent);
    let direction = match &parent {
        Some(_) => Some(Direction::Dial),
        None => direction(event, agents),
    };
    // Which end is the caller, nobody knows of a call that goes no known way.
    let nobody = (&None, &None);
    let is_known = direction.is_some() || source.is_twilio;
    let ends = if is_known { (&event.from, &event.to) } else { nobody };
    let parties = Parties::of_source(direction, ends);
    let speaker = account(source, event, agents);
    let attribution = attribution(event, &parties, agents).by(speaker.as_ref(), &parties, agents);
    let also = event.also.iter().filter_map(|id| name(source, id)).filter(|id| *id != call);
    let from = if source.is_twilio { Source::StatusCallback } else { Source::Event };
    let evidence = Evidence {
        parent,
        duration_s: of_a_call_that_is_over(said, event.duration_s),
        answered_by: event.answered_by,
        connection,
        origin: Some(Origin { source: source.id.clone(), is_carrier: source.is_carrier }),
        also: also.collect(),
        room: event.room.as_deref().and_then(|id| name(source, id)),
        session: event.session.as_deref().and_then(|id| name(source, id)),
        limits: source.limits,
        said_at: event.at_ms.map(Millis),
        ..Evidence::about(call, from, said)
    };
    let evidence = between(&parties, &attribution, (agents, key), evidence);
    // Only who is with the caller may be said again too late.
    let names_agent = evidence.agent_from == AgentFrom::Url && said != Said::StillUp;
    let is_word = evidence.connection.is_some() || names_agent;
    let event_id = event.id.as_deref().filter(|_| is_word);
    let event_id = event_id.map(|id| key.event(&source.id, id));
    let evidence = Evidence { event_id, ..evidence };
    let ends = (ends.0.as_deref(), ends.1.as_deref());
    let is_inbound = evidence.direction == Some(Direction::Inbound);
    match evidence.is_leg() || source.is_twilio || source.is_carrier && is_inbound {
        true => with_role(evidence, ends, agents),
        // It may turn out to be a leg, and where it leads is told now.
        false if event.session.is_some() && leads_to_agent(ends.1, agents) => {
            Evidence { endpoint: Some(Endpoint::Agent), ..evidence }
        }
        // A call that a source tells of as one of its own is a user's, whoever is called.
        false => evidence,
    }
}

/// The account that a call belongs to: of Twilio's the one with its `AccountSid`, if that is in the
/// file, else that of the source.
fn account(source: &SourceSettings, event: &CallEvent, agents: &Agents) -> Option<Arc<str>> {
    let sid = event.account.as_deref().filter(|_| source.is_twilio);
    let own = sid.and_then(|sid| agents.account_of(sid));
    own.or(source.account.as_ref()).cloned()
}

/// The Twilio account that it speaks for: by the `AccountSid`, or as the source is of one that is in
/// the file.
fn twilio_account(
    source: &SourceSettings,
    event: &CallEvent,
    agents: &Agents,
) -> Option<NonZeroU64> {
    let sid = event.account.as_deref().filter(|_| source.is_twilio);
    let own = || agents.accounts.digest_of(source.account.as_deref()?);
    sid.and_then(|sid| agents.accounts.digest(sid)).or_else(own)
}

/// That a call is over since the room is in which it was. Which calls are in a room, the tracker
/// knows.
fn of_room_over(source: &SourceSettings, call: CallId) -> Evidence {
    let origin = Origin { source: source.id.clone(), is_carrier: source.is_carrier };
    let over = Said::Over(EndReason::Completed);
    Evidence { origin: Some(origin), ..Evidence::about(call, Source::Event, over) }
}

/// The id that a call is kept under. An id that is the same wherever somebody names the call stands
/// as it is; any other belongs to its source, so two sources that count from 1 do not meet.
pub fn name(source: &SourceSettings, id: &str) -> Option<CallId> {
    if id.is_empty() {
        return None;
    }
    if let Some(header) = id.strip_prefix(SIP_CALL_ID) {
        // The caller's side has written it, and it may hold anything.
        return CallId::parse(&format!("{SIP_CALL_ID}{}", digest(header))).ok();
    }
    let text = match (is_worldwide(id), may_have_a_number(id)) {
        (true, false) => id.to_owned(),
        // Whoever else names it so gives the same digest.
        (true, true) => format!("digest/{}", digest(id)),
        (false, false) => format!("{}/{id}", source.id),
        (false, true) => format!("{}/{}", source.id, digest(id)),
    };
    // One that is too long, or has characters that an id cannot have, is kept by its digest.
    let or_digest = || CallId::parse(&format!("{}/{}", source.id, digest(id))).ok();
    CallId::parse(&text).ok().or_else(or_digest)
}

/// Whether an id is the same wherever somebody names the call: long enough, and not of digits alone.
fn is_worldwide(id: &str) -> bool {
    let is_random = id.bytes().any(|byte| byte.is_ascii_alphabetic());
    id.len() >= WORLDWIDE_ID_BYTES_MIN && is_random && !id.contains(['@', '+', '/'])
}

/// Whether a phone number may stand in an id, as in the names of channels of a telephone system.
fn may_have_a_number(id: &str) -> bool {
    if is_twilio_sid("CA", id) || is_uuid(id) || is_call_control(id) {
        return false;
    }
    let has_plus = id.contains('+') || id.contains("%2B") || id.contains("%2b");
    // People write a number in groups, too.
    let is_between = |c: char| matches!(c, '-' | '.' | ' ' | '(' | ')');
    let mut runs = id.split(|c: char| !c.is_ascii_digit() && !is_between(c));
    let in_groups = runs.any(|run| {
        let groups = run.split(is_between).filter(|it| !it.is_empty() && !is_a_time(it));
        let (n_groups, n_digits) =
            groups.fold((0, 0), |(groups, digits), it| (groups + 1, digits + it.len()));
        n_groups > 1 && (n_digits >= 9 || has_plus && n_digits >= 7)
    });
    let mut runs = id.split(|c: char| !c.is_ascii_digit());
    in_groups || runs.any(|run| run.len() >= 9 && !is_a_time(run) || has_plus && run.len() >= 7)
}

/// Whether digits are the seconds since 1970 of our time, of which many systems make ids: of the end of
/// 2023 to 2033.
fn is_a_time(digits: &str) -> bool {
    digits.len() == 10 && ["17", "18", "19"].iter().any(|it| digits.starts_with(it))
}

/// Whether it is an id of Telnyx's Call Control: `v3:` and 55 characters of Base64 for URLs.
fn is_call_control(id: &str) -> bool {
    let rest = id.strip_prefix("v3:");
    rest.is_some_and(|rest| {
        let is_of_it = |it: u8| it.is_ascii_alphanumeric() || it == b'-' || it == b'_';
        rest.len() >= 40 && rest.bytes().all(is_of_it)
    })
}

/// Whether it is a UUID: its digits may stand together by chance.
fn is_uuid(id: &str) -> bool {
    let groups = id.split('-').map(str::len);
    groups.eq([8, 4, 4, 4, 12]) && id.bytes().all(|it| it.is_ascii_hexdigit() || it == b'-')
}

fn digest(text: &str) -> String {
    let digest = Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn said(what: What) -> (Said, Option<Connection>) {
    match what {
        What::Dialing => (Said::Dialing, None),
        What::Up => (Said::InProgress, None),
        What::StillUp => (Said::StillUp, None),
        What::Answered | What::Returned => (Said::InProgress, Some(Connection::Agent)),
        What::Waiting => (Said::InProgress, Some(Connection::Waiting)),
        What::Transferred => (Said::InProgress, Some(Connection::Person)),
        What::Machine => (Said::InProgress, Some(Connection::Machine)),
        What::Ended(reason) => (Said::Over(reason), None),
        What::RoomOver => (Said::Over(EndReason::Completed), None),
        What::Left => (Said::Over(EndReason::HandedOver), None),
    }
}

/// Which way a call goes that is no leg. Where a source does not say it, our own numbers do.
fn direction(event: &CallEvent, agents: &Agents) -> Option<Direction> {
    let is_ours = |end: &Option<String>| end.as_deref().is_some_and(|it| agents.is_own_number(it));
    let by_numbers = || match (is_ours(&event.from), is_ours(&event.to)) {
        (_, true) => Some(Direction::Inbound),
        (true, false) => Some(Direction::Outbound),
        (false, false) => None,
    };
    event.direction.or_else(by_numbers)
}

/// Whose call it is: by the id that the source has for the agent, else by our number, else that id.
fn attribution<'a>(
    event: &'a CallEvent,
    parties: &Parties<'_>,
    agents: &'a Agents,
) -> Attribution<'a> {
    let own_id = event.agent.as_deref();
    let known = own_id.and_then(|id| agents.by_assistant(id).or_else(|| agents.by_id(id)));
    if let Some(agent) = known {
        return Attribution::of(Some(&agent.id), parties, agents);
    }
    let by_number = Attribution::of(None, parties, agents);
    let is_usable = |id: &&str| is_id(id) && !may_have_a_number(id);
    match own_id.filter(is_usable).filter(|_| by_number.configured.is_none()) {
        // Nobody has configured it: a better word about the agent takes its place.
        Some(id) => Attribution {
            agent: Agent::Id(Arc::from(id)),
            from: AgentFrom::Address,
            configured: None,
        },
        None => by_number,
    }
}

#[cfg(test)]
mod tests;
