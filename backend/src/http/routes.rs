//! Every route of the backend, in one table.

use std::time::Instant;

use actix_web::dev::HttpServiceFactory;
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Responder, ResponseError};
use live_users_http_kit::Parameters::Only;
use live_users_http_kit::{
    AllowedOrigins, LimitAnswers, LogThrottle, Methods, ParameterError, Parameters, Paths,
    vary_by_accept,
};
use live_users_wire::parameters;

use super::error::ApiError;
use super::traced::traced;
use super::{
    access, agents, alerts, calls, count, health, history, journal, links, metrics, openapi,
    sessions, setup, shards, sources, spread, streams, webhooks,
};
use crate::parts::counters::Hook;
use crate::parts::elsewhere::{ASK_PATH, RECORD_PATH};

const PATHS: Paths = Paths::new(wrong_method, wrong_parameter);
const NONE: Parameters = Parameters::NONE;

pub(crate) const TOTAL_PATH: &str = "/api/live-users";

/// The parameters of the total.
const TOTAL: Parameters = Only(&["agent", "public"]);

/// The answers to requests that take more than one client may.
pub(crate) const LIMIT_ANSWERS: LimitAnswers = LimitAnswers {
    answer: |_, error| ApiError::Limit(error).error_response(),
    is_exempt: |path| {
        Hook::ALL.iter().any(|hook| path.trim_matches('/') == hook.path().trim_matches('/'))
    },
};

/// The lines about webhooks with a wrong method.
#[derive(Default)]
pub(crate) struct WrongMethods(LogThrottle);

/// Adds the routes to an application.
///
/// A path is compared with one route after the other. So what is asked most stands first, and the
/// patterns last: to compare a path with one of these takes as long as with a hundred plain paths.
pub(crate) fn add(app: &mut ServiceConfig, origins: &AllowedOrigins) {
    add_state(app, origins, [add_webhooks, add_webhook_patterns]);
}

/// Adds what one of several shards tells, to its part of an application: all but webhooks.
pub(crate) fn add_of_shard(app: &mut ServiceConfig, origins: &AllowedOrigins) {
    add_state(app, origins, [|_| {}, |_| {}]);
}

/// Adds what is told of one state, and the webhooks: their plain paths, and their patterns.
fn add_state(
    app: &mut ServiceConfig,
    origins: &AllowedOrigins,
    [webhooks, webhook_patterns]: [fn(&mut ServiceConfig); 2],
) {
    app.service(PATHS.read(TOTAL_PATH, TOTAL, count::total).wrap(origins.cors()))
        .configure(webhooks)
        .configure(|app| add_reads(app, origins))
        .configure(add_common)
        .service(PATHS.read("/readyz", NONE, health::ready))
        .service(PATHS.read("/metrics", NONE, metrics::metrics))
        .configure(add_patterns)
        .configure(add_common_patterns)
        .configure(webhook_patterns)
        .default_service(web::to(not_found));
}

/// Adds what an application with several shards has beside them: webhooks, and what the shards tell
/// together.
pub(crate) fn add_of_all(app: &mut ServiceConfig, origins: &AllowedOrigins) {
    app.service(PATHS.read(TOTAL_PATH, TOTAL, shards::total).wrap(origins.cors()))
        .configure(add_webhooks)
        .service(PATHS.read("/api/live-users/summary", NONE, shards::summary))
        .configure(add_common)
        .service(PATHS.read("/readyz", NONE, shards::ready))
        .service(PATHS.read("/metrics", NONE, shards::figures))
        .configure(add_common_patterns)
        .configure(add_webhook_patterns)
        .default_service(web::to(shards::elsewhere));
}

/// Adds what backends ask each other that have different shards.
pub(crate) fn add_of_backends(app: &mut ServiceConfig) {
    app.service(PATHS.order(ASK_PATH, NONE, spread::find)).service(PATHS.order(
        RECORD_PATH,
        NONE,
        spread::record,
    ));
}

/// The paths that carriers, platforms and Twilio send to.
fn add_webhooks(app: &mut ServiceConfig) {
    app.service(webhook("/voice", webhooks::voice, str::to_owned))
        .service(webhook("/speech-result", webhooks::speech, str::to_owned))
        .service(webhook("/call-status", webhooks::status, str::to_owned))
        .service(own_events(str::to_owned));
}

/// The same with something in them that is not always the same.
fn add_webhook_patterns(app: &mut ServiceConfig) {
    app.service(source("/sources/{id}", sources::receive))
        .service(webhook("/voice", webhooks::voice, with_slashes))
        .service(webhook("/speech-result", webhooks::speech, with_slashes))
        .service(webhook("/call-status", webhooks::status, with_slashes))
        .service(own_events(with_slashes));
}

/// What is read of a state.
fn add_reads(app: &mut ServiceConfig, origins: &AllowedOrigins) {
    app.service(
        PATHS.stream("/api/live-users/stream", TOTAL, streams::total_events).wrap(origins.cors()),
    )
    .service(PATHS.stream("/api/live-users/ws", TOTAL, streams::total_socket))
    .service(PATHS.stream(
        "/api/live-users/summary/stream",
        Only(parameters::SUMMARY_STREAM),
        streams::summary_events,
    ))
    .service(PATHS.stream(
        "/api/live-users/summary/ws",
        Only(parameters::SUMMARY_STREAM),
        streams::summary_socket,
    ))
    .service(PATHS.read("/api/live-users/summary", NONE, calls::summary::summary))
    .configure(add_details);
}

