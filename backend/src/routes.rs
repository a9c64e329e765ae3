//! Every route of the backend, in one table.

use std::sync::Arc;
use std::time::Instant;

use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use live_users_service::AllowedOrigins;

use crate::app::State;
use crate::error::ApiError;
use crate::{count, health, webhooks};

/// Adds the routes to an application.
pub(crate) fn add(app: &mut ServiceConfig, state: &Arc<State>, origins: &AllowedOrigins) {
    let only =
        |allow: &'static str| web::to(move |request, state| wrong_method(request, state, allow));
    app.app_data(Data::from(state.clone()))
        .service(
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
        .service(
            web::resource("/healthz")
                .route(web::get().to(health::live))
                .route(web::head().to(health::live))
                .default_service(only("GET, HEAD")),
        )
        .service(
            web::resource("/readyz")
                .route(web::get().to(health::ready))
                .route(web::head().to(health::ready))
                .default_service(only("GET, HEAD")),
        )
        .default_service(web::to(not_found));
}

async fn wrong_method(
    request: HttpRequest,
    state: Data<State>,
    allow: &'static str,
) -> Result<HttpResponse, ApiError> {
    let line = match allow {
        "POST" => state.wrong_methods.line_at(Instant::now()),
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
