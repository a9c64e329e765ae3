//! Tells one hook, one request at a time.

use std::sync::Arc;
use std::time::Duration;

use live_users_backoff::{Schedule, full};
use live_users_core::{Agent, Millis};
use live_users_intake::hooks::HookEvent;
use live_users_journal::Position;
use live_users_state::{AlertNews, CallNews, Cursor, Outbox, State, Told};
use log::{debug, info, warn};
use parking_lot::Mutex;
use tokio::time::{Instant, sleep, sleep_until};

use super::alert_message::of_alert;
use super::alert_news::{Firing, waiting};
use super::lost::Lost;
use super::means::{Means, PAUSE};
use super::message::{Message, changed, event_of, of_call, threshold};
use super::sending::Sender;
use super::waiting::Waiting;
use crate::parts::deliveries::{Delivery, Recipient};
use crate::parts::hooks::Hook;
use crate::parts::queue::View;

/// The waits between tries. There is no last one.
const WAITS: Schedule = Schedule { base_ms: 1_000, max_ms: 300_000 };

/// How far a hook was told of calls and numbers is recorded after this time, or after so many messages:
/// they are many. Of alerts it is recorded at once: they are few, and each wakes somebody up.
const RECORD_EVERY: Duration = Duration::from_secs(5);
const RECORD_AFTER: u32 = 100;

/// The pause between two looks at the state: the writer waits meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A look at the state when nothing is known to have changed.
const IDLE: Duration = Duration::from_secs(30);

/// How far a hook was told, and what is recorded of that.
#[derive(Debug, Default)]
pub(super) struct Progress(Mutex<Option<[Cursor; 2]>>);

/// The server of one hook.
pub(super) struct Serving {
    hook: Arc<Hook>,
    to: Recipient,
    means: Means,
    sender: Sender,
    progress: Arc<Progress>,
    n_failed: u32,
    /// No request before.
    retry_at: Instant,
    /// No changed number before.
    number_at: Instant,
    /// The number that was tried last. The same is sent again as the same message.
    tried: Option<(Step, Message)>,
    firing: Firing,
    lost: Lost,
    recorded_at: Instant,
    n_unrecorded: u32,
    /// An alert is among what is not recorded.
    is_alert_unrecorded: bool,
}

/// How far the hook is told once it has a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Firing(u64),
    Alert(u64),
    News(u64),
    LiveUsers(u64),
    Reached(bool),
}

/// What the state has for the hook.
struct Seen {
    alerts: Waiting<AlertNews>,
    calls: Waiting<CallNews>,
    live_users: u64,
    at: Position,
    now: Millis,
}

impl Progress {
    /// How far the hook was told, if not all of that is recorded.
    pub(super) fn unrecorded(&self) -> Option<Cursor> {
        self.0.lock().filter(|[told, recorded]| told != recorded).map(|[told, _]| told)
    }

    fn told(&self) -> Cursor {
        self.0.lock().map(|[told, _]| told).unwrap_or_default()
    }

    fn change(&self, change: impl FnOnce(&mut Cursor)) {
        if let Some([told, _]) = &mut *self.0.lock() {
            change(told);
        }
    }

    fn recorded(&self, cursor: Cursor) {
        if let Some([_, recorded]) = &mut *self.0.lock() {
            *recorded = cursor;
        }
    }

    fn begin(&self, cursor: Cursor) {
        *self.0.lock() = Some([cursor; 2]);
    }
}

impl Serving {
    pub(super) fn new(
        hook: Arc<Hook>,
        means: Means,
        sender: Sender,
        progress: &Arc<Progress>,
    ) -> Self {
        let now = Instant::now();
        Self {
            to: Recipient::Hook(hook.id().to_owned()),
            hook,
            means,
            sender,
            progress: progress.clone(),
            n_failed: 0,
            retry_at: now,
            number_at: now,
            tried: None,
            firing: Firing::default(),
            lost: Lost::default(),
            recorded_at: now,
            n_unrecorded: 0,
            is_alert_unrecorded: false,
        }
    }

    /// Tells it, until it is aborted.
    pub(super) async fn run(mut self) {
        self.begin().await;
        loop {
            let Some(seen) = self.look().await else {
                sleep(PAUSE).await;
                continue;
            };
            let due = self.due(&seen);
            self.show(&seen, due.is_some());
            match due {
                Some((step, message)) if self.retry_at <= Instant::now() => {
                    self.tell(step, message).await;
                }
                due => self.wait(due.is_some(), seen.live_users).await,
            }
            self.record().await;
        }
    }

