//! Turns frames of the backend's stream into frames for browsers, and publishes them.

use jiff::Timestamp;
use live_users_broadcast::{Frame, SlotState};
use live_users_wire::{ByAgent, ChangesFrame, LastCount, LiveCount, NoFrame, Problem, Success};
use serde::{Deserialize, Serialize};

use super::admin_api::with_success;
use super::backend_client::{Failure, failure};
use super::followed::Followed;
use super::receiver::Subscription;
use crate::channels::Channels;
use crate::error::UpstreamError;

/// Publishes the frames, and knows what it has published last.
#[derive(Debug, Default)]
pub(super) struct Published {
    /// The agent that all of it is of; `None` for all calls. A backend of before there were such streams
    /// tells the total of all, whatever is asked.
    agent: Option<String>,
    /// The epoch, the count, those of agents and what is suspect, while they are known to be true.
    count: Option<(String, u64, Option<ByAgent>, Option<u64>)>,
    /// The last count, and when the backend last sent anything.
    last: Option<(u64, Timestamp)>,
    upstream_error: Option<String>,
    /// The summary, from a backend that tells it by changes.
    followed: Followed,
}

/// What a frame of the backend has to say of the count, whatever else is in it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Received {
    live_users: u64,
    /// An object in a frame of the total; the summary has rows under this name.
    #[serde(default, deserialize_with = "live_users_wire::if_object")]
    by_agent: Option<ByAgent>,
    /// The same object in a summary.
    #[serde(default, deserialize_with = "live_users_wire::if_object")]
    public_by_agent: Option<ByAgent>,
    /// What of the doubt is public in a frame of the total. In a summary this is all of it.
    #[serde(default)]
    suspect: Option<u64>,
    /// What of the doubt is public, in a summary.
    #[serde(default)]
    public_suspect: Option<u64>,
    /// The agent that a frame of the total is of.
    #[serde(default)]
    agent: Option<String>,
    epoch: String,
    seq: u64,
    as_of: String,
    /// There is a field `success`, which is the envelope's.
    #[serde(default, rename = "success", deserialize_with = "super::followed::is_there")]
    has_success: bool,
}

impl Published {
    /// What is published of this agent, or of all calls.
    pub(super) fn of_agent(agent: Option<String>) -> Self {
        Self { agent, ..Self::default() }
    }

    /// Bytes came from the backend: the last count is still true.
    pub(super) fn received(&mut self, now: Timestamp) {
        if let (Some(_), Some((_, at))) = (&self.count, &mut self.last) {
            *at = now;
        }
    }

    /// Publishes a frame of the backend: a value, or why there is none.
    ///
    /// # Errors
    /// If it is neither.
    pub(super) fn publish(
        &mut self,
        channels: &Channels,
        subscription: Subscription,
        json: String,
        now: Timestamp,
    ) -> Result<(), Failure> {
        if subscription == Subscription::Summary
            && let Ok(frame) = serde_json::from_str::<ChangesFrame>(&json)
        {
            return self.publish_change(channels, frame, json, now);
        }
        let received: Received = match serde_json::from_str(&json) {
            Ok(received) => received,
            Err(error) => {
                let Ok(Problem { error, .. }) = serde_json::from_str(&json) else {
                    return Err(failure(UpstreamError::NotACount, error.to_string()));
                };
                // What the backend says goes to those who see the summary alone.
                self.report(channels, UpstreamError::NotKnown, &error);
                return Ok(());
            }
        };
        if self.agent.is_some() && self.agent != received.agent {
            return Err(failure(UpstreamError::NotOfAgent, "no agent".to_owned()));
        }
        let Received { live_users, by_agent, public_by_agent, agent, epoch, seq, as_of, .. } =
            received;
        let by_agent = by_agent.or(public_by_agent);
        let suspect = match subscription {
            Subscription::Summary => received.public_suspect,
            Subscription::Total => received.suspect,
        };
        if subscription == Subscription::Summary {
            // It is passed on as it came: it has been parsed, so only these can still be wrong.
            let why = match () {
                () if !json.trim_ascii_start().starts_with('{') => Some("something else"),
                () if received.has_success => Some("it says `success` itself"),
                () => None,
            };
            if let Some(why) = why {
                return Err(failure(UpstreamError::NotAnObject, why.to_owned()));
            }
            let frame = Frame::new(&epoch, seq, with_success(json, true));
            // A backend of before there were changes has none to pass on.
            channels.changes.publish(frame.clone());
            channels.summary.publish(frame);
        }
        let count =
            LiveCount { live_users, by_agent, suspect, agent, epoch, seq, as_of, now: None };
        self.publish_total(channels, count, now);
        Ok(())
    }

