//! `GET /api/live-users/activity`: the recent events of calls, the newest first.

use std::collections::HashMap;
use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use live_users_core::{Agent, Millis, Tracker};
use live_users_http_kit::{ParameterError, Query};
use live_users_state::{
    ACTIVITY_LOG_MAX, Activity, ActivityKind, ActivityPage as LogPage, State, words,
};
use live_users_wire::{ActivityPage, ActivityView};

use super::json;
use super::view::account_then;
use crate::http::authorized::PermittedCalls;
use crate::http::error::ApiError;
use crate::http::named::{Named, id};
use crate::parts::agents::AgentRegistry;
use crate::parts::clock::moment;
use crate::parts::presentation::{agent_ref, label, shown_place};
use crate::parts::queue::{Queue, View};
use crate::parts::scope::Scope;

/// Activities in one answer, unless the query has a limit.
const LIMIT_DEFAULT: usize = 100;

/// The fields of the query.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    limit: usize,
    after: Option<Cursor>,
    account: Option<String>,
}

/// Names an activity: the journal's epoch, and its place in the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cursor {
    epoch: u64,
    place: Place,
}

/// The place of an activity in a feed. Numbers would tell how much happens at the accounts of
/// others, so where only some accounts are read it is when it was, and which one of that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Number(u64),
    At(Millis, u64),
}

/// Some of the feed, the newest first.
struct Page {
    activities: Vec<(Place, Told)>,
    newest: Place,
    missed: bool,
}

/// An activity as somebody is told of it.
struct Told {
    activity: Activity,
    /// Whether it tells that the call has left what is read.
    is_away: bool,
}

pub(crate) async fn activity(
    PermittedCalls(access): PermittedCalls,
    queue: Data<Queue>,
    agents: Data<AgentRegistry>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let wanted = Wanted::parse(request.query_string())?;
    let agents = agents.now();
    let found = queue.query(move |View { state, now, at }| {
        let named = Named { account: wanted.account.as_deref(), ..Named::default() };
        named.check((&agents, &access.scope), state)?;
        let (epoch, scope) = (at.epoch, access.scope.narrowed(named.account));
        if wanted.after.is_some_and(|cursor| cursor.epoch != epoch) {
            return Err(another_journal().into());
        }
        Ok::<_, ApiError>((wanted.page(state, &scope), epoch, now))
    });
    let (page, epoch, now) = found.await??;
    Ok(json(&shown(page, epoch, now)))
}

fn another_journal() -> ParameterError {
    let expected = "a cursor of the journal that is kept now, or nothing: this one is of another";
    ParameterError::new("after", expected)
}

fn shown(page: Page, epoch: u64, now: Millis) -> ActivityPage {
    let cursor = |place| Cursor { epoch, place }.to_text();
    let activities = page.activities.into_iter().map(|(place, it)| view(it, cursor(place)));
    ActivityPage {
        activities: activities.collect(),
        cursor: cursor(page.newest),
        missed: page.missed,
        as_of: moment(now),
    }
}

fn view(Told { activity, is_away }: Told, cursor: String) -> ActivityView {
    ActivityView {
        cursor,
        at: moment(activity.at),
        what: words::of_kind(activity.what).into_owned(),
        call_sid: activity.call.to_string(),
        agent: agent_ref(&activity.agent),
        caller: activity.caller.map(label),
        place: shown_place(&activity.place),
        direction: activity.direction.map(|it| words::of_direction(it).into_owned()),
        away: is_away,
        party: activity.party.map(|it| words::of_party(it).into_owned()),
        reason: activity.reason.map(|it| words::of_reason(it).into_owned()),
        duration_ms: activity.lasted.map(|lasted| lasted.ms()),
        cause: activity.cause.map(|it| words::of_cause(it).into_owned()),
    }
}

impl Wanted {
    fn parse(query: &str) -> Result<Self, ParameterError> {
        const AFTER: &str = "the `cursor` of an answer before, or of an activity in one";
        let query = Query::new(query);
        let limit = query.number("limit", LIMIT_DEFAULT, 1..=ACTIVITY_LOG_MAX)?;
        Ok(Self {
            limit,
            after: query.parsed("after", AFTER, Cursor::parse)?,
            account: id(&query, "account")?,
        })
    }

    fn page(&self, state: &State, scope: &Scope) -> Page {
        if scope.is_limited() {
            return self.page_of(state, scope);
        }
        let number = self.after.map(|cursor| match cursor.place {
            Place::Number(number) => number,
            // Of a feed of some accounts: this one goes on from nothing that is known.
            Place::At(..) => u64::MAX,
        });
        let LogPage { activities, newest, missed } = state.activity_log().after(number, self.limit);
        let numbered =
            |(number, activity)| (Place::Number(number), Told { activity, is_away: false });
        let activities = activities.into_iter().map(numbered).collect();
        Page { activities, newest: Place::Number(newest), missed }
    }

