//! `GET /openapi.json`: every path, for programs that write clients. Tests hold it against the
//! table of routes and real answers.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use live_users_http_kit::DocsPage;

const DOCUMENT: &str = include_str!("../openapi.json");

static DOCS: LazyLock<DocsPage> = LazyLock::new(|| DocsPage::new(DOCUMENT));

/// The document, for everybody.
pub(crate) async fn openapi() -> HttpResponse {
    live_users_http_kit::openapi(DOCUMENT)
}

/// `GET /docs`: the same for people.
pub(crate) async fn docs() -> HttpResponse {
    DOCS.answer()
}