    /// Publishes a snapshot of the summary, or what has changed in it.
    fn publish_change(
        &mut self,
        channels: &Channels,
        frame: ChangesFrame,
        json: String,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let Some(new) = self.followed.take(frame, json)? else { return Ok(()) };
        let count = self.followed.total();
        let count =
            count.ok_or_else(|| failure(UpstreamError::NotACount, "no total".to_owned()))?;
        channels.changes.publish(new);
        self.publish_total(channels, count, now);
        self.publish_whole(channels)
    }

    /// Publishes the summary as a whole if somebody reads it so. Otherwise it is cleared: a later reader
    /// must not get the one of before.
    ///
    /// # Errors
    /// If what is known is no summary.
    pub(super) fn publish_whole(&self, channels: &Channels) -> Result<(), Failure> {
        if !channels.summary.is_read() {
            if matches!(channels.summary.now(), SlotState::Frame(_)) {
                channels.summary.clear();
            }
            return Ok(());
        }
        let whole = self.followed.whole().transpose();
        let whole = whole.map_err(|why| failure(UpstreamError::NotACount, why.to_string()))?;
        whole.into_iter().for_each(|frame| channels.summary.publish(frame));
        Ok(())
    }

    /// Whether somebody who begins to read whole summaries has to be given one.
    pub(super) fn gives_whole(&self) -> bool {
        self.followed.is_known()
    }

    fn publish_total(&mut self, channels: &Channels, count: LiveCount, now: Timestamp) {
        self.upstream_error = None;
        self.last = Some((count.live_users, now));
        let LiveCount { live_users, by_agent, suspect, epoch, .. } = count.clone();
        let present = Some((epoch, live_users, by_agent, suspect));
        if self.count != present {
            channels.total.publish(frame_of_total(count.name(), count));
            self.count = present;
        }
    }

    /// Reports once that there is no value any more. Everybody may read the total, so a backend that refuses
    /// since it knows none is said there to know none.
    pub(super) fn report_loss(&mut self, channels: &Channels, why: UpstreamError) {
        let is_unknown = why == UpstreamError::Status(503);
        let public = if is_unknown { UpstreamError::NotKnown } else { why };
        self.report(channels, public, &why.to_string());
    }

    /// Reports it to everybody, and to those who see the summary.
    fn report(&mut self, channels: &Channels, public: UpstreamError, why: &str) {
        self.count = None;
        if self.upstream_error.as_deref() == Some(why) {
            return;
        }
        self.upstream_error = Some(why.to_owned());
        channels.total.publish(self.no_frame(&public.to_string()));
        self.report_no_summary(channels, why);
    }

    /// Reports that there is a total and no summary.
    pub(super) fn report_no_summary(&mut self, channels: &Channels, why: &str) {
        self.followed.forget();
        let frame = self.no_frame(why);
        channels.changes.publish(frame.clone());
        channels.summary.publish(frame);
    }

    /// Clears what is published, since nobody reads any more.
    pub(super) fn forget(&mut self, channels: &Channels) {
        channels.clear();
        (self.count, self.upstream_error) = (None, None);
        self.followed.forget();
    }

