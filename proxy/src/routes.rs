//! Every path of the proxy, in one table.

use std::sync::Arc;

use actix_web::http::header::{self, ContentType};
use actix_web::middleware::DefaultHeaders;
use actix_web::web::{self, Bytes, Data, Json, Redirect, ServiceConfig};
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder};
use live_users_service::AllowedOrigins;
use live_users_wire::Envelope;

use crate::admin::Door;
use crate::assets::ASSETS;
use crate::details::{call, calls, evict, summary};
use crate::error::{Trouble, not_found, only_ordered, only_read};
use crate::health::{healthz, readyz};
use crate::upstream::{Details, Upstream};

const PAGE_PATH: &str = "/admin/existing-agents";

/// Nothing from elsewhere, nothing inline, in no frame.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; \
    form-action 'none'";

/// What is not a page needs nothing at all.
const BARE_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// What the routes answer with.
#[derive(Clone)]
pub(crate) struct Routes {
    /// Where the count comes from.
    pub(crate) upstream: Data<Arc<Upstream>>,
    /// Where everything else comes from.
    pub(crate) details: Data<Details>,
    /// Who may have it.
    pub(crate) door: Data<Door>,
    /// The page, rendered.
    pub(crate) page: Bytes,
    /// Who else may read the count.
    pub(crate) allowed_origins: AllowedOrigins,
}

impl Routes {
    /// Enters all paths.
    pub(crate) fn configure(&self, app: &mut ServiceConfig) {
        let page = self.page.clone();
        let mut paths = web::scope("")
            .service(reading("/api/live-users", live_users).wrap(self.allowed_origins.cors()))
            .service(reading("/api/live-users/summary", summary))
            .service(reading("/api/live-users/calls", calls))
            .service(reading("/api/live-users/calls/{CallSid}", call))
            .service(
                web::resource("/api/live-users/calls/{CallSid}/evict")
                    .route(web::post().to(evict))
                    .default_service(web::to(only_ordered)),
            )
            .service(reading("/healthz", healthz))
            .service(reading("/readyz", readyz))
            .service(reading("/", || async { Redirect::to(PAGE_PATH).temporary() }))
            .service(reading(PAGE_PATH, move || std::future::ready(page_answer(page.clone()))));
        for asset in &ASSETS {
            let tag = asset.tag();
            let answer =
                move |request: HttpRequest| std::future::ready(asset.answer(&request, tag.clone()));
            paths = paths.service(reading(asset.path, answer));
        }
        app.app_data(self.upstream.clone())
            .app_data(self.details.clone())
            .app_data(self.door.clone())
            .service(paths.default_service(web::to(not_found)).wrap(default_headers()));
    }
}

/// A path that answers GET and HEAD. The server itself drops the body for HEAD.
fn reading<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args> + Clone,
    F::Output: Responder + 'static,
    Args: FromRequest + 'static,
{
    web::resource(path)
        .route(web::get().to(handler.clone()))
        .route(web::head().to(handler))
        .default_service(web::to(only_read))
}

/// For every answer that does not say otherwise.
fn default_headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add((header::CACHE_CONTROL, "no-store"))
        .add((header::CONTENT_SECURITY_POLICY, BARE_POLICY))
        .add((header::REFERRER_POLICY, "no-referrer"))
        .add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
}

async fn live_users(upstream: Data<Arc<Upstream>>) -> Result<Json<Envelope>, Trouble> {
    upstream.count().await.map(|count| Json(Envelope::success(count)))
}

fn page_answer(page: Bytes) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .insert_header((header::CONTENT_SECURITY_POLICY, PAGE_POLICY))
        .body(page)
}
