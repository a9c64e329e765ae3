//! Every path of the proxy, in one table.

use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, ContentType, HeaderValue};
use actix_web::middleware::{Condition, DefaultHeaders, Next, from_fn};
use actix_web::web::{self, Data, FormConfig, PayloadConfig, Redirect, ServiceConfig};
use actix_web::{Error, HttpRequest, HttpResponse};
use live_users_broadcast::polled;
use live_users_http_kit::Parameters::{Only, OnlyAnd};
use live_users_http_kit::{
    AllowedOrigins, Connections, Parameters, Paths, TrustedProxies, asks_for, vary_by_accept,
};
use live_users_wire::{Envelope, WITH_DOUBT, parameters};

use crate::admin::Authenticator;
use crate::admin_api::{
    access, activity, alerts, call, calls, evict, setup, stretches, summary, test_alert,
};
use crate::compression::compress;
use crate::error::{not_found, only_form, read_or_post, wrong_method, wrong_parameter};
use crate::health::{healthz, readyz};
use crate::language::{self, Language};
use crate::links::{self, revoke_link, share_link};
use crate::metrics::{self, Metrics};
use crate::streams::{Streams, summary_events, summary_socket, total_events, total_socket};
use crate::total_reader::{TotalReader, TotalRules};
use crate::upstream::{self, AdminApi, Upstream};
use crate::{assets, embed, history, openapi, page, sign_in, view};

/// What is not a page needs nothing at all.
const BARE_POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// Features that no page of ours uses, so that a script that gets into one cannot use them either.
const PERMISSIONS: &str = "camera=(), display-capture=(), geolocation=(), microphone=(), \
    payment=(), publickey-credentials-get=(), usb=()";

/// For a year, a browser that has come by TLS comes only so. Where TLS is not known to be, it is
/// the business of the provider of TLS: on this host there may be others that do not have it.
const TLS_ONLY: &str = "max-age=31536000";

const PATHS: Paths = Paths::new(wrong_method, wrong_parameter);
const NONE: Parameters = Parameters::NONE;

/// The parameter of the total.
const TOTAL: Parameters = Only(&["agent"]);
/// The parameter of what each shard tells for itself, or may.
const SHARD: Parameters = Only(&[upstream::SHARD]);
const fn or_shard(others: &'static [&'static str]) -> Parameters {
    OnlyAnd(others, upstream::SHARD)
}
const ANY: Parameters = Parameters::Any;
const EMBED: Parameters = Only(&["theme", "agent", "interval", "lang"]);
const BADGE: Parameters = Only(&["label", "agent", "lang"]);

/// What the routes answer with.
#[derive(Clone)]
pub(crate) struct Routes {
    /// Where the count comes from.
    pub(crate) upstream: Data<Arc<Upstream>>,
    /// What has happened since the start.
    pub(crate) metrics: Data<Metrics>,
    /// Who is connected.
    pub(crate) connections: Data<Connections>,
    /// What is published at once.
    pub(crate) streams: Data<Streams>,
    /// Where everything else comes from.
    pub(crate) admin_api: Data<AdminApi>,
    /// Who may have it.
    pub(crate) authenticator: Data<Authenticator>,
    /// How a demonstration is filled.
    pub(crate) simulate: Data<page::Simulate>,
    /// Who may read the count, and how often.
    pub(crate) total_rules: Data<TotalRules>,
    /// Who else may read the count.
    pub(crate) allowed_origins: AllowedOrigins,
    /// Which reverse proxies in front say whether they were asked by TLS.
    pub(crate) trusted_proxies: TrustedProxies,
}

