//! `GET /api/live-users/activity`: the recent events of calls, the newest first.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use live_users_core::Millis;
use live_users_http_kit::{ParameterError, Query};
use live_users_state::{ACTIVITY_LOG_MAX, Activity, ActivityPage as LogPage, words};
use live_users_wire::{ActivityPage, ActivityView};

use super::json;
use crate::http::authorized::Authorized;
use crate::http::error::ApiError;
use crate::parts::clock::moment;
use crate::parts::presentation::{agent_ref, label, shown_place};
use crate::parts::queue::{Queue, View};

/// Activities in one answer, unless the query has a limit.
const LIMIT_DEFAULT: usize = 100;

/// The fields of the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wanted {
    limit: usize,
    after: Option<Cursor>,
}

/// Names an activity: the journal's epoch, and its number in the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cursor {
    epoch: u64,
    number: u64,
}

pub(crate) async fn activity(
    _: Authorized,
    queue: Data<Queue>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let wanted = Wanted::parse(request.query_string())?;
    let found = queue.query(move |View { state, now, at }| {
        let epoch = at.epoch;
        let number = match wanted.after {
            Some(cursor) if cursor.epoch != epoch => return None,
            after => after.map(|cursor| cursor.number),
        };
        Some((state.activity_log().after(number, wanted.limit), epoch, now))
    });
    let (page, epoch, now) = found.await?.ok_or_else(another_journal)?;
    Ok(json(&shown(page, epoch, now)))
}

fn another_journal() -> ParameterError {
    let expected = "a cursor of the journal that is kept now, or nothing: this one is of another";
    ParameterError::new("after", expected)
}

fn shown(LogPage { activities, newest, missed }: LogPage, epoch: u64, now: Millis) -> ActivityPage {
    let cursor = |number| Cursor { epoch, number }.to_text();
    let activities = activities.into_iter().map(|(number, it)| view(it, cursor(number)));
    ActivityPage {
        activities: activities.collect(),
        cursor: cursor(newest),
        missed,
        as_of: moment(now),
    }
}

fn view(activity: Activity, cursor: String) -> ActivityView {
    ActivityView {
        cursor,
        at: moment(activity.at),
        what: words::of_kind(activity.what).into_owned(),
        call_sid: activity.call.to_string(),
        agent: agent_ref(&activity.agent),
        caller: activity.caller.map(label),
        place: shown_place(&activity.place),
        direction: activity.direction.map(|it| words::of_direction(it).into_owned()),
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
        Ok(Self { limit, after: query.parsed("after", AFTER, Cursor::parse)? })
    }
}

impl Cursor {
    fn to_text(self) -> String {
        format!("{:016x}-{}", self.epoch, self.number)
    }

    /// Only what [`Cursor::to_text`] writes.
    fn parse(text: &str) -> Option<Self> {
        let (epoch, number) = text.split_once('-')?;
        let epoch = u64::from_str_radix(epoch, 16).ok()?;
        let cursor = Self { epoch, number: number.parse().ok()? };
        (cursor.to_text() == text).then_some(cursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_is_written_and_nothing_else_is_one() {
        let cursor = Cursor { epoch: 0x0a1b_2c3d_4e5f_6071, number: 42 };
        let text = cursor.to_text();
        assert_eq!((text.as_str(), Cursor::parse(&text)), ("0a1b2c3d4e5f6071-42", Some(cursor)));
        for wrong in [
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
        let wanted = Wanted { limit: LIMIT_DEFAULT, after: None };
        assert_eq!(Wanted::parse("after=&else=1"), Ok(wanted), "blank is nothing");
    }
}
