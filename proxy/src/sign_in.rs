//! The page on which an admin signs in, and the two forms that begin and end a session.

use actix_web::http::header::{self, ContentType};
use actix_web::http::{StatusCode, Uri};
use actix_web::web::{Data, Form, Query};
use actix_web::{Error, HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError};
use askama::Template;
use live_users_http_kit::{Denied, whole_seconds};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::admin::{
    AuthError, Authenticator, RequestSource, SessionOver, is_in_the_clear, request_source,
};
use crate::page;

/// Where it is.
pub(crate) const PATH: &str = "/admin/sign-in";

/// The longest form that is read, in bytes.
pub(crate) const FORM_BYTES_MAX: usize = 8 * 1024;

/// The longest path that a sign-in leads to, in bytes.
const NEXT_BYTES_MAX: usize = 2 * 1024;

/// What of a path stands in a query as it is.
const AS_IT_IS: AsciiSet = NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.');

/// Nothing from elsewhere, nothing inline, no frame; and its form goes nowhere else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; form-action 'self'; \
    frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

pub(crate) const CROSS_SITE: &str = "The form came from a page of another site, so it was not looked at. \
    Enter the token here.";
/// The value of `ended` when only this proxy knows that the session is over.
const HERE: &str = "here";
/// The value of `ended` when a page of ours was open and has lost its session.
const LOST: &str = "lost";
const IS_LOST: &str = "This browser has no session any more: you signed out in another window, or its \
    cookies were deleted.";
const ENDED_HERE: &str = "You are signed out in this browser. The backend does not answer, so other \
    proxies learn it later, and a restart of this one before that would forget it.";
pub(crate) const IN_THE_CLEAR: &str = "This page was opened by http://, where everybody in between can read \
    the token, and the browser keeps no session. It was not looked at. Open the page by https://, \
    or by http://127.0.0.1 on the machine that the proxy runs on.";

#[derive(Template)]
#[template(path = "sign-in.html")]
struct Page<'a> {
    next: &'a str,
    /// Why a session is over.
    notice: Option<&'a str>,
    error: Option<&'a str>,
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

/// Leads to the page, and from there back.
pub(crate) fn redirect_here(asked: &Uri) -> HttpResponse {
    let next = asked.path_and_query().map_or("/", |path| path.as_str());
    see(&format!("{PATH}?next={}", utf8_percent_encode(next, &AS_IT_IS))).finish()
}

/// The page, or for who is signed in already what comes next.
pub(crate) async fn show(
    request: HttpRequest,
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
        let end = if next.contains('#') { "" } else { "#" };
        return Ok(see(&format!("{next}{end}")).finish());
    }
    match request_source(request.headers()) {
        // A browser leaves a SameSite=Strict cookie out when a link of another site leads here.
        // This answer, which is ours, leads on, and then the cookie comes along if there is one.
        RequestSource::CrossSite => {
            let page = Page { leads_on: true, ..Page::of(&authenticator, next) };
            answer_with(HttpResponse::Ok(), &page)
        }
        RequestSource::SameOrigin | RequestSource::UserInitiated | RequestSource::Unknown => {
            let error = (ended == HERE).then_some(ENDED_HERE);
            let notice = authenticator.why_over(&request).map(why_over);
            let notice = notice.or((ended == LOST).then_some(IS_LOST));
            let page = Page { notice, error, ..Page::of(&authenticator, next) };
            answer_with(HttpResponse::Ok(), &page)
        }
    }
}