    /// The same of some accounts or of one agent, as if there were no others.
    fn page_of(&self, state: &State, scope: &Scope) -> Page {
        let (tracker, log) = (state.tracker(), state.activity_log());
        let mut last = (Millis(0), 0);
        let accounts = accounts_then(tracker, log.list());
        let listed = log.list().zip(accounts);
        let told = listed.filter_map(|(activity, account)| told(scope, activity, account));
        let placed = told.map(|it| {
            let at = it.activity.at;
            last = if at == last.0 { (last.0, last.1 + 1) } else { (at, 1) };
            (Place::At(last.0, last.1), it)
        });
        let mut newer: Vec<_> = placed.collect();
        let after = self.after.map(|cursor| cursor.place);
        // What is not kept any more was newer once: whoever goes on never goes back.
        let newest = newer.last().map_or(Place::At(Millis(0), 0), |(place, _)| *place);
        let newest = after.map_or(newest, |after| newest.max(after));
        newer.retain(|(place, _)| after.is_none_or(|after| *place > after));
        let is_cut = log.is_cut()
            && after.is_some_and(|after| {
                log.list().next().is_some_and(|oldest| after < Place::At(oldest.at, 0))
            });
        Page {
            missed: after.is_some() && (newer.len() > self.limit || is_cut),
            activities: newer.into_iter().rev().take(self.limit).collect(),
            newest,
        }
    }
}

/// The account that the call of each activity belonged to then. Where none was known yet, that is the
/// first one that became known, and not the one that has the call now.
fn accounts_then<'a>(
    tracker: &Tracker,
    list: impl DoubleEndedIterator<Item = &'a Activity>,
) -> Vec<Option<Arc<str>>> {
    let mut first_known = HashMap::new();
    let backwards = list.rev().map(|activity| {
        let call = tracker.own_id(&activity.call);
        match &activity.account {
            Some(account) => {
                first_known.insert(call, activity);
                Some(account.clone())
            }
            None => match first_known.get(call) {
                Some(known) => known.account.clone().filter(|_| is_of_one_agent(activity, known)),
                None => account_then(tracker, activity),
            },
        }
    });
    let mut accounts: Vec<_> = backwards.collect();
    accounts.reverse();
    accounts
}

/// Whether a call has the agent still that it had when no account was known: that of another agent is
/// not the account of before.
fn is_of_one_agent(before: &Activity, known: &Activity) -> bool {
    before.agent == known.agent || !matches!(before.agent, Agent::Id(_))
}

/// An activity as it is told to whoever reads this, if it is: by whose the call was then. What becomes
/// of it elsewhere is not told, and what was before it came neither.
fn told(scope: &Scope, activity: &Activity, account: Option<Arc<str>>) -> Option<Told> {
    if scope.has_stretch(&activity.agent, account.as_deref()) {
        return Some(Told { activity: activity.clone(), is_away: false });
    }
    has_left(scope, activity).then(|| {
        // Without an agent that it has left, it was its account alone that has changed.
        let agent = activity.left.clone().map_or(Agent::Unknown, Agent::Id);
        let activity = Activity {
            what: ActivityKind::Moved,
            agent,
            party: None,
            reason: None,
            lasted: None,
            cause: None,
            ..activity.clone()
        };
        Told { activity, is_away: true }
    })
}

/// Whether this tells that a call has left the agent or the accounts whose calls the scope has.
fn has_left(scope: &Scope, activity: &Activity) -> bool {
    match scope.agent() {
        Some(own) => activity.left.as_ref() == Some(own),
        None => activity.left_account.as_deref().is_some_and(|it| scope.has(Some(it))),
    }
}

impl Cursor {
    fn to_text(self) -> String {
        let epoch = self.epoch;
        match self.place {
            Place::Number(number) => format!("{epoch:016x}-{number}"),
            Place::At(Millis(at), n) => format!("{epoch:016x}-{at}.{n}"),
        }
    }

    /// Only what [`Cursor::to_text`] writes.
    fn parse(text: &str) -> Option<Self> {
        let (epoch, place) = text.split_once('-')?;
        let epoch = u64::from_str_radix(epoch, 16).ok()?;
        let place = match place.split_once('.') {
            None => Place::Number(place.parse().ok()?),
            Some((at, n)) => Place::At(Millis(at.parse().ok()?), n.parse().ok()?),
        };
        let cursor = Self { epoch, place };
        (cursor.to_text() == text).then_some(cursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_is_written_and_nothing_else_is_one() {
        let cursor = Cursor { epoch: 0x0a1b_2c3d_4e5f_6071, place: Place::Number(42) };
        let text = cursor.to_text();
        assert_eq!((text.as_str(), Cursor::parse(&text)), ("0a1b2c3d4e5f6071-42", Some(cursor)));
        let at = Cursor { place: Place::At(Millis(17), 2), ..cursor };
        let text = at.to_text();
        assert_eq!((text.as_str(), Cursor::parse(&text)), ("0a1b2c3d4e5f6071-17.2", Some(at)));
        for wrong in [
            "0a1b2c3d4e5f6071-17.",
            "0a1b2c3d4e5f6071-17.02",
            "",
            "-",
            "42",
            "a1b2c3d4e5f6071-42",
            "0A1B2C3D4E5F6071-42",
            "0a1b2c3d4e5f6071-+4",
            "0a1b2c3d4e5f6071-042",
            "0a1b2c3d4e5f6071--1",
            "0a1b2c3d4e5f6071-18446744073709551616",
        ] {
            assert_eq!(Cursor::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_cannot_be_asked_for_is_named() {
        for (query, field) in [
            ("limit=0", "limit"),
            ("limit=1001", "limit"),
            ("limit=-1", "limit"),
            ("after=x", "after"),
        ] {
            assert_eq!(Wanted::parse(query).unwrap_err().name, field, "{query}");
        }
        let wanted = Wanted { limit: LIMIT_DEFAULT, after: None, account: None };
        assert_eq!(Wanted::parse("after=&else=1"), Ok(wanted), "blank is nothing");
    }
}
