//! Shared links in a browser: where one is opened, and its page.

use std::borrow::Cow;
use std::sync::Arc;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, ContentType};
use actix_web::http::{StatusCode, Uri};
use actix_web::middleware::Next;
use actix_web::web::{Data, Form, Path};
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse, ResponseError};
use askama::Template;
use live_users_http_kit::{Denied, whole_seconds};
use serde::Deserialize;

use crate::admin::view::Shown;
use crate::admin::{
    AuthError, Authenticator, RequestSource, ViewOf, is_in_the_clear, link_path, request_source,
};
use crate::language::{self, Language, Value};
use crate::page::{self, First};
use crate::scope::Scope;
use crate::sign_in::{answer_with, see};
use crate::upstream::AdminApi;

/// Where a link is opened, with its token in the fragment.
pub(crate) const PATH: &str = "/view";

/// The page of a link.
pub(crate) const PAGE_PATH: &str = "/view/{id}";

/// What is read below the path of a link.
const READ: &str = "/api/live-users";

/// Where a link is opened, and what is told of one that shows nothing.
#[derive(Template)]
#[template(path = "view.html")]
struct Page {
    language: Language,
    error: Option<Cow<'static, str>>,
    /// Where the form goes that a token can be shown in; `None` without a form.
    action: Option<String>,
}

/// What is sent to open a link.
#[derive(Deserialize)]
pub(crate) struct Open {
    #[serde(default)]
    token: String,
}

/// The page that opens the link in its own address.
pub(crate) async fn show(
    request: HttpRequest,
    language: Language,
    authenticator: Data<Authenticator>,
) -> Result<HttpResponse, Error> {
    if !authenticator.is_configured() {
        return tell(StatusCode::OK, language, "view.noLinks");
    }
    if !authenticator.can_look_up() {
        return tell(StatusCode::OK, language, "view.noBackendToken");
    }
    answer(StatusCode::OK, &Page { language, error: None, action: action(&request) })
}

/// Begins the session of a link.
pub(crate) async fn open(
    request: HttpRequest,
    language: Language,
    authenticator: Data<Authenticator>,
    form: Result<Form<Open>, Error>,
) -> Result<HttpResponse, Error> {
    let again = |status, text: Cow<'static, str>| {
        answer(status, &Page { language, error: Some(text), action: action(&request) })
    };
    if is_in_the_clear(request.headers()) {
        return again(StatusCode::FORBIDDEN, language.t("signIn.inTheClear").into());
    }
    if request_source(request.headers()) != RequestSource::SameOrigin {
        return again(StatusCode::FORBIDDEN, language.t("signIn.crossSite").into());
    }
    let token = form.map(|Form(Open { token })| token).unwrap_or_default();
    if token.trim_ascii().is_empty() {
        return again(StatusCode::BAD_REQUEST, language.t("view.noLink").into());
    }
    match authenticator.open_link(&request, token.trim_ascii().as_bytes()).await {
        Ok(opened) => {
            let (scope, cookie) = opened?;
            let path = language::kept(&request, &link_path(&scope.id));
            Ok(see(&path).insert_header((header::SET_COOKIE, cookie.to_string())).finish())
        }
        Err(AuthError::Denied(Denied::Wrong)) if !authenticator.can_look_up() => {
            tell(StatusCode::FORBIDDEN, language, "view.noBackendToken")
        }
        Err(AuthError::Denied(Denied::Wrong)) => {
            again(StatusCode::FORBIDDEN, language.t("view.noLink").into())
        }
        Err(AuthError::NoAdminToken) => tell(StatusCode::FORBIDDEN, language, "view.noLinks"),
        Err(refusal @ AuthError::TooMany(wait)) => {
            let seconds = [("n", Value::Number(whole_seconds(wait)))];
            again(refusal.status_code(), language.with("view.tooMany", &seconds).into())
        }
        Err(refusal @ AuthError::Lookup(error)) => {
            let error = language.of_server(&error.to_string());
            let text = language.with("view.lookup", &[("error", Value::Text(&error))]);
            again(refusal.status_code(), text.into())
        }
        Err(other) => Err(other.into()),
    }
}

