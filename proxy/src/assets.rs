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
pub(crate) static ASSETS: &[Asset] = &[
    public_script("/live-users.js", include_str!("../web/live-users.js")),
    public_script("/live-users-element.js", include_str!("../web/live-users-element.js")),
    public_script("/live-users-count.js", include_str!("../web/live-users-count.js")),
    public_script("/live-users-link.js", include_str!("../web/live-users-link.js")),
    public_script("/live-users-transports.js", include_str!("../web/live-users-transports.js")),
    script("/live-users-chart.js", include_str!("../web/live-users-chart.js")),
    script("/live-users-chart-element.js", include_str!("../web/live-users-chart-element.js")),
    script("/live-users-chart-crosshair.js", include_str!("../web/live-users-chart-crosshair.js")),
    script("/live-users-chart-draw.js", include_str!("../web/live-users-chart-draw.js")),
    script("/live-users-chart-scale.js", include_str!("../web/live-users-chart-scale.js")),
    script("/live-users-chart-style.js", include_str!("../web/live-users-chart-style.js")),
    script("/admin/accounts.js", include_str!("../web/accounts.js")),
    script("/admin/announce.js", include_str!("../web/announce.js")),
    script("/admin/call-details.js", include_str!("../web/call-details.js")),
    script("/admin/calls.js", include_str!("../web/calls.js")),
    script("/admin/cards.js", include_str!("../web/cards.js")),
    script("/admin/dom.js", include_str!("../web/dom.js")),
    script("/admin/evict.js", include_str!("../web/evict.js")),
    script("/admin/feed.js", include_str!("../web/feed.js")),
    script("/admin/format.js", include_str!("../web/format.js")),
    script("/admin/overview.js", include_str!("../web/overview.js")),
    script("/admin/page.js", include_str!("../web/page.js")),
    script("/admin/places.js", include_str!("../web/places.js")),
    script("/admin/sources.js", include_str!("../web/sources.js")),
    script("/admin/reader.js", include_str!("../web/reader.js")),
    script("/admin/setup.js", include_str!("../web/setup.js")),
    script("/admin/sign-in.js", include_str!("../web/sign-in.js")),
    script("/admin/store.js", include_str!("../web/store.js")),
    script("/admin/wallboard.js", include_str!("../web/wallboard.js")),
    own("/admin/calls.css", CSS, include_str!("../web/calls.css")),
    own("/admin/cards.css", CSS, include_str!("../web/cards.css")),
    own("/admin/overview.css", CSS, include_str!("../web/overview.css")),
    own("/admin/page.css", CSS, include_str!("../web/page.css")),
    own("/admin/places.css", CSS, include_str!("../web/places.css")),
    own("/admin/setup.css", CSS, include_str!("../web/setup.css")),
    own("/admin/sign-in.css", CSS, include_str!("../web/sign-in.css")),
    own("/admin/wallboard.css", CSS, include_str!("../web/wallboard.css")),
    own("/favicon.svg", SVG, include_str!("../web/favicon.svg")),
];

const fn public_script(path: &'static str, body: &'static str) -> Asset {
    Asset { path, content_type: JAVASCRIPT, body, is_public: true }
}

const fn script(path: &'static str, body: &'static str) -> Asset {
    own(path, JAVASCRIPT, body)
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
