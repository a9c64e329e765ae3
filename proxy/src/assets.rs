//! The files that a browser loads, embedded in the binary.

use std::hash::{DefaultHasher, Hasher};

use actix_web::http::header::{self, CacheControl, CacheDirective, ETag, EntityTag, IfNoneMatch};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};

/// A file of `web/`.
pub(crate) struct Asset {
    /// Where it is served.
    pub(crate) path: &'static str,
    content_type: &'static str,
    body: &'static str,
    /// Whether pages of other origins may load it.
    is_public: bool,
}

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// All of them.
pub(crate) static ASSETS: [Asset; 9] = [
    public_script("/live-users.js", include_str!("../web/live-users.js")),
    public_script("/live-users-element.js", include_str!("../web/live-users-element.js")),
    public_script("/live-users-count.js", include_str!("../web/live-users-count.js")),
    public_script("/live-users-link.js", include_str!("../web/live-users-link.js")),
    public_script("/live-users-transports.js", include_str!("../web/live-users-transports.js")),
    own("/admin/page.js", JAVASCRIPT, include_str!("../web/page.js")),
    own("/admin/page.css", CSS, include_str!("../web/page.css")),
    own("/admin/sign-in.css", CSS, include_str!("../web/sign-in.css")),
    own("/favicon.svg", SVG, include_str!("../web/favicon.svg")),
];

const fn public_script(path: &'static str, body: &'static str) -> Asset {
    Asset { path, content_type: JAVASCRIPT, body, is_public: true }
}

const fn own(path: &'static str, content_type: &'static str, body: &'static str) -> Asset {
    Asset { path, content_type, body, is_public: false }
}

impl Asset {
    /// A tag that changes with the content. The standard hasher has fixed keys, so two replicas
    /// of one build agree.
    pub(crate) fn tag(&self) -> EntityTag {
        let mut hasher = DefaultHasher::new();
        hasher.write(self.body.as_bytes());
        EntityTag::new_strong(format!("{:016x}", hasher.finish()))
    }

    /// The file, or 304 when the browser has it. It asks each time (`no-cache`), so that a new
    /// version of the proxy is seen at once.
    pub(crate) fn answer(&self, request: &HttpRequest, tag: EntityTag) -> HttpResponse {
        let is_known = match request.get_header::<IfNoneMatch>() {
            Some(IfNoneMatch::Any) => true,
            Some(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(&tag)),
            None => false,
        };
        let mut answer = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        answer.insert_header(CacheControl(vec![CacheDirective::NoCache])).insert_header(ETag(tag));
        if self.is_public {
            // A module script of another origin is always fetched in CORS mode.
            answer
                .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
                .insert_header((header::CROSS_ORIGIN_RESOURCE_POLICY, "cross-origin"));
        }
        if is_known {
            answer.finish()
        } else {
            answer.content_type(self.content_type).body(self.body)
        }
    }
}