/// Begins a session.
pub(crate) async fn sign_in(
    request: HttpRequest,
    authenticator: Data<Authenticator>,
    form: Result<Form<SignIn>, Error>,
) -> Result<HttpResponse, Error> {
    let Ok(Form(form)) = form else {
        let text = "That was not this form: expected the fields token and next.";
        return refuse(StatusCode::BAD_REQUEST, &authenticator, page::PATH, text);
    };
    let (next, token) = (local(&form.next), form.token.trim_ascii());
    if is_in_the_clear(request.headers()) {
        return refuse(StatusCode::FORBIDDEN, &authenticator, next, IN_THE_CLEAR);
    }
    match request_source(request.headers()) {
        RequestSource::SameOrigin => {}
        RequestSource::UserInitiated | RequestSource::CrossSite | RequestSource::Unknown => {
            return refuse(StatusCode::FORBIDDEN, &authenticator, next, CROSS_SITE);
        }
    }
    if token.is_empty() {
        return refuse(StatusCode::BAD_REQUEST, &authenticator, next, "Enter the token.");
    }
    // A browser that signs in anew has one session afterwards, and not two.
    let refusal = match authenticator.sign_in(&request, token.as_bytes()).await {
        Ok(cookie) => {
            authenticator.sign_out(&request);
            let cookie = cookie?.to_string();
            return Ok(see(next).insert_header((header::SET_COOKIE, cookie)).finish());
        }
        Err(refusal) => refusal,
    };
    match refusal {
        AuthError::TooMany(wait) => {
            let wait_s = whole_seconds(wait);
            let s = if wait_s == 1 { "" } else { "s" };
            let text = format!("Too many wrong tokens. Try again in {wait_s} second{s}.");
            let mut answer = HttpResponse::TooManyRequests();
            answer.insert_header((header::RETRY_AFTER, wait_s));
            page(answer, &authenticator, next, Some(&text))
        }
        AuthError::Denied(Denied::Wrong) => {
            refuse(StatusCode::FORBIDDEN, &authenticator, next, "That is not the token.")
        }
        AuthError::Lookup(error) => {
            let text = format!("Whose token that is cannot be told: {error}. Try again later.");
            refuse(refusal.status_code(), &authenticator, next, &text)
        }
        // The page says it at length.
        AuthError::NoAdminToken => page(HttpResponse::Forbidden(), &authenticator, next, None),
        AuthError::Role(_) => refuse(
            StatusCode::FORBIDDEN,
            &authenticator,
            next,
            "That is the token of a shared link: open the link itself.",
        ),
        other @ (AuthError::Denied(Denied::Missing)
        | AuthError::NotOurPage
        | AuthError::NotYetKnown
        | AuthError::NotPublic
        | AuthError::LinkEnded
        | AuthError::TotalNeedsToken
        | AuthError::TooOften(_)) => Err(other.into()),
    }
}

/// Ends the session.
pub(crate) async fn sign_out(
    request: HttpRequest,
    authenticator: Data<Authenticator>,
) -> HttpResponse {
    match request_source(request.headers()) {
        RequestSource::SameOrigin => {
            let cookie = authenticator.sign_out(&request).to_string();
            let everywhere = authenticator.is_signed_out_everywhere(&request).await;
            let path = if everywhere { PATH.to_owned() } else { format!("{PATH}?ended={HERE}") };
            see(&path).insert_header((header::SET_COOKIE, cookie)).finish()
        }
        RequestSource::UserInitiated | RequestSource::CrossSite | RequestSource::Unknown => {
            HttpResponse::Forbidden()
                .content_type(ContentType::plaintext())
                .body("only a page of this proxy can sign you out")
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

fn see(path: &str) -> HttpResponseBuilder {
    let mut answer = HttpResponse::SeeOther();
    answer.insert_header((header::LOCATION, path));
    answer
}

fn refuse(
    status: StatusCode,
    authenticator: &Authenticator,
    next: &str,
    text: &str,
) -> Result<HttpResponse, Error> {
    page(HttpResponse::build(status), authenticator, next, Some(text))
}

/// Why the session of this browser's cookie is over.
fn why_over(why: SessionOver) -> &'static str {
    match why {
        SessionOver::SignedOutHere => {
            "You signed out of this session, also for copies of its cookie."
        }
        SessionOver::AccessEnded => {
            "The token that you signed in with was changed or removed. Ask whoever gave it to you."
        }
        SessionOver::SignedOutElsewhere => {
            "This session was signed out at another proxy, or before this one was restarted."
        }
        SessionOver::Expired => {
            "Your session has expired: it was as old as one may be here (SESSION_HOURS)."
        }
        SessionOver::OtherToken => {
            "Your session was not begun with the ADMIN_TOKEN that this proxy has now. The token was \
             changed, or another proxy had this address before."
        }
        SessionOver::Unreadable => {
            "The cookie of your session cannot be read, so there is no session. Something has changed it."
        }
    }
}

impl<'a> Page<'a> {
    fn of(authenticator: &Authenticator, next: &'a str) -> Self {
        let has_token = authenticator.is_configured();
        Self { next, notice: None, error: None, has_token, leads_on: false }
    }
}

fn page(
    answer: HttpResponseBuilder,
    authenticator: &Authenticator,
    next: &str,
    error: Option<&str>,
) -> Result<HttpResponse, Error> {
    answer_with(answer, &Page { error, ..Page::of(authenticator, next) })
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
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        // With no-referrer, a browser would send the form with an Origin that says nothing.
        .insert_header((header::REFERRER_POLICY, "same-origin"))
        .body(html))
}

#[cfg(test)]
mod tests {
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
        let asked = Uri::from_static("/admin/existing-agents?a=1&next=//b#c");
        let answer = redirect_here(&asked);
        let location = answer.headers().get(header::LOCATION).unwrap();
        let expected = "/admin/sign-in?next=/admin/existing-agents%3Fa%3D1%26next%3D//b";
        assert_eq!(location, expected);
    }
}
