//! One connection, for the thread that serves it: what its requests change.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::dev::RequestHead;

use super::shares::Kind;
use super::slot::{Does, Slot};
use super::table::{MARGIN, Reason};
use super::{Connections, Cut};
use crate::client_limits::ClientLimits;
use crate::trusted_proxies::{ClientKey, TrustedProxies};

/// How long the rest of a body is received after the answer, which did not need it.
const REST: Duration = Duration::from_secs(2);

/// How long an answer may take in all, unless it is a stream.
const ANSWER: Duration = Duration::from_mins(2);

/// How often a connection says at most that its client has proved who it is, because that takes a
/// lock. Twilio proves it with each webhook.
const VOUCHED_EVERY: Duration = Duration::from_secs(1);

/// Why a request is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TooMany {
    /// Requests of this address are under way.
    Requests,
    /// Streams of this address are open.
    Streams,
}

/// One connection, to which the server's requests have access. Cheap to clone on the thread that serves
/// it.
#[derive(Clone, Debug)]
pub(crate) struct Connection(Rc<Owned>);

#[derive(Debug)]
struct Owned {
    all: Connections,
    id: u64,
    slot: Arc<Slot>,
    /// `None` for a trusted proxy, which has many clients.
    client: Option<ClientKey>,
    /// Whose request is under way, if it came through a trusted proxy and is counted.
    forwarded: Cell<Option<ClientKey>>,
    /// Whose stream is open and counted.
    streaming: Cell<Option<ClientKey>>,
    /// The socket is no longer the server's: the place lasts until that is closed.
    is_detached: Cell<bool>,
    /// How many bytes of a head were read. `None` if no head is awaited.
    head_bytes: Cell<Option<usize>>,
    /// Whom it has vouched for, and when.
    vouched: Cell<Option<(ClientKey, Instant)>>,
}

/// What a connection takes, until it is dropped.
pub(super) struct Place {
    all: Connections,
    id: u64,
    forwarded: Option<ClientKey>,
    streaming: Option<ClientKey>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let Self { all, id, forwarded, streaming } = self;
        let counted = [(*forwarded, Kind::Request), (*streaming, Kind::Stream)];
        let counted = counted.into_iter().filter_map(|(key, kind)| Some((key?, kind)));
        counted.for_each(|(key, kind)| all.0.shares.take(key, kind));
        all.0.table.lock().remove(*id);
    }
}

impl Connection {
    /// A connection that was admitted just now, and waits for the first head.
    pub(super) fn new(
        all: Connections,
        id: u64,
        slot: Arc<Slot>,
        client: Option<ClientKey>,
    ) -> Self {
        Self(Rc::new(Owned {
            all,
            id,
            slot,
            client,
            forwarded: Cell::default(),
            streaming: Cell::default(),
            is_detached: Cell::new(false),
            head_bytes: Cell::new(Some(0)),
            vouched: Cell::default(),
        }))
    }

    pub(super) fn slot(&self) -> &Slot {
        &self.0.slot
    }

    pub(super) fn limits(&self) -> &ClientLimits {
        self.0.all.limits()
    }

    pub(super) fn trusted(&self) -> &TrustedProxies {
        &self.0.all.0.trusted
    }

    pub(super) fn client_of(&self, request: &RequestHead) -> ClientKey {
        self.trusted().client(request).into()
    }

    /// Notes that so many bytes were read. They are the head's if one is awaited.
    pub(super) fn note_read(&self, n: usize) {
        self.0.head_bytes.set(self.0.head_bytes.get().map(|bytes| bytes.saturating_add(n)));
    }

    /// How many bytes of a head were read. `None` if no head is awaited.
    pub(super) fn head_bytes(&self) -> Option<usize> {
        self.0.head_bytes.get()
    }

    /// Whether a stream is open, which ends only when the client goes.
    ///
    /// The server would go on otherwise, as HTTP/1.1 allows, until two heartbeats cannot be sent: a
    /// place among the streams would be taken for 30 s by a client that has long gone.
    pub(super) fn is_streaming(&self) -> bool {
        self.0.slot.state().does() == Does::Streaming
    }

    /// The head of a request has arrived; a body may follow. `forwarded` is the client behind a
    /// trusted proxy, if its requests are limited.
    ///
    /// # Errors
    /// If too many requests of that client are under way. The request counts until its end.
    pub(super) fn begin(
        &self,
        now: Instant,
        has_body: bool,
        forwarded: Option<ClientKey>,
    ) -> Result<(), TooMany> {
        self.0.head_bytes.set(None);
        let limits = self.limits();
        let entered = match has_body {
            true => self.enter(Does::Waiting, now + limits.body + MARGIN),
            false => self.enter(Does::Answering, now + ANSWER),
        };
        // It may have been closed meanwhile.
        let Some(key) = forwarded.filter(|_| entered) else { return Ok(()) };
        self.count(&self.0.forwarded, Kind::Request, Some(key));
        let requests = self.0.all.0.shares.add(key, Kind::Request);
        match requests > limits.per_address && !self.is_verified(now, key) {
            true => Err(self.refused(TooMany::Requests)),
            false => Ok(()),
        }
    }

