//! A log as a replica has it: what is known of it, and how more is learned.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use async_nats::jetstream::stream::Info;
use futures_util::{StreamExt, stream};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};
use tokio::try_join;

use super::Clock;
use super::address::NatsAddress;
use super::fault::Fault;
use super::frame::{End, Frame};
use super::known::{Fed, Known};
use super::majority::unheard_for;
use super::names::{Names, epoch_of};
use super::service::{OPEN_PATIENCE, Service, Stored};
use super::state::State;
use crate::{Contact, JournalError};

/// How many messages are fetched at once.
const FETCHED_AT_ONCE: usize = 16;

/// How long the tail may take to bring what the service has, before it is fetched one by one.
pub(super) const TAIL_PATIENCE: Duration = Duration::from_millis(60);

/// An answer that took longer says nothing of the service's clock, in milliseconds.
const COMPARED_MS_MAX: u64 = 1_000;

pub(super) struct Log {
    pub(super) service: Service,
    pub(super) names: Names,
    pub(super) known: Mutex<Known>,
    pub(super) contact: Contact,
    pub(super) clock: Clock,
    /// Changes whenever `known` does.
    moved: watch::Sender<()>,
    /// The tail does not bring what is there.
    pub(super) tail_is_late: Notify,
    /// How many messages it has brought.
    pub(super) tail_brought: AtomicU64,
    /// The service's clock less this machine's, in milliseconds.
    ahead_ms: Mutex<Option<i64>>,
}

impl Log {
    /// Opens the log that is there, or creates one.
    pub(super) async fn open(address: &NatsAddress, clock: Clock) -> Result<Self, JournalError> {
        let service = Service::connect(address).await?;
        let alone_or_not = if service.is_clustered() { 3 } else { 1 };
        let names = Names::new(&address.name, address.replicas.unwrap_or(alone_or_not));
        let known = begin(&service, &names).await?;
        let (contact, known, ahead_ms) =
            (Contact::with_service(), Mutex::new(known), Mutex::new(None));
        let log = Self {
            service,
            names,
            known,
            contact,
            clock,
            moved: watch::Sender::new(()),
            tail_is_late: Notify::new(),
            tail_brought: AtomicU64::new(0),
            ahead_ms,
        };
        log.await_majority().await?;
        for _ in 0..5 {
            // Another replica may have done the same at the same moment.
            if log.compare_clocks().await.is_ok() {
                break;
            }
        }
        Ok(log)
    }

    /// Waits for a leader that can be believed.
    async fn await_majority(&self) -> Result<(), JournalError> {
        let give_up = Instant::now() + OPEN_PATIENCE;
        loop {
            match self.catch_up(TAIL_PATIENCE).await {
                Ok(_) => return Ok(()),
                Err(Fault::Silent(_)) if Instant::now() < give_up => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(fault) => return Err(fault.into_error("opening the journal")),
            }
        }
    }

