//! The times in a state: all of them, and mended ones in their place.

use live_users_core::{Call, CallId, Conference, Millis, Participant, Stretch, Tracker};

use crate::activity::{Activities, Activity};
use crate::corrections::{Correction, Corrections};
use crate::repair::Shift;
use crate::state::State;

impl State {
    /// Visits every time that is not part of a sum.
    pub(crate) fn each_time(&self, visit: &mut impl FnMut(Millis)) {
        let tracker = self.tracker();
        if tracker.now() > Millis(0) {
            visit(tracker.now());
        }
        // Mapped to themselves, and looked at on the way.
        let mut look = |at| {
            visit(at);
            at
        };
        tracker.calls().into_iter().for_each(|it| drop(call(it, &mut look)));
        tracker.conferences().into_iter().for_each(|it| drop(conference(it, &mut look)));
        let remembered = tracker.remembered();
        for hour in remembered.hours() {
            remembered.calls_of(hour).iter().for_each(|it| visit(it.end(hour)));
        }
    }

    /// The same state with mended times. Sums of what lies ahead are left out: the history ends
    /// with the hour before the first wrong time, and goes on from there with the numbers of now.
    pub(crate) fn mended(self, shift: Shift) -> Self {
        let mut mend = |at| shift.mend(at);
        let (tracker, settings) = (self.tracker(), self.settings());
        let calls: Vec<_> = tracker.calls().into_iter().map(|it| call(it, &mut mend)).collect();
        let conferences: Vec<_> =
            tracker.conferences().into_iter().map(|it| conference(it, &mut mend)).collect();
        let remembered = tracker.remembered().mapped(&mut mend);
        let now = shift.mend(tracker.now());
        let is_wrong = tracker.now() > shift.now;
        let corrections = self.corrections();
        let recent = corrections.recent().map(|it| Correction { at: mend(it.at), ..it.clone() });
        let of_accounts = corrections.by_account();
        let of_accounts = of_accounts.map(|(account, cause, n)| (account.clone(), cause, n));
        let drift = Corrections::restore(corrections.totals(), recent.collect::<Vec<_>>())
            .with_accounts(of_accounts);
        let Activities { feed, talks } = self.activities().clone();
        let feed = feed.map(|it| Activity { at: shift.mend(it.at), ..it });
        let activities = Activities { feed, talks: talks.until(shift.now) };
        let mut history = self.history().clone();
        if is_wrong {
            history = history.until(shift.last_right);
        }
        let tracker = Tracker::restore(now, calls, conferences).remembering(remembered);
        let tracker = tracker.counting(settings.counting);
        // Their times are by the clocks of proxies.
        let ended_sessions = self.ended_sessions().clone();
        // They end when somebody has said, whatever the clock was then.
        let shared_links = self.shared_links().clone();
        let outbox = self.outbox().clone().mended(|at| shift.mend(at));
        let forwards = self.forwards().clone().mended(|at| shift.mend(at));
        let callbacks = self.callbacks().clone().mended(|at| shift.mend(at));
        let heard = self.heard().clone().mended(|at| shift.mend(at));
        let alerts = self.alerts().clone().mended(|at| shift.mend(at));
        let mended = Self {
            tracker,
            drift,
            activities,
            history,
            ended_sessions,
            outbox,
            callbacks,
            forwards,
            heard,
            alerts,
            shared_links,
            shard_mark: self.shard_mark().cloned(),
        };
        mended.with(settings)
    }
}

fn call(mut call: Call, map: &mut impl FnMut(Millis) -> Millis) -> Call {
    for at in [&mut call.first, &mut call.since, &mut call.heard] {
        *at = map(*at);
    }
    for Stretch { since, until, .. } in &mut call.details.stretches {
        (*since, *until) = (map(*since), map(*until));
    }
    call.details.stretch_since = call.details.stretch_since.map(map);
    call
}

fn conference(
    (id, mut conference): (CallId, Conference),
    map: &mut impl FnMut(Millis) -> Millis,
) -> (CallId, Conference) {
    conference.heard = map(conference.heard);
    for Participant { since, .. } in &mut conference.participants {
        *since = map(*since);
    }
    (id, conference)
}
