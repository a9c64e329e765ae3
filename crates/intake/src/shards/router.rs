//! Where calls are that are known, and so where what is said of them goes.

mod asking;

use std::collections::HashSet;

use live_users_core::{
    Attendance, CallId, ConferenceEvent, Evidence, MINUTE_MS, OpenCall, Tracker,
};

pub use self::asking::{Asking, Known, KnownMeeting, Names};
use super::generations::Generations;
use super::{Layout, ShardSet};

/// The most names of calls that are known in each of two generations, of some 50 bytes each: 4 million
/// in all. A call has one, or one for each source that tells of it; its legs have others.
const CALLS_MAX: usize = 1 << 21;

/// The same for conferences, rooms and sessions.
const MEETINGS_MAX: usize = 1 << 19;

/// The same for calls that other routers have asked about and nobody knew.
const ASKED_MAX: usize = 1 << 18;

/// Conferences, rooms and sessions turn once in so many turns: nobody is asked whether they go on.
const MEETINGS_TURN_ONE_IN: u8 = 6;

/// Says which shard evidence goes to, and learns from what it has said.
///
/// - A call that is known stays where it is, whatever is said of it, by any of its names.
/// - What names a call as its parent goes where that is. A parent that is not known yet is expected
///   where its leg went.
/// - A call that is first heard of in a conference goes where that conference began.
/// - That a conference is over goes to all shards that have participants of it; if none has, to all
///   shards, since it may have overtaken who joined.
/// - Everything else goes by [`Layout::home`].
///
/// It is bounded: a call that is over is forgotten some minutes later, and its late webhooks go by the
/// hash, which nearly always is where it was. With more names than there is room for, those that
/// nobody heard of for longest go first.
#[derive(Clone, Debug)]
pub struct Router {
    layout: Layout,
    calls: Generations<u8>,
    meetings: Generations<Meeting>,
    /// Calls that other routers have asked about, and that were not known here.
    asked: Generations<()>,
    turns: u8,
}

/// Where a conference, a room or a session was heard of.
#[derive(Clone, Copy, Debug)]
struct Meeting {
    /// The first shard that has heard of it.
    first: u8,
    /// All that have.
    all: ShardSet,
}

impl Router {
    /// So often, in milliseconds, [`Router::quiet`] is looked at and [`Router::turn`] called for each of
    /// the [`Router::parts`]. A call that is over stays known for as long to twice as long: longer than
    /// any sender's retries.
    pub const TURN_MS: u64 = 10 * MINUTE_MS;

    /// A router that knows of no call.
    pub fn new(layout: Layout) -> Self {
        Self::with_room(layout, CALLS_MAX, MEETINGS_MAX)
    }

    pub(super) fn with_room(layout: Layout, calls_max: usize, meetings_max: usize) -> Self {
        let (calls, meetings) = (Generations::new(calls_max), Generations::new(meetings_max));
        Self { layout, calls, meetings, asked: Generations::new(ASKED_MAX), turns: 0 }
    }

