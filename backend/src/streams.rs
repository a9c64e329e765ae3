//! The total and the summary, told at once to whoever listens.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use live_users_broadcast::{Cell, Frame, Pace, Places, events, websocket};
use live_users_http_kit::AllowedOrigins;
use live_users_wire::{LiveCount, Problem};
use log::debug;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::app::State;
use crate::calls::summary::summarize;
use crate::calls::view::moment;
use crate::cell::Published;
use crate::error::ApiError;
use crate::health::reason;
use crate::queue::NotRecorded;

/// A summary is made again after so long, in milliseconds, though nothing was recorded: calls
/// become suspect and last longer all the same.
const SUMMARY_EVERY_MS: u64 = 5_000;

/// How often it is looked whether the total is still known to be true, in milliseconds.
const LOOK_EVERY_MS: u64 = 1_000;

/// After a summary was made there is a rest of so many times what it took: it looks at every call,
/// and the writer stands still for it.
const REST_TIMES: u32 = 9;

/// What is told, and to how many at most.
pub(crate) struct Streams {
    total: Cell,
    summary: Cell,
    pub(crate) places: Places,
    origins: AllowedOrigins,
}

impl Streams {
    pub(crate) fn new(streams_max: usize, origins: AllowedOrigins) -> Self {
        let places = Places::new(streams_max);
        Self { total: Cell::default(), summary: Cell::default(), places, origins }
    }

    /// Ends all streams.
    pub(crate) fn close(&self) {
        self.total.close();
        self.summary.close();
    }
}

/// `GET /api/live-users/stream`.
pub(crate) async fn total_events(
    state: Data<State>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let streams = &state.streams;
    events(&request, &streams.total, &streams.places).map_err(ApiError::NoStream)
}

/// `GET /api/live-users/ws`.
pub(crate) async fn total_socket(
    state: Data<State>,
    request: HttpRequest,
    heard: Payload,
) -> Result<HttpResponse, ApiError> {
    let streams = &state.streams;
    if !streams.origins.admit(&request) {
        return Err(ApiError::Origin);
    }
    websocket(&request, heard, &streams.total, &streams.places).map_err(ApiError::NoStream)
}

/// `GET /api/live-users/summary/stream`.
pub(crate) async fn summary_events(
    state: Data<State>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    state.gate.admit(&request)?;
    let streams = &state.streams;
    events(&request, &streams.summary, &streams.places).map_err(ApiError::NoStream)
}

/// `GET /api/live-users/summary/ws`. No browser can show a token here, so there is no page to keep
/// out.
pub(crate) async fn summary_socket(
    state: Data<State>,
    request: HttpRequest,
    heard: Payload,
) -> Result<HttpResponse, ApiError> {
    state.gate.admit(&request)?;
    let streams = &state.streams;
    websocket(&request, heard, &streams.summary, &streams.places).map_err(ApiError::NoStream)
}

/// Fills the cells until the tasks are aborted.
pub(crate) fn tell(state: &Arc<State>) -> [JoinHandle<()>; 2] {
    [tokio::spawn(tell_total(state.clone())), tokio::spawn(tell_summary(state.clone()))]
}

/// A record that leaves the number as it is, such as what a caller says, is no news.
async fn tell_total(state: Arc<State>) {
    let (mut published, mut pace, mut told) = (state.cell.clone(), Pace::default(), None);
    published.mark_changed();
    let number = |published: &Published| Some((published.at.epoch, published.live_users));
    loop {
        let look_again = Duration::from_millis(LOOK_EVERY_MS);
        if matches!(timeout(look_again, published.changed()).await, Ok(Err(_))) {
            return;
        }
        // Of a shared journal that does not answer, others may have changed the number since.
        if let Err(why) = state.queue.freshen().await {
            if told.take().is_some() {
                pace.turn().await;
                state.streams.total.publish(no_value(why));
            }
            continue;
        }
        if number(&published.borrow_and_update()) == told {
            continue;
        }
        pace.turn().await;
        let now = published.borrow_and_update().clone();
        told = number(&now);
        let epoch = format!("{:016x}", now.at.epoch);
        let (live_users, seq, as_of) = (now.live_users, now.at.seq, moment(now.as_of));
        let count = LiveCount { live_users, epoch, seq, as_of };
        let json = serde_json::to_vec(&count).expect("texts and numbers are always JSON");
        state.streams.total.publish(Frame::new(&count.epoch, seq, json));
    }
}

async fn tell_summary(state: Arc<State>) {
    let (mut recorded, mut pace) = (state.cell.clone(), Pace::default());
    let cell = &state.streams.summary;
    loop {
        cell.wanted().await;
        pace.turn().await;
        recorded.mark_unchanged();
        let start = Instant::now();
        cell.publish(summary_frame(&state).await);
        sleep(start.elapsed() * REST_TIMES).await;
        let next = async {
            let _changed_or_over =
                timeout(Duration::from_millis(SUMMARY_EVERY_MS), recorded.changed()).await;
        };
        tokio::select! {
            () = next => {}
            // Who comes later is not to be told what was true when the last one left.
            () = cell.unwanted() => cell.clear(),
        }
    }
}

async fn summary_frame(state: &State) -> Frame {
    match summarize(state).await {
        Ok(summary) => {
            let json = serde_json::to_vec(&summary).expect("texts and numbers are always JSON");
            Frame::new(&summary.epoch, summary.seq, json)
        }
        Err(why) => {
            debug!("no summary for those who listen: {why:?}");
            no_value(why)
        }
    }
}

fn no_value(why: NotRecorded) -> Frame {
    let problem = Problem { error: reason(why).into_owned(), field: None, expected: None };
    Frame::unnamed(serde_json::to_vec(&problem).expect("a text is always JSON"))
}