    pub(super) fn state(&self) -> State<'_> {
        let epoch = self.known.lock().epoch;
        State { service: &self.service, names: &self.names, epoch }
    }

    /// Takes in a message, whoever has brought it.
    pub(super) fn feed(&self, stored: &Stored) -> Fed {
        let mut known = self.known.lock();
        if stored.subject != self.names.log_subject(known.epoch) {
            return Fed::Gap;
        }
        let fed = known.feed(stored.message, stored.at_ms, &stored.payload);
        drop(known);
        if !matches!(fed, Fed::Old | Fed::Gap) {
            self.moved.send_replace(());
        }
        if matches!(fed, Fed::Grown | Fed::Broken) {
            self.contact.has_grown();
        }
        fed
    }

    /// Waits until this message is known, and says whether it is.
    pub(super) async fn wait_for(&self, message: u64, limit: Duration) -> bool {
        let mut moved = self.moved.subscribe();
        let is_there = || self.known.lock().end.message >= message;
        let waiting = async {
            while !is_there() {
                let _the_sender_is_here = moved.changed().await;
            }
        };
        timeout(limit, waiting).await.is_ok()
    }

    /// Sees that this message is known, which the service is known to have.
    pub(super) async fn settle(&self, message: u64) -> Result<(), Fault> {
        if self.wait_for(message, TAIL_PATIENCE).await {
            return Ok(());
        }
        self.fetch_to(message).await
    }

    async fn fetch_to(&self, message: u64) -> Result<(), Fault> {
        let from = self.known.lock().end.message + 1;
        let fetch = |number| self.service.message(&self.names.log, number);
        let mut fetched = stream::iter(from..=message).map(fetch).buffered(FETCHED_AT_ONCE);
        while let Some(stored) = fetched.next().await {
            self.feed(&stored?);
        }
        self.check()
    }

    /// Fails if what is known and what is there are two different things.
    pub(super) fn check(&self) -> Result<(), Fault> {
        match &self.known.lock().broken {
            Some(why) => Err(Fault::Error(why.to_error(&self.names.log))),
            None => Ok(()),
        }
    }

    /// Asks the leader how far the log is, and waits until that much is known. What the tail does
    /// not bring for so long is fetched; says whether it was.
    pub(super) async fn catch_up(&self, patience: Duration) -> Result<bool, Fault> {
        let asked = std::time::Instant::now();
        let info = self.service.info(&self.names.log).await?;
        let unheard = unheard_for(info.cluster.as_ref())?;
        // An empty stream says 0 or 1, as the version of the server is.
        let (last, first) = (info.state.last_sequence, info.state.first_sequence.max(1));
        let (was, end, first_message) = {
            let known = self.known.lock();
            (known.epoch, known.end, known.first_message)
        };
        let is = epoch_of(&info).map_err(Fault::Error)?;
        if is != was {
            return Err(Fault::Error(JournalError::Replaced { was, is }));
        }
        if last < end.message {
            return Err(Fault::Silent(format!(
                "the service has {last} messages of {}, and had {} before",
                self.names.log, end.message
            )));
        }
        let mut was_fetched = false;
        if last > end.message && !self.wait_for(last, patience).await {
            was_fetched = true;
            let fetched = async {
                if first > end.message + 1 {
                    self.skip_trimmed(first, last).await?;
                }
                self.fetch_to(last).await
            };
            match fetched.await {
                Err(Fault::NotFound) => {
                    return Err(Fault::Silent("it was trimmed meanwhile".to_owned()));
                }
                other => other?,
            }
        }
        self.check()?;
        if first != first_message {
            let floor = self.state().floor().await?.it;
            let mut known = self.known.lock();
            known.first_message = first;
            known.first_seq = known.first_seq.max(floor.map_or(1, |it| it.first_seq));
        }
        if let Some(heard) = asked.checked_sub(unheard) {
            self.contact.known_at(heard);
        }
        Ok(was_fetched)
    }

    /// Goes on at the first message that is kept, as those before it were trimmed meanwhile.
    async fn skip_trimmed(&self, first: u64, last: u64) -> Result<(), Fault> {
        let frame = first_frame(&self.service, &self.names, first, last).await?;
        let Some(frame) = frame else { return Ok(()) };
        let before = End {
            message: frame.message - 1,
            crc: frame.previous_crc,
            seq: frame.first_seq - 1,
            at_ms: frame.at_ms,
        };
        let mut known = self.known.lock();
        if known.end.message < before.message {
            known.skip_to(before);
        }
        Ok(())
    }

    /// Fails if the last message that is known is not there any more, or is another one.
    pub(super) async fn verify(&self) -> Result<(), Fault> {
        let end = self.known.lock().end;
        if end.message == 0 {
            return Ok(());
        }
        let is_there = match self.service.message(&self.names.log, end.message).await {
            Ok(stored) => crc32fast::hash(&stored.payload) == end.crc,
            Err(Fault::NotFound) => false,
            Err(fault) => return Err(fault),
        };
        if is_there {
            return Ok(());
        }
        let what = format!("record {} of stream {} is not there", end.seq, self.names.log);
        Err(Fault::Error(JournalError::Damaged { what }))
    }

    /// Why a record cannot be fetched that is in the log as far as is known.
    pub(super) async fn why_not_there(&self, wanted: u64) -> JournalError {
        let _as_it_is = self.catch_up(TAIL_PATIENCE).await;
        let (first, last) = {
            let known = self.known.lock();
            (known.first_seq, known.end.seq)
        };
        if wanted < first {
            return JournalError::NotThere { wanted, first, last };
        }
        JournalError::Damaged { what: format!("record {wanted} is missing") }
    }

    /// Turns to the log that is there by now, if it is another one.
    pub(super) async fn replace(&self) -> Result<(), JournalError> {
        let found = begin(&self.service, &self.names).await?;
        let (was, is) = {
            let mut known = self.known.lock();
            let was = known.epoch;
            if was != found.epoch {
                *known = found;
            }
            (was, known.epoch)
        };
        self.moved.send_replace(());
        self.tail_is_late.notify_one();
        if was == is { Ok(()) } else { Err(JournalError::Replaced { was, is }) }
    }

    pub(super) fn has_compared(&self) -> bool {
        self.ahead_ms.lock().is_some()
    }

    /// Learns what time it is at the service.
    pub(super) async fn compare_clocks(&self) -> Result<(), Fault> {
        let before_ms = (self.clock)();
        let service_ms = self.state().ask_the_time().await?;
        self.compared(service_ms, before_ms, (self.clock)());
        Ok(())
    }

    /// The service's clock showed this, at some time between these of the machine's, all in
    /// milliseconds since the Unix epoch.
    pub(super) fn compared(&self, service_ms: u64, before_ms: u64, after_ms: u64) {
        if after_ms < before_ms || after_ms - before_ms > COMPARED_MS_MAX {
            return;
        }
        let machine_ms = before_ms.midpoint(after_ms);
        let ahead_ms = service_ms.wrapping_sub(machine_ms).cast_signed();
        // What is known already stays as long as it may be right, or the time would tremble.
        let doubt_ms = (after_ms - before_ms) / 2 + 2;
        let mut known_ms = self.ahead_ms.lock();
        if known_ms.is_none_or(|known| known.abs_diff(ahead_ms) > doubt_ms) {
            *known_ms = Some(ahead_ms);
            self.contact.compared(service_ms, machine_ms);
        }
    }
}