    /// The request has arrived as a whole.
    pub(super) fn answer(&self, now: Instant) {
        self.count(&self.0.streaming, Kind::Stream, None);
        self.enter(Does::Answering, now + ANSWER);
    }

    /// The answer is a stream. From now on the end of what the client sends is the end of the
    /// connection.
    ///
    /// # Errors
    /// If too many streams of its client are open.
    pub(super) fn stream(&self, now: Instant) -> Result<(), TooMany> {
        if self.0.slot.is_gone() {
            return Ok(());
        }
        let key = self.0.forwarded.get().or(self.0.client);
        if let Some(key) = key {
            let (shares, most) = (&self.0.all.0.shares, self.limits().streams_per_address());
            if !shares.add_below(key, Kind::Stream, most) {
                if !self.is_verified(now, key) {
                    return Err(self.refused(TooMany::Streams));
                }
                shares.add(key, Kind::Stream);
            }
        }
        self.count(&self.0.streaming, Kind::Stream, key);
        self.enter(Does::Streaming, now);
        Ok(())
    }

    /// The answer is over. `has_rest`: its request may not have arrived as a whole.
    pub(super) fn end(&self, now: Instant, has_rest: bool) {
        if self.0.is_detached.get() {
            return;
        }
        self.0.head_bytes.set(Some(0));
        self.release();
        let limits = self.limits();
        let idle = limits.keep_alive + limits.head;
        let is_open = self.enter(Does::Waiting, now + if has_rest { REST } else { idle });
        if is_open && self.0.all.0.turns.waiting() > limits.waiting {
            self.0.all.0.table.lock().shorten(now);
        }
    }

    /// No request has begun, or a request was answered at once: the next one has so long to come.
    /// Returns whether the connection is open.
    pub(super) fn await_request(&self, now: Instant, time: Duration) -> bool {
        self.0.head_bytes.set(Some(0));
        self.enter(Does::Idle, now + time) && !self.0.all.is_stopping()
    }

    /// A head has begun to arrive: the rest of it has the usual time.
    pub(super) fn await_rest_of_head(&self, now: Instant) {
        self.enter(Does::Waiting, now + self.limits().head + MARGIN);
    }

    /// The connection is gone.
    pub(super) fn remove(&self) {
        if !self.0.is_detached.get() {
            drop(self.detach());
        }
    }

    /// The socket is no longer the server's. What this connection takes is taken until the place is
    /// dropped, on whichever thread.
    pub(super) fn detach(&self) -> Place {
        let Owned { all, id, forwarded, streaming, is_detached, .. } = &*self.0;
        is_detached.set(true);
        let (forwarded, streaming) = (forwarded.take(), streaming.take());
        Place { all: all.clone(), id: *id, forwarded, streaming }
    }

    pub(super) fn close(&self, reason: Reason) {
        self.0.all.0.table.lock().close(self.0.id, reason);
    }

    /// Its client, or the one behind it, has proved who it is.
    pub(super) fn vouch_for(&self, now: Instant, key: ClientKey) {
        let is_new = self.0.vouched.get().is_none_or(|(known, since)| {
            known != key || now.saturating_duration_since(since) >= VOUCHED_EVERY
        });
        if is_new {
            self.0.all.0.table.lock().verify(now, key);
            self.0.vouched.set(Some((key, now)));
        }
    }

    /// A body was cut off.
    pub(super) fn note_cut(&self, cut: Cut) {
        self.0.all.0.cut[cut as usize].add();
    }

    fn refused(&self, too_many: TooMany) -> TooMany {
        self.0.all.0.refused[too_many as usize].add();
        too_many
    }

    /// Goes on to something else. Returns whether the connection is open.
    fn enter(&self, does: Does, due: Instant) -> bool {
        let Owned { all, id, slot, .. } = &*self.0;
        let Some(state) = slot.enter(&all.0.turns, does, due) else { return false };
        if does.waits() && !state.is_listed() {
            all.0.table.lock().relist(*id);
        }
        true
    }

    fn is_verified(&self, now: Instant, key: ClientKey) -> bool {
        self.0.all.0.table.lock().is_verified(key, now)
    }

    /// No request and no stream is under way.
    fn release(&self) {
        self.count(&self.0.forwarded, Kind::Request, None);
        self.count(&self.0.streaming, Kind::Stream, None);
    }

    /// Notes what is counted now, and counts what was so far no longer.
    fn count(&self, counted: &Cell<Option<ClientKey>>, kind: Kind, now_for: Option<ClientKey>) {
        if let Some(key) = counted.replace(now_for) {
            self.0.all.0.shares.take(key, kind);
        }
    }
}

#[cfg(test)]
impl Connection {
    /// Whom it counts for, and whether that is a stream.
    pub(super) fn counted(&self) -> impl Iterator<Item = (ClientKey, bool)> + use<> {
        let request = self.0.forwarded.get().map(|key| (key, false));
        let stream = self.0.streaming.get().map(|key| (key, true));
        request.into_iter().chain(stream)
    }
}