impl Routes {
    /// Enters all paths.
    pub(crate) fn configure(&self, app: &mut ServiceConfig) {
        let mut paths = web::scope("")
            .configure(|paths| self.add_api(paths))
            .service(PATHS.read("/healthz", NONE, healthz))
            .service(PATHS.read("/readyz", NONE, readyz))
            .service(PATHS.read("/metrics", NONE, metrics::metrics))
            .service(PATHS.read("/openapi.json", NONE, openapi::openapi))
            .service(PATHS.read("/docs", ANY, openapi::docs))
            .service(PATHS.read("/embed", EMBED, embed::page))
            .service(
                PATHS.read("/badge.svg", BADGE, embed::badge).wrap(self.allowed_origins.cors()),
            )
            .service(PATHS.read("/", ANY, to_page))
            .service(PATHS.read(page::PATH, ANY, show_page))
            .service(
                PATHS
                    .read(sign_in::PATH, ANY, sign_in::show)
                    .app_data(FormConfig::default().limit(sign_in::FORM_BYTES_MAX))
                    .route(web::post().to(sign_in::sign_in))
                    .default_service(web::to(only_form)),
            )
            .service(PATHS.order(sign_in::SIGN_OUT_PATH, ANY, sign_in::sign_out))
            .service(
                PATHS
                    .read(view::PATH, ANY, view::show)
                    .app_data(FormConfig::default().limit(sign_in::FORM_BYTES_MAX))
                    .route(web::post().to(view::open))
                    .default_service(web::to(only_form)),
            )
            .service(PATHS.read(view::PAGE_PATH, ANY, view::show_page));
        for asset in assets::stable() {
            let answer = move |request: HttpRequest| std::future::ready(asset.answer(&request));
            paths = paths.service(PATHS.read(asset.path, ANY, answer));
        }
        paths = paths.service(PATHS.read(assets::HASHED_PATH, ANY, assets::hashed));
        let metrics = self.metrics.clone();
        let trusted_proxies = self.trusted_proxies.clone();
        app.app_data(self.upstream.clone())
            .app_data(metrics.clone())
            .app_data(self.connections.clone())
            .app_data(self.streams.clone())
            .app_data(self.admin_api.clone())
            .app_data(self.authenticator.clone())
            .app_data(self.total_rules.clone())
            .app_data(self.simulate.clone())
            .app_data(Data::new(self.allowed_origins.clone()))
            .service(
                paths
                    .default_service(web::to(not_found))
                    .wrap(from_fn(view::below_a_link))
                    .wrap(from_fn(compress))
                    .wrap(from_fn(move |request, next| {
                        metrics::count(metrics.clone(), request, next)
                    }))
                    .wrap(from_fn(embed::forbid_framing))
                    .wrap(default_headers())
                    .wrap(from_fn(document_headers))
                    .wrap(Condition::new(
                        self.trusted_proxies.is_configured(),
                        from_fn(move |request, next| {
                            require_tls(trusted_proxies.clone(), request, next)
                        }),
                    )),
            );
    }

    /// What programs and the page ask for.
    fn add_api(&self, paths: &mut ServiceConfig) {
        paths
            .service(
                PATHS.read("/api/live-users", TOTAL, live_users).wrap(self.allowed_origins.cors()),
            )
            .service(
                PATHS
                    .stream("/api/live-users/stream", TOTAL, total_events)
                    .wrap(self.allowed_origins.cors()),
            )
            .service(PATHS.stream("/api/live-users/ws", TOTAL, total_socket))
            .service(PATHS.stream(
                "/api/live-users/summary/stream",
                Only(parameters::SUMMARY_STREAM),
                summary_events,
            ))
            .service(PATHS.stream(
                "/api/live-users/summary/ws",
                Only(parameters::SUMMARY_STREAM),
                summary_socket,
            ))
            .service(PATHS.read("/api/live-users/summary", SHARD, summary))
            .service(PATHS.read("/api/live-users/access", NONE, access))
            .service(PATHS.read("/api/live-users/setup", SHARD, setup))
            .service(PATHS.read(
                "/api/live-users/activity",
                or_shard(parameters::ACTIVITY),
                activity,
            ))
            .service(
                PATHS
                    .read("/api/live-users/calls", or_shard(parameters::CALLS), calls)
                    .wrap(from_fn(vary_by_accept)),
            )
            .service(
                PATHS
                    .read("/api/live-users/stretches", or_shard(parameters::STRETCHES), stretches)
                    .wrap(from_fn(vary_by_accept)),
            )
            .service(PATHS.read("/api/live-users/calls/{CallSid}", SHARD, call))
            .service(PATHS.order("/api/live-users/calls/{CallSid}/evict", SHARD, evict))
            .service(PATHS.read("/api/live-users/alerts", SHARD, alerts))
            .service(PATHS.order("/api/live-users/alerts/{id}/test", SHARD, test_alert))
            .service(
                PATHS
                    .read("/api/live-users/links", NONE, links::links)
                    .app_data(PayloadConfig::new(links::BODY_BYTES_MAX))
                    .route(web::post().to(share_link))
                    .default_service(web::to(read_or_post)),
            )
            .service(PATHS.order("/api/live-users/links/{id}/revoke", NONE, revoke_link))
            .service(
                PATHS
                    .read(
                        "/api/live-users/history",
                        or_shard(parameters::HISTORY),
                        history::figures,
                    )
                    .wrap(from_fn(vary_by_accept)),
            )
            .service(PATHS.read(
                "/api/live-users/history.svg",
                or_shard(parameters::PICTURE),
                history::picture,
            ));
    }
}

