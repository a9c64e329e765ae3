//! `GET /openapi.json`: every path, for programs that write clients. Tests hold it against the
//! table of routes and real answers.

use std::sync::LazyLock;

use actix_web::HttpResponse;
use live_users_http_kit::DocsPage;
use live_users_wire::openapi::document;

static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    // Tests put it together as well, so a fault in it is known before.
    document(include_str!("../openapi.json")).expect("the document leads to all that it refers to")
});

static DOCS: LazyLock<DocsPage> = LazyLock::new(|| DocsPage::new(&DOCUMENT));

/// The document, for everybody.
pub(crate) async fn openapi() -> HttpResponse {
    live_users_http_kit::openapi(&DOCUMENT)
}

/// `GET /docs`: the same for people.
pub(crate) async fn docs() -> HttpResponse {
    DOCS.answer()
}
