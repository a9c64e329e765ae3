//! The page on which an admin signs in, and the two forms that begin and end a session.

use std::borrow::Cow;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, ContentType};
use actix_web::web::{Data, Form, Query};
use actix_web::{Error, HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError};
use askama::Template;
use live_users_http_kit::{Denied, whole_seconds};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::admin::{
    AuthError, Authenticator, RequestSource, SessionOver, is_in_the_clear, request_source,
};
use crate::language::{self, Language, Value};
use crate::page;

/// Where it is.
pub(crate) const PATH: &str = "/admin/sign-in";

/// What ends the session.
pub(crate) const SIGN_OUT_PATH: &str = "/admin/sign-out";

/// The longest form that is read, in bytes.
pub(crate) const FORM_BYTES_MAX: usize = 8 * 1024;

/// The longest path that a sign-in leads to, in bytes.
const NEXT_BYTES_MAX: usize = 2 * 1024;

/// What of a path stands in a query as it is.
const AS_IT_IS: AsciiSet = NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.');

/// Nothing from elsewhere, nothing inline, no frame; and its form goes nowhere else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; \
    frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// The value of `ended` when only this proxy knows that the session is over.
const HERE: &str = "here";
/// The value of `ended` when a page of ours was open and has lost its session.
const LOST: &str = "lost";

#[derive(Template)]
#[template(path = "sign-in.html")]
struct Page<'a> {
    language: Language,
    next: &'a str,
    /// Where the form goes.
    action: String,
    /// Why a session is over.
    notice: Option<&'static str>,
    error: Option<Cow<'static, str>>,
    has_token: bool,
    /// Whether the page only leads to what is next, unless its link has a token.
    leads_on: bool,
}

/// Behind the `?`.
#[derive(Deserialize)]
pub(crate) struct Next {
    #[serde(default)]
    next: String,
    /// What is known of a session that has ended: [`HERE`], [`LOST`], or blank.
    #[serde(default)]
    ended: String,
}

/// What is sent to sign in.
#[derive(Deserialize)]
pub(crate) struct SignIn {
    #[serde(default)]
    token: String,
    #[serde(default)]
    next: String,
}

/// Leads to the page, and from there back, in the language that was asked for.
pub(crate) fn redirect_here(request: &HttpRequest) -> HttpResponse {
    let next = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let next = language::without(next);
    let path = format!("{PATH}?next={}", utf8_percent_encode(&next, &AS_IT_IS));
    see(&language::kept(request, &path)).finish()
}

/// The page, or for who is signed in already what comes next.
pub(crate) async fn show(
    request: HttpRequest,
    language: Language,
    authenticator: Data<Authenticator>,
    query: Option<Query<Next>>,
) -> Result<HttpResponse, Error> {
    let (next, ended) = query.map_or_else(Default::default, |query| {
        let Next { next, ended } = query.into_inner();
        (next, ended)
    });
    let next = local(&next);
    if authenticator.is_signed_in(&request) {
        // A browser takes what is behind the # along, and there may be a token. What comes next
        // has its own, if only an empty one.
        let next = language::kept(&request, next);
        let end = if next.contains('#') { "" } else { "#" };
        return Ok(see(&format!("{next}{end}")).finish());
    }
    match request_source(request.headers()) {
        // A browser leaves a SameSite=Strict cookie out when a link of another site leads here.
        // This answer, which is ours, leads on, and then the cookie comes along if there is one.
        RequestSource::CrossSite => {
            let next = language::kept(&request, next);
            let page =
                Page { leads_on: true, ..Page::of(language, &authenticator, &request, &next) };
            answer_with(HttpResponse::Ok(), &page)
        }
        RequestSource::SameOrigin | RequestSource::UserInitiated | RequestSource::Unknown => {
            let error = (ended == HERE).then(|| language.t("signIn.endedHere").into());
            let notice = authenticator.why_over(&request).map(|why| why_over(why, language));
            let notice = notice.or_else(|| (ended == LOST).then(|| language.t("signIn.lost")));
            let page = Page { notice, error, ..Page::of(language, &authenticator, &request, next) };
            answer_with(HttpResponse::Ok(), &page)
        }
    }
}

