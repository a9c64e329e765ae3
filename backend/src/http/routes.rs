//! Every route of the backend, in one table.

use std::time::Instant;

use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder};
use live_users_http_kit::{AllowedOrigins, Sparing};

use super::error::ApiError;
use super::{calls, count, health, history, metrics, openapi, streams, webhooks};

/// The lines about webhooks with a wrong method.
#[derive(Default)]
pub(crate) struct WrongMethods(Sparing);

/// Adds the routes to an application, which has the parts that the handlers take.
pub(crate) fn add(app: &mut ServiceConfig, origins: &AllowedOrigins) {
    let only =
        |allow: &'static str| web::to(move |request, lines| wrong_method(request, lines, allow));
    app.service(
        web::resource("/voice")
            .route(web::post().to(webhooks::voice))
            .default_service(only("POST")),
    )
    .service(
        web::resource("/speech-result")
            .route(web::post().to(webhooks::speech))
            .default_service(only("POST")),
    )
    .service(
        web::resource("/call-status")
            .route(web::post().to(webhooks::status))
            .default_service(only("POST")),
    )
    .service(
        web::resource("/api/live-users")
            .wrap(origins.cors())
            .route(web::get().to(count::total))
            .route(web::head().to(count::total))
            .default_service(only("GET, HEAD")),
    )
    .service(open("/api/live-users/stream", streams::total_events).wrap(origins.cors()))
    .service(open("/api/live-users/ws", streams::total_socket))
    .service(open("/api/live-users/summary/stream", streams::summary_events))
    .service(open("/api/live-users/summary/ws", streams::summary_socket))
    .service(reading("/api/live-users/summary", calls::summary::summary))
    .service(reading("/api/live-users/activity", calls::activity::activity))
    .service(reading("/api/live-users/calls", calls::list))
    .service(reading("/api/live-users/calls/{call_sid}", calls::explain))
    .service(
        web::resource("/api/live-users/calls/{call_sid}/evict")
            .route(web::post().to(calls::evict))
            .default_service(web::to(|| async { no_method("POST") })),
    )
    .service(reading("/api/live-users/history", history::read))
    .service(reading("/api/live-users/history.svg", history::draw))
    .service(reading("/healthz", health::live))
    .service(reading("/readyz", health::ready))
    .service(reading("/metrics", metrics::metrics))
    .service(reading("/openapi.json", openapi::openapi))
    .default_service(web::to(not_found));
}

/// A path that answers GET and HEAD.
fn reading<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args> + Clone,
    F::Output: Responder + 'static,
    Args: FromRequest + 'static,
{
    web::resource(path)
        .route(web::get().to(handler.clone()))
        .route(web::head().to(handler))
        .default_service(web::to(|| async { no_method("GET, HEAD") }))
}

/// A path that answers GET alone: a stream has a body, so it has no HEAD.
fn open<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    F::Output: Responder + 'static,
    Args: FromRequest + 'static,
{
    let other = web::to(|| async { no_method("GET") });
    web::resource(path).route(web::get().to(handler)).default_service(other)
}

fn no_method(allow: &'static str) -> Result<HttpResponse, ApiError> {
    Err(ApiError::WrongMethod { allow })
}

async fn wrong_method(
    request: HttpRequest,
    lines: Data<WrongMethods>,
    allow: &'static str,
) -> Result<HttpResponse, ApiError> {
    let line = match allow {
        "POST" => lines.0.line_at(Instant::now()),
        _ => None,
    };
    if let Some(held_back) = line {
        log::warn!(
            "{} {}: set the webhook's method to HTTP POST in Twilio ({held_back} such lines before \
             this one were held back)",
            request.method(),
            request.path()
        );
    }
    Err(ApiError::WrongMethod { allow })
}

async fn not_found() -> Result<HttpResponse, ApiError> {
    Err(ApiError::NotFound)
}