    /// How many shards there are, and by what they are told apart.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Takes in what shards know at the start, each with its number: their calls, and who is in
    /// conferences. Of a name that several of them have, the shard counts in which its call is up; what
    /// a leg says of its call counts where that is known nowhere.
    pub fn learn<'a>(&mut self, trackers: impl Iterator<Item = (usize, &'a Tracker)> + Clone) {
        for (shard, tracker) in trackers.clone() {
            for open in tracker.open() {
                self.know(shard, open.id());
                if let Some(told) = open.told() {
                    told.names.iter().for_each(|name| self.know(shard, name));
                    let meetings = told.room.iter().chain(&told.session);
                    meetings.for_each(|meeting| self.meet(shard, meeting));
                }
            }
        }
        for (shard, tracker) in trackers.clone() {
            tracker.first_heard().for_each(|(_, id)| self.know(shard, id));
            let conferences = tracker.conferences();
            conferences.iter().for_each(|(conference, _)| self.meet(shard, conference));
        }
        for (shard, tracker) in trackers {
            let legs = tracker.open().filter(OpenCall::is_leg);
            let parents = legs.filter_map(|open| open.call().details.leg?.parent);
            parents.for_each(|parent| self.know(shard, &parent));
        }
    }

    /// The shards that this evidence goes to: one, but for the end of a conference. What it says of
    /// where calls are is known from now on.
    pub fn route(&mut self, evidence: &Evidence) -> ShardSet {
        let shards = self.find(evidence);
        if let (Some(shard), false) = (shards.lowest(), is_of_conference(evidence)) {
            self.note(shard, evidence);
        }
        shards
    }

    /// The same, and nothing is learnt from it.
    pub fn find(&self, evidence: &Evidence) -> ShardSet {
        let conference = evidence.conference.as_ref().map(|event| &event.conference);
        if is_of_conference(evidence) {
            let known = conference.and_then(|it| self.meetings.get(it));
            return known.map_or(ShardSet::first(self.layout.shards()), |meeting| meeting.all);
        }
        let names = [&evidence.call].into_iter().chain(&evidence.also).chain(&evidence.parent);
        let known = names.into_iter().find_map(|name| self.calls.get(name)).map(usize::from);
        let met = || self.meetings.get(conference?).map(|meeting| usize::from(meeting.first));
        ShardSet::one(known.or_else(met).unwrap_or_else(|| self.layout.home(evidence)))
    }

    /// The shards that have heard of this conference, room or session; none if it is not known.
    pub fn of_meeting(&self, meeting: &CallId) -> ShardSet {
        self.meetings.get(meeting).map(|meeting| meeting.all).unwrap_or_default()
    }

    /// The shard that a call is in, by any of its names; `None` if it is not known.
    pub fn of_call(&self, name: &CallId) -> Option<usize> {
        self.calls.get(name).map(usize::from)
    }

    /// Evidence has gone to this shard.
    pub fn note(&mut self, shard: usize, evidence: &Evidence) {
        let names = [&evidence.call].into_iter().chain(&evidence.also).chain(&evidence.parent);
        names.for_each(|name| self.know(shard, name));
        let conference = evidence.conference.as_ref().map(|event| &event.conference);
        let meetings = conference.into_iter().chain(&evidence.room).chain(&evidence.session);
        meetings.for_each(|meeting| self.meet(shard, meeting));
    }

    /// In how many parts names are turned, each in one short step.
    pub fn parts(&self) -> usize {
        self.calls.parts()
    }

    /// The calls of a part that nothing was said of since its last turn, each with its shard. Those that
    /// its shard does not have as up may be dropped by [`Router::turn`].
    pub fn quiet(&self, part: usize) -> impl Iterator<Item = (usize, &CallId)> {
        self.calls.quiet(part).map(|(name, shard)| (usize::from(shard), name))
    }

    /// Forgets these of the calls of a part that nothing was said of, and begins a new generation there.
    pub fn turn(&mut self, part: usize, over: &HashSet<CallId>) {
        self.calls.turn(part, |name| over.contains(name));
        let of_asked = (part..self.asked.parts()).step_by(self.calls.parts());
        of_asked.for_each(|part| self.asked.turn(part, |_| true));
        if part == 0 {
            self.turns = (self.turns + 1) % MEETINGS_TURN_ONE_IN;
        }
        if self.turns == 0 {
            let parts = (part..self.meetings.parts()).step_by(self.calls.parts());
            parts.for_each(|part| self.meetings.turn(part, |_| true));
        }
    }

    /// How many names of calls are known.
    pub fn known(&self) -> usize {
        self.calls.len()
    }

    /// A call is in this shard. One that is known stays where it is.
    pub fn know(&mut self, shard: usize, name: &CallId) {
        let shard = self.calls.get(name).unwrap_or_else(|| small(shard));
        self.calls.hear(name, shard);
    }

    fn meet(&mut self, shard: usize, meeting: &CallId) {
        let new = || Meeting { first: small(shard), all: ShardSet::default() };
        let known = self.meetings.get(meeting).unwrap_or_else(new);
        self.meetings.hear(meeting, Meeting { all: known.all.with(shard), ..known });
    }
}

fn small(shard: usize) -> u8 {
    u8::try_from(shard).expect("below SHARDS_MAX")
}

/// Whether it is about a whole conference, and so about no call.
pub fn is_of_conference(evidence: &Evidence) -> bool {
    let is_over = |event: &ConferenceEvent| {
        event.what == Attendance::Over && event.conference == evidence.call
    };
    evidence.conference.as_ref().is_some_and(is_over)
}