/// Begins a session.
pub(crate) async fn sign_in(
    request: HttpRequest,
    language: Language,
    authenticator: Data<Authenticator>,
    form: Result<Form<SignIn>, Error>,
) -> Result<HttpResponse, Error> {
    let refuse = |status, next: &str, text: Cow<'static, str>| {
        let page = Page { error: Some(text), ..Page::of(language, &authenticator, &request, next) };
        answer_with(HttpResponse::build(status), &page)
    };
    let say = |status, next: &str, key: &str| refuse(status, next, language.t(key).into());
    let Ok(Form(form)) = form else {
        return say(StatusCode::BAD_REQUEST, page::PATH, "signIn.notThisForm");
    };
    let (next, token) = (local(&form.next), form.token.trim_ascii());
    if is_in_the_clear(request.headers()) {
        return say(StatusCode::FORBIDDEN, next, "signIn.inTheClear");
    }
    match request_source(request.headers()) {
        RequestSource::SameOrigin => {}
        RequestSource::UserInitiated | RequestSource::CrossSite | RequestSource::Unknown => {
            return say(StatusCode::FORBIDDEN, next, "signIn.crossSite");
        }
    }
    if token.is_empty() {
        return say(StatusCode::BAD_REQUEST, next, "signIn.enter");
    }
    // A browser that signs in anew has one session afterwards, and not two.
    let refusal = match authenticator.sign_in(&request, token.as_bytes()).await {
        Ok(cookie) => {
            authenticator.sign_out(&request);
            let cookie = cookie?.to_string();
            let next = language::kept(&request, next);
            return Ok(see(&next).insert_header((header::SET_COOKIE, cookie)).finish());
        }
        Err(refusal) => refusal,
    };
    match refusal {
        AuthError::TooMany(wait) => {
            let wait_s = whole_seconds(wait);
            let text = language.with("signIn.tooMany", &[("n", Value::Number(wait_s))]);
            let mut answer = refuse(StatusCode::TOO_MANY_REQUESTS, next, text.into())?;
            answer.headers_mut().insert(header::RETRY_AFTER, wait_s.into());
            Ok(answer)
        }
        AuthError::Denied(Denied::Wrong) => say(StatusCode::FORBIDDEN, next, "signIn.wrong"),
        AuthError::Lookup(error) => {
            let error = language.of_server(&error.to_string());
            let text = language.with("signIn.lookup", &[("error", Value::Text(&error))]);
            refuse(refusal.status_code(), next, text.into())
        }
        // The page says it at length.
        AuthError::NoAdminToken => {
            let page = Page::of(language, &authenticator, &request, next);
            answer_with(HttpResponse::Forbidden(), &page)
        }
        AuthError::Role(_) => say(StatusCode::FORBIDDEN, next, "signIn.ofLink"),
        other @ (AuthError::Denied(Denied::Missing)
        | AuthError::NotOurPage
        | AuthError::NotYetKnown(_)
        | AuthError::NotPublic
        | AuthError::LinkEnded
        | AuthError::TotalNeedsToken
        | AuthError::TooOften(_)) => Err(other.into()),
    }
}

/// Ends the session.
pub(crate) async fn sign_out(
    request: HttpRequest,
    language: Language,
    authenticator: Data<Authenticator>,
) -> HttpResponse {
    match request_source(request.headers()) {
        RequestSource::SameOrigin => {
            let cookie = authenticator.sign_out(&request).to_string();
            let everywhere = authenticator.is_signed_out_everywhere(&request).await;
            let path = if everywhere { PATH.to_owned() } else { format!("{PATH}?ended={HERE}") };
            see(&language::kept(&request, &path))
                .insert_header((header::SET_COOKIE, cookie))
                .finish()
        }
        RequestSource::UserInitiated | RequestSource::CrossSite | RequestSource::Unknown => {
            HttpResponse::Forbidden()
                .content_type(ContentType::plaintext())
                .body(language.t("signIn.cannotSignOut"))
        }
    }
}

