//! The open connections of a server, and what they may take of it.

mod body;
mod connection;
mod ready;
mod requests;
mod shares;
mod slot;
mod socket;
mod table;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use parking_lot::Mutex;

use self::body::Cut;
pub(crate) use self::connection::Connection;
pub(crate) use self::ready::answer_at_once;
pub(crate) use self::requests::Limit;
pub use self::requests::{LimitAnswers, LimitError};
use self::shares::Shares;
use self::slot::Turns;
pub(crate) use self::socket::LimitedStream;
pub(crate) use self::table::Reason;
use self::table::Table;
use crate::client_limits::ClientLimits;
use crate::metrics::{Counter, Labels, Page};
use crate::trusted_proxies::{ClientKey, TrustedProxies};

/// How often the log is told that there are too many.
const WARN_EVERY: Duration = Duration::from_mins(1);

/// The open connections of a server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Connections(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: ClientLimits,
    trusted: TrustedProxies,
    /// Locked where a connection opens or ends, and not by requests.
    table: Mutex<Table>,
    turns: Arc<Turns>,
    shares: Shares,
    /// Bodies that were cut off, in the order of [`Cut::ALL`].
    cut: [Counter; Cut::ALL.len()],
    /// Requests and streams that were refused.
    refused: [Counter; 2],
    /// Whether the server is stopping.
    is_stopping: AtomicBool,
    /// When the log was told last that there are too many.
    warned: Mutex<Option<Instant>>,
}

impl Connections {
    /// No connection is open.
    pub fn new(limits: ClientLimits, trusted: TrustedProxies) -> Self {
        let turns = Arc::new(Turns::new());
        let table = Mutex::new(Table::new(limits, turns.clone()));
        Self(Arc::new(Shared {
            limits,
            trusted,
            table,
            turns,
            shares: Shares::new(),
            cut: Default::default(),
            refused: Default::default(),
            is_stopping: AtomicBool::new(false),
            warned: Mutex::default(),
        }))
    }

    /// The limits.
    pub(crate) fn limits(&self) -> &ClientLimits {
        &self.0.limits
    }

    /// Takes a connection from this address.
    ///
    /// # Errors
    /// If there are too many, and none that could go instead.
    pub(crate) fn admit(&self, peer: IpAddr) -> Result<Connection, Reason> {
        let client = (!self.0.trusted.believes(peer)).then(|| ClientKey::from(peer));
        let now = Instant::now();
        let (admitted, made_room) = self.admit_at(now, client);
        if made_room {
            self.warn(now, peer);
        }
        admitted
    }

    /// Takes a connection of this client, or of a trusted proxy. Returns whether another one had to go.
    fn admit_at(
        &self,
        now: Instant,
        client: Option<ClientKey>,
    ) -> (Result<Connection, Reason>, bool) {
        let (admitted, made_room) = {
            let mut table = self.0.table.lock();
            let before = table.closed();
            (table.admit(now, client), before != table.closed())
        };
        let admitted = admitted.map(|(id, slot)| Connection::new(self.clone(), id, slot, client));
        (admitted, made_room)
    }

    /// An attack makes many connections, and one line a minute.
    fn warn(&self, now: Instant, peer: IpAddr) {
        let mut warned = self.0.warned.lock();
        if warned.is_none_or(|warned| now.saturating_duration_since(warned) >= WARN_EVERY) {
            *warned = Some(now);
            log::warn!(
                "connections are closed because there are too many, now for one from {peer}: see \
                 live_users_closed_connections in /metrics, and the settings CONNECTIONS_*; if it \
                 is a reverse proxy of yours, name it in TRUSTED_PROXIES"
            );
        }
    }

    /// Closes the connections that wait for a request, now and from now on.
    pub(crate) fn stop(&self) {
        self.0.is_stopping.store(true, Ordering::SeqCst);
        self.0.table.lock().close_all_idle();
    }

    fn is_stopping(&self) -> bool {
        self.0.is_stopping.load(Ordering::SeqCst)
    }

    /// Closes connections that took too long. To be called about once a second.
    pub(crate) fn sweep(&self) {
        self.0.table.lock().sweep(Instant::now());
    }

    /// Whether a stream is open.
    pub(crate) fn has_streams(&self) -> bool {
        let [_, _, streams] = self.0.table.lock().open();
        streams > 0
    }

    /// Adds the figures to a page.
    pub fn add_to(&self, page: &mut Page) {
        let (open, closed) = {
            let table = self.0.table.lock();
            (table.open(), table.closed())
        };
        let states = ["waiting", "answering", "streaming"].map(|state| [("state", state)]);
        let values = states.iter().zip(open);
        // Exact up to 2^53, as every number that Prometheus knows.
        let values = values.map(|(labels, n)| (labels as Labels<'_>, n as f64));
        page.gauges("live_users_open_connections", "Connections that are open", values);
        let reasons = Reason::ALL.map(|(_, name)| [("reason", name)]);
        let values = reasons.iter().map(|labels| labels as Labels<'_>).zip(closed);
        let help = "Connections that were closed or not taken because of a limit";
        page.counters("live_users_closed_connections", help, values);
        let reasons = Cut::ALL.map(|(_, name)| [("reason", name)]);
        let cut = self.0.cut.each_ref().map(Counter::get);
        let values = reasons.iter().map(|labels| labels as Labels<'_>).zip(cut);
        page.counters("live_users_cut_bodies", "Bodies of requests that were too slow", values);
        let reasons = ["requests", "streams"].map(|reason| [("reason", reason)]);
        let refused = self.0.refused.each_ref().map(Counter::get);
        let values = reasons.iter().map(|labels| labels as Labels<'_>).zip(refused);
        let help = "Requests that were refused because their address has too many under way";
        page.counters("live_users_refused_requests", help, values);
    }
}

/// The client of this request has proved who it is, so its address has no limit of its own for an
/// hour.
pub fn vouch_for(request: &HttpRequest) {
    if let Some(connection) = request.conn_data::<Connection>() {
        let key = connection.client_of(request.head());
        connection.vouch_for(Instant::now(), key);
    }
}

#[cfg(test)]
mod tests;