/// What is the same of all states: who may read, and the process itself.
fn add_common(app: &mut ServiceConfig) {
    app.service(
        PATHS
            .read("/api/live-users/access", NONE, access::access)
            .route(web::post().to(access::introspect))
            .default_service(web::to(read_or_post)),
    )
    .service(
        PATHS
            .read("/api/live-users/links", NONE, links::list)
            .route(web::post().to(links::share))
            .default_service(web::to(read_or_post)),
    )
    .service(PATHS.order("/api/live-users/agents/reload", NONE, agents::reload))
    .service(PATHS.read("/api/sessions/ended", NONE, sessions::list))
    .service(PATHS.read("/healthz", NONE, health::live))
    .service(PATHS.read("/openapi.json", NONE, openapi::openapi))
    .service(PATHS.read("/docs", Parameters::Any, openapi::docs));
}

/// The same with something in them that is not always the same.
fn add_common_patterns(app: &mut ServiceConfig) {
    app.service(PATHS.order("/api/live-users/links/{id}/revoke", NONE, links::revoke))
        .service(PATHS.order("/api/sessions/{id}/end", Only(&["until_ms"]), sessions::end));
}

/// Paths about one call or one alert of a state.
fn add_patterns(app: &mut ServiceConfig) {
    app.service(PATHS.read("/api/live-users/calls/{call_sid}", NONE, calls::explain))
        .service(PATHS.order("/api/live-users/calls/{call_sid}/evict", NONE, calls::evict))
        .service(PATHS.order("/api/live-users/alerts/{id}/test", NONE, alerts::test));
}

/// What is behind the number, for who shows a token.
fn add_details(app: &mut ServiceConfig) {
    app.service(PATHS.read("/api/live-users/setup", NONE, setup::setup))
        .service(PATHS.read(
            "/api/live-users/activity",
            Only(parameters::ACTIVITY),
            calls::activity::activity,
        ))
        .service(
            PATHS
                .read("/api/live-users/calls", Only(parameters::CALLS), calls::list)
                .wrap(from_fn(vary_by_accept)),
        )
        .service(
            PATHS
                .read(
                    "/api/live-users/stretches",
                    Only(parameters::STRETCHES),
                    calls::export::stretches::stretches,
                )
                .wrap(from_fn(vary_by_accept)),
        )
        .service(PATHS.order("/api/live-users/journal/rewrite", NONE, journal::rewrite))
        .service(PATHS.read("/api/live-users/alerts", NONE, alerts::list))
        .service(
            PATHS
                .read("/api/live-users/history", Only(parameters::HISTORY), history::read)
                .wrap(from_fn(vary_by_accept)),
        )
        .service(PATHS.read(
            "/api/live-users/history.svg",
            Only(parameters::PICTURE),
            history::draw,
        ));
}

/// A path that somebody sends to. Slashes too many before and behind it are a slip in the settings of
/// whoever sends, and no reason to lose a caller.
fn with_slashes(path: &str) -> String {
    // The first slash is added by itself.
    format!("{{before:/*}}{}{{behind:/*}}", path.trim_start_matches('/'))
}

/// A path that Twilio sends to, by POST or GET as it is configured there. `written` makes the
/// pattern of it: the path itself, or one with slashes too many.
fn webhook<F, Args>(
    path: &'static str,
    handler: F,
    written: fn(&str) -> String,
) -> impl HttpServiceFactory + 'static
where
    F: Handler<Args> + Clone,
    F::Output: Responder + 'static,
    Args: FromRequest + 'static,
{
    let resource = web::resource(written(path))
        .route(web::post().to(handler.clone()))
        .route(web::get().to(handler))
        .default_service(web::to(not_a_webhook));
    traced(resource, path)
}

/// The path of events in our own words. `written` makes the pattern of it, as for [`webhook`].
fn own_events(written: fn(&str) -> String) -> impl HttpServiceFactory + 'static {
    let path = "/api/events";
    traced(PATHS.order(&written(path), Parameters::Any, sources::events), path)
}

/// A path that carriers and platforms send to: by GET, too, since some may be configured so.
fn source<F, Args>(path: &'static str, handler: F) -> impl HttpServiceFactory + 'static
where
    F: Handler<Args> + Clone,
    F::Output: Responder + 'static,
    Args: FromRequest + 'static,
{
    let resource = web::resource(with_slashes(path))
        .route(web::post().to(handler.clone()))
        .route(web::get().to(handler))
        .route(web::head().to(sources::look))
        .default_service(web::to(not_of_a_source));
    traced(resource, path)
}

/// A webhook by another method is a mistake in the settings of whoever sends it.
async fn not_a_webhook(request: HttpRequest, lines: Data<WrongMethods>) -> HttpResponse {
    refuse_method(&request, &lines, "in Twilio")
}

/// The same of a source.
async fn not_of_a_source(request: HttpRequest, lines: Data<WrongMethods>) -> HttpResponse {
    refuse_method(&request, &lines, "where the source sends from")
}

fn refuse_method(request: &HttpRequest, lines: &WrongMethods, whose: &str) -> HttpResponse {
    if let Some(held_back) = lines.0.line_at(Instant::now()) {
        log::warn!(
            "{} {}: set the webhook's method to HTTP POST {whose} ({held_back} such lines before \
             this one were held back)",
            request.method(),
            request.path()
        );
    }
    ApiError::WrongMethod { allow: "GET, POST" }.error_response()
}

async fn read_or_post() -> HttpResponse {
    ApiError::WrongMethod { allow: "GET, HEAD, POST" }.error_response()
}

fn wrong_method(_: &HttpRequest, methods: Methods) -> HttpResponse {
    ApiError::WrongMethod { allow: methods.allow() }.error_response()
}

fn wrong_parameter(mistake: ParameterError) -> HttpResponse {
    ApiError::BadParameter(mistake).error_response()
}

async fn not_found() -> Result<HttpResponse, ApiError> {
    Err(ApiError::NotFound)
}