/// The path, if it leads nowhere else, or else the page. To a browser, `//host` and `/\host` are
/// another host, and white space in between is nothing (WHATWG URL).
fn local(next: &str) -> &str {
    let is_plain = next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let is_local = next.starts_with('/') && !next.starts_with("//");
    if is_plain && is_local && next.len() <= NEXT_BYTES_MAX { next } else { page::PATH }
}

/// Leads on to a path.
pub(crate) fn see(path: &str) -> HttpResponseBuilder {
    let mut answer = HttpResponse::SeeOther();
    answer.insert_header((header::LOCATION, path));
    answer
}

/// Why the session of this browser's cookie is over.
fn why_over(why: SessionOver, language: Language) -> &'static str {
    language.t(match why {
        SessionOver::SignedOutHere => "signIn.signedOut",
        SessionOver::AccessEnded => "signIn.accessEnded",
        SessionOver::SignedOutElsewhere => "signIn.signedOutElsewhere",
        SessionOver::Expired => "signIn.expired",
        SessionOver::OtherToken => "signIn.otherToken",
        SessionOver::Unreadable => "signIn.unreadable",
    })
}

impl<'a> Page<'a> {
    fn of(
        language: Language,
        authenticator: &Authenticator,
        request: &HttpRequest,
        next: &'a str,
    ) -> Self {
        let has_token = authenticator.is_configured();
        let action = language::kept(request, PATH);
        Self { language, next, action, notice: None, error: None, has_token, leads_on: false }
    }
}

/// A page with a form, which goes to this server and nowhere else.
///
/// # Errors
/// If the page cannot be rendered.
pub(crate) fn answer_with(
    mut answer: HttpResponseBuilder,
    page: &impl Template,
) -> Result<HttpResponse, Error> {
    let html = page.render().map_err(std::io::Error::other)?;
    Ok(answer
        .content_type(ContentType::html())
        .insert_header((header::VARY, language::BY_READER))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        // With no-referrer, a browser would send the form with an Origin that says nothing.
        .insert_header((header::REFERRER_POLICY, "same-origin"))
        .body(html))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn what_comes_next_is_a_path_of_ours() {
        for good in ["/", "/admin/existing-agents?agent=a&b=%20", "/a//b", "/%2F%2Felsewhere"] {
            assert_eq!(local(good), good);
        }
        let long = format!("/{}", "a".repeat(NEXT_BYTES_MAX));
        for bad in [
            "",
            "//elsewhere.example",
            "///elsewhere.example",
            "/\\elsewhere.example",
            "\\\\elsewhere.example",
            "/\t/elsewhere.example",
            "/\n/elsewhere.example",
            " //elsewhere.example",
            "https://elsewhere.example",
            "javascript:alert(1)",
            "elsewhere",
            "/a\r\nSet-Cookie: a=b",
            "/caf\u{e9}",
            &long,
        ] {
            assert_eq!(local(bad), page::PATH, "{bad:?}");
        }
    }

    #[test]
    fn a_path_is_led_back_to_whole() {
        let asked = TestRequest::with_uri("/admin/existing-agents?a=1&next=//b#c");
        let answer = redirect_here(&asked.to_http_request());
        let location = answer.headers().get(header::LOCATION).unwrap();
        let expected = "/admin/sign-in?next=/admin/existing-agents%3Fa%3D1%26next%3D//b";
        assert_eq!(location, expected);
        let asked = TestRequest::with_uri("/admin/existing-agents?wallboard&lang=fr-CA");
        let answer = redirect_here(&asked.to_http_request());
        let expected = "/admin/sign-in?next=/admin/existing-agents%3Fwallboard&lang=fr";
        assert_eq!(answer.headers().get(header::LOCATION).unwrap(), expected);
    }
}