    /// Finds how far it was told. One that is new is told what fires, and what happens from now on.
    async fn begin(&mut self) {
        loop {
            let hook = self.hook.clone();
            let known = self.means.queue.query(move |View { state, now, .. }| {
                (state.outbox().cursor(hook.id()), Firing::of(state, &hook, now))
            });
            let failed = match known.await {
                Ok((known, firing)) => {
                    let wanted = self.begin_with(known.unwrap_or_default(), firing);
                    if known == Some(wanted) {
                        return self.progress.begin(wanted);
                    }
                    self.record_as(wanted).await.err()
                }
                Err(why) => Some(why.to_string()),
            };
            if let Some(why) = failed {
                debug!("hook {} waits for the journal: {why}", self.hook.id());
                sleep(PAUSE).await;
            }
        }
    }

    /// How far it was told of what it takes now.
    fn begin_with(&mut self, known: Cursor, firing: Firing) -> Cursor {
        let table = &self.hook.table;
        let is_new = table.takes(HookEvent::Alert) && known.alerts.is_none();
        let alerts = if is_new { firing.so_far() } else { known.alerts };
        self.firing = if is_new { firing } else { Firing::default() };
        Cursor {
            news: table.takes_calls().then(|| known.news.unwrap_or(u64::MAX)),
            live_users: known.live_users.filter(|_| table.takes(HookEvent::LiveUsersChanged)),
            is_reached: known.is_reached.filter(|_| table.takes(HookEvent::Threshold)),
            alerts: alerts.filter(|_| table.takes(HookEvent::Alert)),
        }
    }

    /// Looks at the state. `None` if it is not known.
    async fn look(&mut self) -> Option<Seen> {
        let (hook, cursor) = (self.hook.clone(), self.progress.told());
        let seen = self.means.queue.query(move |view| {
            let alerts = waiting(view.state, &hook, cursor);
            let calls = waiting_of_calls(view.state.outbox(), &hook, cursor);
            let live_users = live_users(view.state, &hook);
            Seen { alerts, calls, live_users, at: view.at, now: view.now }
        });
        let seen = seen.await.ok()?;
        if cursor.news.is_some_and(|news| news < seen.calls.passed) {
            self.progress.change(|told| told.news = Some(seen.calls.passed));
        }
        if cursor.alerts.is_some_and(|alerts| alerts < seen.alerts.passed) {
            self.progress.change(|told| told.alerts = Some(seen.alerts.passed));
        }
        let lost = seen.calls.lost + seen.alerts.lost;
        if let Some(n) = self.lost.note(lost, Instant::now()) {
            warn!("{n} events are lost for hook {}: more waited than are kept", self.hook.id());
        }
        self.means.deliveries.note(&self.to, |it| it.undelivered += lost);
        Some(seen)
    }

    /// What it is told next, when it may be.
    fn due(&mut self, seen: &Seen) -> Option<(Step, Message)> {
        let step = self.next_step(seen)?;
        // The same number is sent again as the same message.
        let tried = self.tried.take().filter(|(tried, _)| *tried == step);
        self.tried = tried.or_else(|| Some((step, self.message(step, seen)?)));
        self.tried.clone()
    }

    fn next_step(&self, seen: &Seen) -> Option<Step> {
        if let Some(number) = self.firing.next() {
            return Some(Step::Firing(number));
        }
        if let Some((number, _)) = &seen.alerts.first {
            return Some(Step::Alert(*number));
        }
        let (told, n, is_known) = (self.progress.told(), seen.live_users, self.is_number_known());
        let is_reached = self.hook.table.threshold.map(|threshold| n >= threshold.into());
        if let Some(is_reached) = is_reached.filter(|_| is_known)
            && is_reached != told.is_reached.unwrap_or(false)
        {
            return Some(Step::Reached(is_reached));
        }
        if is_known && self.is_number_due(n) && self.number_at <= Instant::now() {
            return Some(Step::LiveUsers(n));
        }
        seen.calls.first.as_ref().map(|(number, _)| Step::News(*number))
    }

    fn message(&self, step: Step, seen: &Seen) -> Option<Message> {
        let (hook, moment) = (&*self.hook, (seen.at, seen.now));
        Some(match step {
            Step::Reached(is_reached) => {
                let limit = u64::from(hook.table.threshold?);
                threshold(hook, moment, seen.live_users, (limit, is_reached))
            }
            Step::LiveUsers(n) => changed(hook, moment, n),
            Step::News(number) => of_call(hook, number, &seen.calls.first.as_ref()?.1),
            Step::Firing(number) => {
                of_alert(hook, number, &self.firing.now(seen.now, &self.means.values)?)
            }
            Step::Alert(number) => of_alert(hook, number, &seen.alerts.first.as_ref()?.1),
        })
    }

    /// Whether the number is another one than the hook was told.
    fn is_number_due(&self, live_users: u64) -> bool {
        let takes = self.hook.table.takes(HookEvent::LiveUsersChanged);
        takes && self.progress.told().live_users != Some(live_users)
    }

    /// Whether the number may be shown.
    fn is_number_known(&self) -> bool {
        let is_stale = self.means.latest.borrow().stale.is_some();
        !is_stale && self.means.status.get().unanswered.is_none()
    }