/// For every answer that does not say otherwise.
fn default_headers() -> DefaultHeaders {
    DefaultHeaders::new()
        .add((header::CACHE_CONTROL, "no-store"))
        .add((header::CONTENT_SECURITY_POLICY, BARE_POLICY))
        .add((header::REFERRER_POLICY, "no-referrer"))
        .add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((header::CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"))
}

/// Adds what browsers obey in documents alone (HTML Standard, 7.1.3.1; Permissions Policy, 4.2). It is a
/// fifth of the head of an answer, and the page asks for nine that are none.
async fn document_headers(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut answer = next.call(request).await?;
    let headers = answer.headers_mut();
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let is_none = ["application/json", "text/javascript", "text/css", "text/event-stream"]
        .iter()
        .any(|it| kind.starts_with(it.as_bytes()));
    if !is_none {
        let policies = [
            (header::CROSS_ORIGIN_OPENER_POLICY, "same-origin"),
            (header::PERMISSIONS_POLICY, PERMISSIONS),
        ];
        for (name, value) in policies {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    Ok(answer)
}

async fn live_users(
    reader: TotalReader,
    request: HttpRequest,
    upstream: Data<Arc<Upstream>>,
    rules: Data<TotalRules>,
) -> Result<HttpResponse, Error> {
    let count = upstream.count(&reader.asked()).await;
    let count = count.map_err(|error| reader.refused(error))?;
    let envelope = Envelope::success(match rules.tells_doubt || asks_for(&request, WITH_DOUBT) {
        true => count,
        false => count.plain(),
    });
    let json = serde_json::to_vec(&envelope).expect("a number is always JSON");
    let mut answer = polled(&request, json);
    // The same path has another answer for who asks for more.
    answer.headers_mut().append(header::VARY, HeaderValue::from_static("Accept"));
    Ok(answer)
}

/// Requires TLS from then on, where a trusted reverse proxy reports it.
async fn require_tls(
    trusted_proxies: TrustedProxies,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let is_tls = trusted_proxies.is_tls(request.head());
    let mut answer = next.call(request).await?;
    if is_tls {
        let value = HeaderValue::from_static(TLS_ONLY);
        answer.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, value);
    }
    Ok(answer)
}

/// What the query says, such as the language, goes along.
async fn to_page(request: HttpRequest) -> Redirect {
    let query = request.query_string();
    let query = if query.is_empty() { String::new() } else { format!("?{query}") };
    Redirect::to(format!("{}{query}", page::PATH)).temporary()
}

async fn show_page(
    request: HttpRequest,
    language: Language,
    authenticator: Data<Authenticator>,
    admin_api: Data<AdminApi>,
    simulate: Data<page::Simulate>,
) -> HttpResponse {
    if !authenticator.is_signed_in(&request) {
        return sign_in::redirect_here(&request);
    }
    let first = page::First::ask(&request, &authenticator, &admin_api).await;
    HttpResponse::Ok()
        .content_type(ContentType::html())
        .insert_header((header::VARY, language::BY_READER))
        .insert_header((header::CONTENT_SECURITY_POLICY, page::POLICY))
        // With no-referrer, a browser would sign out with an Origin that says nothing.
        .insert_header((header::REFERRER_POLICY, "same-origin"))
        .body(page::html(
            language,
            authenticator.is_scoped(&request),
            request.query_string(),
            &language::kept(&request, sign_in::SIGN_OUT_PATH),
            &simulate,
            first.as_ref(),
        ))
}