    fn no_frame(&self, why: &str) -> Frame {
        let last =
            self.last.map(|(live_users, at)| LastCount { live_users, as_of: format!("{at:.3}") });
        frame_of_none(NoFrame::new(why, last))
    }
}

/// The frame of a total, under this name.
pub(super) fn frame_of_total(name: String, count: LiveCount) -> Frame {
    Frame::of_moment(Some(name), move || {
        to_json(&Success::new(LiveCount { now: Some(present_time()), ..count.clone() }))
    })
}

/// The frame in place of one that there is not.
pub(super) fn frame_of_none(none: NoFrame) -> Frame {
    Frame::of_moment(None, move || to_json(&NoFrame { now: Some(present_time()), ..none.clone() }))
}

fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("texts and numbers are always JSON")
}

fn present_time() -> String {
    format!("{:.3}", Timestamp::now())
}

#[cfg(test)]
mod tests {
    use live_users_broadcast::Latest;

    use super::*;

    const AT: &str = r#""asOf":"2026-11-23T09:30:00.000Z""#;

    fn frame(now: SlotState) -> Option<(Option<String>, String)> {
        let SlotState::Frame(frame) = now else { return None };
        let json = String::from_utf8(frame.json().to_vec()).unwrap();
        // When it was sent is not known to the test.
        let json = match json.split_once(r#","now":""#) {
            Some((before, now)) => {
                let now = now.strip_suffix("\"}").expect("it is the last field");
                assert!(now.parse::<Timestamp>().is_ok(), "{now}");
                format!("{before}}}")
            }
            None => json,
        };
        Some((frame.id().map(str::to_owned), json))
    }

