//! Answers callers while the journal cannot be opened: a full disk, damaged files, a wrong clock.
//!
//! It has the routes of the backend and no writer. So voice webhooks get TwiML at once, everything
//! else gets 503 with the reason, and nothing is counted. The journal is tried again every few
//! seconds; it is closed in between, so that tools can work on it.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::ServiceConfig;
use live_users_core::Millis;
use live_users_http_kit::{Application, serve};
use live_users_journal::{FaultKind, Memory, Position, ReplicationStatus};
use live_users_replica::{NotRewritten, Publication, Stale, StaleReason};
use live_users_state::State;
use log::{error, info};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::app_data::Parts;
use super::exporting::Exporting;
use super::lasting::Lasting;
use super::opening::{NotOpened, Opened, Places};
use super::routing::Routing;
use crate::config::Config;
use crate::http::routes::LIMIT_ANSWERS;
use crate::parts::clock::Clock;
use crate::parts::doubt::Doubt;
use crate::parts::journal_reader::JournalReader;
use crate::parts::latest::LatestCount;
use crate::parts::not_recorded::NotRecorded;
use crate::parts::passing_on::DRAIN;
use crate::parts::queue::{QUEUE_MAX, Queue, Work};
use crate::parts::replica_status::{ReplicaStatus, StatusReader, StatusWriter};
use crate::parts::shards::Shards;

/// The interval between two tries to open the journal.
const TRY_EVERY: Duration = Duration::from_secs(5);

/// Nothing was ever known of the journal.
const UNKNOWN_FOR: Duration = Duration::from_hours(24);

/// Serves on the listener until the journal can be opened, or `shutdown` resolves: then `None`.
///
/// # Errors
/// If settings turn out to be wrong, or the listener cannot be served.
pub(super) async fn stand_by(
    (config, lasting): (Config, Lasting),
    places: Places,
    listener: TcpListener,
    (kind, why): (FaultKind, String),
    shutdown: impl Future<Output = ()>,
) -> io::Result<Option<Vec<Opened>>> {
    error!("nothing is counted, callers are answered, and the journal is tried again: {why}");
    let (sender, inbox) = mpsc::channel(QUEUE_MAX);
    let (status, status_reader) = StatusReader::new();
    status.send_replace(ReplicaStatus { fault: Some(kind), ..ReplicaStatus::default() });
    let unknown = ReplicationStatus::with_service_unheard_for(UNKNOWN_FOR);
    let clock = Clock::of_service(unknown);
    let queue = Queue::through(sender, clock.clone(), status_reader.clone());
    let refusing = tokio::spawn(refuse(inbox, status_reader.clone()));
    let (_latest_writer, latest) = watch::channel(nothing());
    let reader = Memory::new().and_then(|it| it.open()?.reader()).map_err(io::Error::other)?;
    let doubt = Arc::new(Doubt::new(0, <_>::default()));
    let reading = ((latest, doubt), clock, JournalReader::new(reader));
    let (spread, shards) = ((config.layout, config.here()), Shards::one(queue.clone()));
    let (parts, origins) = Parts::of(config, lasting, (queue, status_reader), (reading, shards))?;
    let (streams, passing_on) = (parts.streams.clone(), parts.figures.passing_on.clone());
    let exporting = Exporting::of(std::slice::from_ref(&parts));
    let exporting_task = exporting.start();
    let (mut opened, mut stopping) = (Ok(None), Instant::now());
    let stop = async {
        tokio::select! {
            () = shutdown => {}
            it = open_when_possible(places, &status, kind) => opened = it.map(Some),
        }
        stopping = Instant::now();
        streams.close();
    };
    let connections = parts.figures.connections.clone();
    let routing = Routing::of(vec![parts; spread.1.iter().count()], spread, origins);
    let configure = move |app: &mut ServiceConfig| routing.add_to(app);
    let application = Application { configure, limits: LIMIT_ANSWERS, ready: None };
    let served = serve(listener, connections, stop, application);
    let served = served.await;
    streams.connections.ended().await;
    refusing.abort();
    exporting_task.iter().for_each(AbortHandle::abort);
    // Where the process goes on, so do they.
    if !matches!(opened, Ok(Some(_))) {
        passing_on.drain(stopping + DRAIN).await;
        exporting.telemetry().stop(&exporting.page().await).await;
    }
    served.and(opened)
}

/// Tries to open the journal until that succeeds.
async fn open_when_possible(
    places: Places,
    status: &StatusWriter,
    mut known: FaultKind,
) -> io::Result<Vec<Opened>> {
    loop {
        tokio::time::sleep(TRY_EVERY).await;
        let places = places.clone();
        let opening = tokio::task::spawn_blocking(move || places.open());
        let (kind, why) = match opening.await.map_err(io::Error::other)? {
            Ok(opened) => {
                info!("the journal is open: from now on calls are counted");
                return Ok(opened);
            }
            Err(NotOpened::Waiting { kind, why }) => (kind, why),
            // A tool works on it, or somebody is about to put the files back.
            Err(NotOpened::Refused(error)) => (FaultKind::Other, error.to_string()),
        };
        status.send_modify(|status| status.fault = Some(kind));
        // The text of the same reason may have the time in it.
        if kind != known {
            error!("the journal still cannot be opened: {why}");
            known = kind;
        }
    }
}

/// Answers all work at once, in place of a writer.
async fn refuse(mut inbox: mpsc::Receiver<Work>, status: StatusReader) {
    while let Some(work) = inbox.recv().await {
        let trouble = NotRecorded::Trouble(status.get().fault.unwrap_or_default());
        // Sending fails if the receiver has given up waiting.
        match work {
            Work::Evidence(_, answer, _) => drop(answer.send(Err(trouble))),
            Work::Evict(_, answer) => drop(answer.send(Err(trouble))),
            Work::Query(query) => query(Err(trouble)),
            Work::Change(_, answer) => drop(answer.send(Err(trouble))),
            Work::PassOn(_, answer) => drop(answer.send(Err(trouble))),
            Work::Rewrite(answer) => drop(answer.send(Err(NotRewritten::Unknown))),
            // Nobody waits for an answer to these.
            Work::CatchUp
            | Work::Provider(..)
            | Work::SourceProvider(..)
            | Work::Lease(_)
            | Work::Snapshot(_)
            | Work::Audited(_)
            | Work::Agents(_)
            | Work::Stop => {}
        }
    }
}

/// No count that could be shown.
fn nothing() -> LatestCount {
    let age_ms = u64::try_from(UNKNOWN_FOR.as_millis()).unwrap_or(u64::MAX);
    let (numbers, at) = (Default::default(), Position { epoch: 0, seq: 0 });
    let stale = Some(Stale { age_ms, reason: StaleReason::Behind });
    let publication = Publication { numbers, at, as_of: Millis(0), stale };
    LatestCount::of(publication, &State::default(), false)
}