/// The page of a link. It is asked of the backend whether it is still in force; while nobody can tell,
/// the page itself says so.
pub(crate) async fn show_page(
    request: HttpRequest,
    language: Language,
    authenticator: Data<Authenticator>,
    admin_api: Data<AdminApi>,
    simulate: Data<page::Simulate>,
    id: Path<String>,
) -> Result<HttpResponse, Error> {
    request.extensions_mut().insert(ViewOf(id.into_inner()));
    let shown = Authenticator::shown_of_link(&authenticator, &request);
    let Shown::Session { reader, cookie, is_past } = shown else {
        return tell(StatusCode::FORBIDDEN, language, "view.notOpen");
    };
    let Ok(first) = First::of(&reader, &admin_api).await else {
        let key = if is_past { "view.ended" } else { "view.revoked" };
        return tell(StatusCode::FORBIDDEN, language, key);
    };
    let scope = reader.scope().map(Arc::as_ref);
    let Some(Scope { id, link: Some(link), .. }) = scope else {
        return tell(StatusCode::FORBIDDEN, language, "view.notOpen");
    };
    Ok(HttpResponse::Ok()
        .content_type(ContentType::html())
        .insert_header((header::CONTENT_SECURITY_POLICY, page::POLICY))
        .insert_header((header::VARY, language::BY_READER))
        .insert_header((header::SET_COOKIE, cookie.to_string()))
        .body(page::html_of_link(language, &link_path(id), link, &simulate, first.as_ref())))
}

/// Lets what is below the path of a link be read by the session of that link: everything else about it
/// is as without the path before it.
///
/// # Errors
/// Those of the handlers.
pub(crate) async fn below_a_link(
    mut request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    if let Some((id, uri)) = below(request.uri()) {
        request.extensions_mut().insert(ViewOf(id));
        request.match_info_mut().get_mut().update(&uri);
        request.head_mut().uri = uri;
    }
    next.call(request).await
}

/// The id of a link, and what is asked for below its path.
fn below(uri: &Uri) -> Option<(String, Uri)> {
    let (id, _) = uri.path().strip_prefix(PATH)?.strip_prefix('/')?.split_once('/')?;
    let rest = uri.path_and_query()?.as_str().get(PATH.len() + 1 + id.len()..)?;
    let is_read =
        rest.strip_prefix(READ).is_some_and(|it| it.is_empty() || it.starts_with(['/', '?']));
    let rest = is_read.then(|| rest.parse().ok()).flatten()?;
    Some((id.to_owned(), rest))
}

fn tell(status: StatusCode, language: Language, key: &str) -> Result<HttpResponse, Error> {
    answer(status, &Page { language, error: Some(language.t(key).into()), action: None })
}

fn action(request: &HttpRequest) -> Option<String> {
    Some(language::kept(request, PATH))
}

fn answer(status: StatusCode, page: &Page) -> Result<HttpResponse, Error> {
    answer_with(HttpResponse::build(status), page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_below_a_link_is_what_would_be_read_without_it() {
        let of = |path: &'static str| {
            below(&Uri::from_static(path)).map(|(id, uri)| (id, uri.to_string()))
        };
        for (path, id, rest) in [
            ("/view/0a/api/live-users", "0a", "/api/live-users"),
            ("/view/0a/api/live-users?a=1", "0a", "/api/live-users?a=1"),
            ("/view/0a/api/live-users/summary/ws", "0a", "/api/live-users/summary/ws"),
            ("/view/0a/api/live-users/calls/a%2Fb?x", "0a", "/api/live-users/calls/a%2Fb?x"),
        ] {
            assert_eq!(of(path), Some((id.to_owned(), rest.to_owned())));
        }
        for path in [
            "/view",
            "/view/0a",
            "/view/0a/",
            "/view/0a/admin/sign-out",
            "/view/0a/api/live-usersx",
            "/view/0a/metrics",
            "/views/0a/api/live-users",
            "/api/live-users",
        ] {
            assert_eq!(of(path), None, "{path}");
        }
    }
}