    fn moment(s: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + s).unwrap()
    }

    #[test]
    fn a_summary_is_published_as_it_is_and_the_total_when_it_changes() {
        let channels = Channels::default();
        let mut published = Published::default();
        for (users, seq, total) in [(3, 1, 1), (3, 2, 1), (4, 3, 3)] {
            let json = format!(r#"{{"liveUsers":{users},"more":[],"epoch":"e","seq":{seq},{AT}}}"#);
            published
                .publish(&channels, Subscription::Summary, json.clone(), moment(seq))
                .unwrap_or_else(|_| panic!());
            let (id, summary) = frame(channels.summary.now()).unwrap();
            assert_eq!(id, Some(format!("e-{seq}")));
            assert_eq!(summary, format!(r#"{{"success":true,{}"#, &json[1..]));
            let (id, json) = frame(channels.total.now()).unwrap();
            assert_eq!(id, Some(format!("e-{total}")));
            let expected =
                format!(r#"{{"success":true,"liveUsers":{users},"epoch":"e","seq":{total},{AT}}}"#);
            assert_eq!(json, expected);
        }
    }

    #[test]
    fn the_numbers_of_agents_are_passed_on_from_both_streams_and_a_change_is_news() {
        let channels = Channels::default();
        let mut published = Published::default();
        let booking = r#""byAgent":{"booking":3}"#;
        let rows = r#""byAgent":[{"agent":"booking"}]"#;
        for (subscription, agents, shown) in [
            (Subscription::Total, booking.to_owned(), format!("{booking},")),
            (
                Subscription::Summary,
                format!(r#"{rows},"publicByAgent":{{}}"#),
                r#""byAgent":{},"#.to_owned(),
            ),
            (Subscription::Summary, rows.to_owned(), String::new()),
        ] {
            let json = format!(r#"{{"liveUsers":3,{agents},"epoch":"e","seq":1,{AT}}}"#);
            assert!(published.publish(&channels, subscription, json, moment(0)).is_ok());
            let (_, json) = frame(channels.total.now()).unwrap();
            let expected =
                format!(r#"{{"success":true,"liveUsers":3,{shown}"epoch":"e","seq":1,{AT}}}"#);
            assert_eq!(json, expected);
        }
    }

    #[test]
    fn of_an_agent_no_other_number_is_published() {
        let channels = Channels::default();
        let mut published = Published::of_agent(Some("booking".to_owned()));
        let mut publish = |agent: &str| {
            let json = format!(r#"{{"liveUsers":3,{agent}"epoch":"e","seq":1,{AT}}}"#);
            published.publish(&channels, Subscription::Total, json, moment(0))
        };
        // The total of all comes from a backend of before there were such streams.
        for other in ["", r#""agent":null,"#, r#""agent":"support","#] {
            let refused = publish(other).err().map(|failure| failure.upstream_error);
            assert_eq!(refused, Some(UpstreamError::NotOfAgent), "{other}");
            assert!(frame(channels.total.now()).is_none(), "{other}");
        }
        assert!(publish(r#""agent":"booking","#).is_ok());
        assert!(frame(channels.total.now()).is_some());
        assert!(
            published
                .publish(
                    &channels,
                    Subscription::Total,
                    r#"{"error":"lost"}"#.to_owned(),
                    moment(0)
                )
                .is_ok()
        );
    }

    #[test]
    fn a_loss_is_reported_once_with_the_last_count_and_when_it_was_last_true_and_so_is_its_end() {
        let channels = Channels::default();
        let mut published = Published::default();
        published.report_loss(&channels, UpstreamError::Unreachable);
        let nothing =
            r#"{"success":false,"liveUsers":0,"error":"the backend cannot be reached"}"#.to_owned();
        assert_eq!(frame(channels.total.now()), Some((None, nothing.clone())));
        assert_eq!(frame(channels.summary.now()), Some((None, nothing)));

        let json = format!(r#"{{"liveUsers":3,"epoch":"e","seq":1,{AT}}}"#);
        let publish = |published: &mut Published, json: &str| {
            published.publish(&channels, Subscription::Total, json.to_owned(), moment(0)).is_ok()
        };
        assert!(publish(&mut published, &json));
        published.received(moment(9));
        published.report_loss(&channels, UpstreamError::Ended);
        published.received(moment(99));
        published.report_loss(&channels, UpstreamError::Ended);
        let last = format!(r#""last":{{"liveUsers":3,"asOf":"{:.3}"}}"#, moment(9));
        let broken = format!(
            r#"{{"success":false,"liveUsers":0,"error":"the backend has stopped",{last}}}"#
        );
        assert_eq!(frame(channels.total.now()), Some((None, broken)));
        assert!(publish(&mut published, &json), "the same value again is news now");
        assert_eq!(frame(channels.total.now()).unwrap().0.as_deref(), Some("e-1"));

        assert!(publish(&mut published, r#"{"error":"the writer has stopped"}"#));
        let told = |channel: &Latest| frame(channel.now()).unwrap().1;
        assert!(told(&channels.summary).contains("the writer has stopped"));
        let public = told(&channels.total);
        assert!(public.contains("not known at present") && !public.contains("writer"), "{public}");
        assert!(publish(&mut published, &json));
        published.report_loss(&channels, UpstreamError::Status(503));
        assert!(told(&channels.summary).contains("status 503"));
        assert!(told(&channels.total).contains("not known at present"));
        assert!(!publish(&mut published, r#"{"liveUsers":3}"#) && !publish(&mut published, "3"));
        let object = format!(r#"  {{"liveUsers":3,"epoch":"e","seq":1,{AT}}}"#);
        for (json, is_passed_on) in [
            (object.clone(), true),
            (object.replace('{', r#"{"success":null,"#), false),
            (r#"[3,"e",1,"2026-11-23T09:30:00.000Z"]"#.to_owned(), false),
        ] {
            let published =
                published.publish(&channels, Subscription::Summary, json.clone(), moment(0));
            assert_eq!(published.is_ok(), is_passed_on, "{json}");
        }
        published.forget(&channels);
        assert!(frame(channels.total.now()).is_none() && frame(channels.summary.now()).is_none());
    }
}
