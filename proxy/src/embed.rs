//! The number on pages that run no script of ours: a page for an `<iframe>`, and a picture.
//!
//! Both show what everybody may read, whoever asks: what is on a page of others is the same for all who
//! see it.

use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CONTENT_SECURITY_POLICY, CROSS_ORIGIN_RESOURCE_POLICY, ContentType, HeaderValue, RETRY_AFTER,
    VARY, X_FRAME_OPTIONS,
};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpRequest, HttpResponse, ResponseError};
use askama::Template;
use jiff::Timestamp;
use live_users_broadcast::polled_as;
use live_users_http_kit::{
    AllowedOrigins, ParameterError, Query, SVG, guard_picture, whole_seconds,
};
use live_users_wire::Count;

use crate::admin::{AuthError, Authenticator};
use crate::badge;
use crate::error::{UpstreamError, wrong_parameter};
use crate::language::{self, Language};
use crate::total_reader::{TotalRules, agent_in, of_everybody};
use crate::upstream::Upstream;

/// The colours of the page, of which the first is taken if none is asked for.
const THEMES: [&str; 3] = ["auto", "light", "dark"];

/// As of the element's attribute `interval`.
const INTERVAL_S_MAX: u32 = 3600;

/// Put into an answer whose policy says who may have it in a frame.
struct MayBeFramed;

/// The page: the badge and nothing else, or why there is none.
#[derive(Template)]
#[template(path = "embed.html")]
struct Page {
    language: Language,
    theme: &'static str,
    agent: Option<String>,
    interval_s: u32,
    shown: Shown,
}

/// What is on the page.
enum Shown {
    /// The number in words at this time, or that it is not known.
    Words(String, Timestamp),
    /// There is no number to read here.
    Refused(&'static str),
}

/// `GET /embed`. Pages of the allowed origins may have it in a frame.
pub(crate) async fn page(
    request: HttpRequest,
    origins: Data<AllowedOrigins>,
    rules: Data<TotalRules>,
    authenticator: Data<Authenticator>,
    upstream: Data<Arc<Upstream>>,
) -> Result<HttpResponse, Error> {
    let mut page = match Page::asked(&request) {
        Ok(page) => page,
        Err(mistake) => return Ok(wrong_parameter(mistake)),
    };
    let mut answer = HttpResponse::Ok();
    let language = page.language;
    match rules.admit_everybody(authenticator.address(&request)) {
        Ok(()) => {
            let counted = upstream.count(&of_everybody(page.agent.clone())).await;
            if matches!(counted, Err(UpstreamError::NoSuchAgent)) {
                answer.status(StatusCode::NOT_FOUND);
                page.shown = Shown::Refused(language.t("embed.noAgent"));
            } else if let Ok(count) = counted {
                page.shown = Shown::Words(in_words(&count, language), Timestamp::now());
            }
        }
        Err(refusal) => {
            answer.status(refusal.status_code());
            let why = match refusal {
                AuthError::TooOften(wait) => {
                    answer.insert_header((RETRY_AFTER, whole_seconds(wait)));
                    "embed.tooOften"
                }
                _ => "embed.notPublic",
            };
            page.shown = Shown::Refused(language.t(why));
        }
    }
    let html = page.render().map_err(std::io::Error::other)?;
    let mut answer = answer
        .content_type(ContentType::html())
        .insert_header((VARY, language::BY_BROWSER))
        .insert_header((CONTENT_SECURITY_POLICY, policy(&origins)))
        // A page that isolates itself loads only what allows it.
        .insert_header((CROSS_ORIGIN_RESOURCE_POLICY, "cross-origin"))
        .body(html);
    answer.extensions_mut().insert(MayBeFramed);
    Ok(answer)
}

impl Page {
    fn asked(request: &HttpRequest) -> Result<Self, ParameterError> {
        let query = Query::new(request.query_string());
        // In a frame on a page of others, no choice that was made here counts.
        let language = Language::asked(query)?.unwrap_or_else(|| Language::preferred(request));
        let theme = query.parsed("theme", "auto, light or dark", |text| {
            THEMES.into_iter().find(|theme| *theme == text)
        })?;
        let shown = Shown::Words(language.t("element.unavailable").to_owned(), Timestamp::now());
        Ok(Self {
            language,
            theme: theme.unwrap_or(THEMES[0]),
            agent: agent_in(query)?,
            interval_s: query.number("interval", 0, 1..=INTERVAL_S_MAX)?,
            shown,
        })
    }
}

/// Nothing from elsewhere, nothing inline, no HTML out of a text, no form; and in frames of these origins alone.
fn policy(origins: &AllowedOrigins) -> String {
    let framing = origins.frame_ancestors();
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
         frame-ancestors {framing}; base-uri 'none'; form-action 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'"
    )
}

/// Forbids frames by the header that older browsers go by. It knows no list of origins, so it cannot stand
/// beside a policy that has one.
///
/// # Errors
/// Those of the handlers.
pub(crate) async fn forbid_framing(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut answer = next.call(request).await?;
    if !answer.response().extensions().contains::<MayBeFramed>() {
        answer.headers_mut().insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    }
    Ok(answer)
}

/// `GET /badge.svg`. When the number is not known the picture says so: who looks at the page would see a
/// broken picture otherwise.
pub(crate) async fn badge(
    request: HttpRequest,
    rules: Data<TotalRules>,
    authenticator: Data<Authenticator>,
    upstream: Data<Arc<Upstream>>,
) -> Result<HttpResponse, Error> {
    let query = Query::new(request.query_string());
    let (bytes_max, expected) = (badge::LABEL_BYTES_MAX, badge::LABEL_EXPECTED);
    let label = query.parsed_within(bytes_max, "label", expected, badge::label);
    let (label, agent, language) = match (label, agent_in(query), Language::asked(query)) {
        // What fetches a picture for many readers does not say who they are.
        (Ok(label), Ok(agent), Ok(language)) => {
            (label.unwrap_or_default(), agent, language.unwrap_or_default())
        }
        (Err(mistake), ..) | (_, Err(mistake), _) | (.., Err(mistake)) => {
            return Ok(wrong_parameter(mistake));
        }
    };
    rules.admit_everybody(authenticator.address(&request))?;
    let counted = upstream.count(&of_everybody(agent)).await;
    let count = counted.as_ref().ok();
    let unknown = || language.t("badge.unknown").to_owned();
    let message = count.map_or_else(unknown, |count| in_words(count, language));
    let svg = badge::draw(&label, &message, badge::Ground::of(count.map(is_unsure)));
    let mut answer = match counted {
        // A browser shows it all the same, and a program sees that the address is wrong.
        Err(UpstreamError::NoSuchAgent) => HttpResponse::NotFound().content_type(SVG).body(svg),
        Ok(_) | Err(_) => polled_as(&request, SVG, svg),
    };
    guard_picture(&mut answer);
    let everywhere = HeaderValue::from_static("cross-origin");
    answer.headers_mut().insert(CROSS_ORIGIN_RESOURCE_POLICY, everywhere);
    Ok(answer)
}

fn in_words(count: &Count, language: Language) -> String {
    language.users_live(count.live_users, is_unsure(count))
}

fn is_unsure(count: &Count) -> bool {
    count.suspect.is_some_and(|suspect| suspect > 0)
}