    /// Tries to tell it.
    async fn tell(&mut self, step: Step, message: Message) {
        let Err(why) = self.sender.send(&self.hook, &message).await else { return self.told(step) };
        self.means.deliveries.note(&self.to, |it| it.failed_try(&why));
        let wait_ms = WAITS.delay_ms(self.n_failed, full(getrandom::u64().ok()));
        self.retry_at = Instant::now() + Duration::from_millis(wait_ms);
        self.n_failed = self.n_failed.saturating_add(1);
        let line = format!("hook {} was not told: {why}", self.hook.id());
        match self.n_failed {
            1 => warn!("{line}; it is tried again until it is"),
            n => debug!("{line} ({n} tries)"),
        }
    }

    fn told(&mut self, step: Step) {
        self.means.deliveries.note(&self.to, Delivery::delivered);
        if self.n_failed > 0 {
            info!("hook {} is told again, after {} tries", self.hook.id(), self.n_failed);
        }
        (self.n_failed, self.tried) = (0, None);
        self.n_unrecorded += 1;
        self.is_alert_unrecorded |= matches!(step, Step::Firing(_) | Step::Alert(_));
        let firing = &mut self.firing;
        self.progress.change(|told| match step {
            Step::Firing(_) => told.alerts = firing.told(),
            Step::News(number) => told.news = Some(number),
            Step::Alert(number) => told.alerts = Some(number),
            Step::LiveUsers(n) => told.live_users = Some(n),
            Step::Reached(is_reached) => told.is_reached = Some(is_reached),
        });
        if matches!(step, Step::LiveUsers(_)) {
            let every = Duration::from_secs(self.hook.table.every_seconds().into());
            self.number_at = Instant::now() + every;
        }
    }

    /// Shows how it stands.
    fn show(&self, seen: &Seen, is_due: bool) {
        let (alert, call) = (seen.alerts.first.as_ref(), seen.calls.first.as_ref());
        let waits_since = self.firing.waits_since(alert, call);
        self.means.deliveries.note(&self.to, |it| {
            it.pending = (seen.calls.n + seen.alerts.n + self.firing.len()).max(u64::from(is_due));
            it.waits_since = waits_since;
        });
    }

    /// Waits until there may be something to do.
    async fn wait(&mut self, is_due: bool, live_users: u64) {
        let now = Instant::now();
        let mut until = now + IDLE;
        if is_due {
            until = until.min(self.retry_at);
        }
        if self.is_number_due(live_users) {
            // Where it is due already, the number is not known.
            let number_at = if self.number_at > now { self.number_at } else { now + PAUSE };
            until = until.min(number_at);
        }
        if self.progress.unrecorded().is_some() {
            until = until.min((self.recorded_at + RECORD_EVERY).max(now));
        }
        let pause = if is_due { PAUSE } else { LOOK_EVERY };
        sleep_until(until.min(now + pause)).await;
        let Means { latest, status, .. } = &mut self.means;
        tokio::select! {
            _ = latest.changed() => {}
            _ = status.changed() => {}
            () = sleep_until(until) => {}
        }
    }

    /// Records how far it was told: of alerts at once, of all else now and then.
    async fn record(&mut self) {
        let Some(cursor) = self.progress.unrecorded() else { return };
        let now = Instant::now();
        let is_due = now >= self.recorded_at + RECORD_EVERY || self.n_unrecorded >= RECORD_AFTER;
        if !is_due && !self.is_alert_unrecorded {
            return;
        }
        (self.recorded_at, self.n_unrecorded, self.is_alert_unrecorded) = (now, 0, false);
        match self.record_as(cursor).await {
            Ok(()) => self.progress.recorded(cursor),
            Err(why) => debug!("how far hook {} was told waits: {why}", self.hook.id()),
        }
    }

    async fn record_as(&self, cursor: Cursor) -> Result<(), String> {
        let told = Told { hook: self.hook.id().into(), cursor: Some(cursor) };
        self.means.queue.record_told(vec![told]).await.map_err(|why| why.to_string())
    }
}

/// The live users that the hook is told of.
fn live_users(state: &State, hook: &Hook) -> u64 {
    let tracker = state.tracker();
    let numbers = match &hook.table.agent {
        None => tracker.numbers(),
        Some(id) => tracker.breakdown_of_agent(&Agent::Id(id.as_str().into())).live,
    };
    numbers.users as u64
}

/// What has happened to calls and the hook was not told yet.
fn waiting_of_calls(outbox: &Outbox, hook: &Hook, cursor: Cursor) -> Waiting<CallNews> {
    let Some(told) = cursor.news else { return Waiting::default() };
    let is_taken = |news: &CallNews| {
        let is_its = match &hook.table.agent {
            None => true,
            Some(id) => matches!(&news.agent, Agent::Id(it) if **it == **id),
        };
        is_its && hook.table.takes(event_of(news.what))
    };
    Waiting::behind(told, outbox.after(told), outbox.count(), is_taken)
}