/// What the service has, creating it if there is nothing.
async fn begin(service: &Service, names: &Names) -> Result<Known, JournalError> {
    let drawn = super::draw()?;
    let [state, parts, leases] = names.other_configs();
    let log = names.log_config(drawn);
    let mut attempts = 0;
    loop {
        attempts += 1;
        let (info, ..) = try_join!(
            service.ensure(&log),
            service.ensure(&state),
            service.ensure(&parts),
            service.ensure(&leases)
        )?;
        match read(service, names, &info).await {
            Ok(known) => return Ok(known),
            // Another replica has trimmed it meanwhile, or the leader has gone.
            Err(Fault::NotFound | Fault::Silent(_)) if attempts < 10 => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Err(fault) => return Err(fault.into_error("opening the journal")),
        }
    }
}

async fn read(service: &Service, names: &Names, info: &Info) -> Result<Known, Fault> {
    let epoch = epoch_of(info).map_err(Fault::Error)?;
    let (first, last) = (info.state.first_sequence, info.state.last_sequence);
    let damaged = |what: String| Fault::Error(JournalError::Damaged { what });
    let said = State { service, names, epoch };
    let floor = said.floor().await?.it.map_or(1, |it| it.first_seq);
    if last == 0 {
        return Ok(Known::new(epoch, End::default(), floor, 1));
    }
    let end = last_end(service, names, first, last).await?;
    let oldest = first_frame(service, names, first, last).await?;
    let (Some(end), Some(oldest)) = (end, oldest) else {
        return Err(damaged(format!("stream {} has lost all of its messages", names.log)));
    };
    let first_seq = floor.max(oldest.first_seq);
    let covered = said.manifest().await?.it.map_or(0, |it| it.seq);
    if first_seq > covered + 1 || first_seq > end.seq + 1 {
        return Err(damaged(format!(
            "stream {} has the records {first_seq} to {} and a snapshot up to {covered}: what is \
             between is missing",
            names.log, end.seq
        )));
    }
    Ok(Known::new(epoch, end, first_seq, first))
}

/// The first message from this one on that counts.
async fn first_frame(
    service: &Service,
    names: &Names,
    first: u64,
    last: u64,
) -> Result<Option<Frame>, Fault> {
    for number in first..=last {
        let frame = frame(service, names, number).await?;
        if frame.counts() {
            return Ok(Some(frame));
        }
    }
    Ok(None)
}

async fn last_end(
    service: &Service,
    names: &Names,
    first: u64,
    last: u64,
) -> Result<Option<End>, Fault> {
    let mut crc = None;
    for number in (first..=last).rev() {
        let frame = frame(service, names, number).await?;
        let crc = *crc.get_or_insert(frame.crc());
        if frame.counts() {
            return Ok(Some(End { message: last, crc, ..frame.end() }));
        }
    }
    Ok(None)
}

/// The message of this number, taken apart.
pub(super) async fn frame(service: &Service, names: &Names, number: u64) -> Result<Frame, Fault> {
    let stored = service.message(&names.log, number).await?;
    let frame = Frame::parse(stored.message, stored.at_ms, &stored.payload);
    frame.map_err(|unreadable| Fault::Error(unreadable.to_error(&names.log)))
}
