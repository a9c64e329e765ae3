//! The files that a browser loads, embedded in the binary as `crates/assets` has made them.

use actix_web::http::header::{
    self, CacheControl, CacheDirective, ContentEncoding, ETag, EntityTag, IfNoneMatch,
};
use actix_web::web::{Bytes, Path};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};

use crate::compression::accepted;
use crate::error::not_found;

/// Where a file is whose name has a hash of its content.
pub(crate) const HASHED_PATH: &str = "/assets/{name}";

/// How long such a file may be kept: in effect for ever.
const YEAR_S: u32 = 31_536_000;

/// A file of `web/`, or what was joined of several.
pub(crate) struct Asset {
    /// Where it is served.
    pub(crate) path: &'static str,
    content_type: &'static str,
    /// Of the content, the same in every build.
    hash: &'static str,
    naming: Naming,
    /// Whether pages of other origins may load it.
    is_public: bool,
    identity: &'static [u8],
    brotli: &'static [u8],
    gzip: &'static [u8],
}

/// What the name of a file says of its content.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Naming {
    /// Nothing: it stays.
    Stable,
    /// Its hash, and who asks for another one may be served with this one.
    Hashed,
    /// Its hash, and it fits to nothing but the script that it was made with.
    Chunk,
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// Whether a browser may take what it has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Caching {
    /// Without asking, for this is all that was ever there.
    Immutable,
    /// It asks each time, so that a new version of the proxy is seen at once.
    Revalidated,
}

/// The files under names that stay.
pub(crate) fn stable() -> impl Iterator<Item = &'static Asset> {
    ASSETS.iter().filter(|asset| asset.naming == Naming::Stable)
}

/// Where a file of `web/` is under its hash. For templates.
///
/// # Panics
/// If there is none: a template names a file that does not exist.
pub(crate) fn url(name: &str) -> &'static str {
    let found = HASHED_URLS.iter().find(|(it, _)| *it == name);
    found.unwrap_or_else(|| panic!("no file {name} in proxy/web, or it is a part of another")).1
}

/// The same of a file that is another one in each language, or in some.
pub(crate) fn url_in(name: &str, language: &str) -> &'static str {
    let localized = name.rsplit_once('.').map(|(stem, end)| format!("{stem}.{language}.{end}"));
    let found = HASHED_URLS.iter().find(|(it, _)| localized.as_deref() == Some(*it));
    found.map_or_else(|| url(name), |(_, path)| path)
}

/// A file with a hash in its name.
pub(crate) async fn hashed(name: Path<String>, request: HttpRequest) -> HttpResponse {
    match find_hashed(&name) {
        Some((asset, caching)) => asset.send(&request, caching),
        None => not_found(request).await,
    }
}

/// The file of this name. A page of another version may ask for its own, while proxies are replaced one
/// after the other. It gets the one of this version, which must not be kept. A script of another version
/// gets no chunk of this one, and the page is loaded again.
fn find_hashed(name: &str) -> Option<(&'static Asset, Caching)> {
    let of = |path: &'static str| path.strip_prefix("/assets/");
    let hashed = ASSETS.iter().filter(|asset| asset.naming != Naming::Stable);
    if let Some(asset) = hashed.clone().find(|asset| of(asset.path) == Some(name)) {
        return Some((asset, Caching::Immutable));
    }
    let (stem, end) = without_hash(name)?;
    let asset = hashed
        .filter(|it| it.naming != Naming::Chunk)
        .find(|it| of(it.path).and_then(without_hash) == Some((stem, end)))?;
    Some((asset, Caching::Revalidated))
}

/// What is before and behind the hash in a name.
fn without_hash(name: &str) -> Option<(&str, &str)> {
    let (rest, extension) = name.rsplit_once('.')?;
    let (stem, hash) = rest.rsplit_once('.')?;
    let is_hash = hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then_some((stem, extension))
}

impl Asset {
    /// The file, or 304 when the browser has it.
    pub(crate) fn answer(&self, request: &HttpRequest) -> HttpResponse {
        self.send(request, Caching::Revalidated)
    }

    fn send(&self, request: &HttpRequest, caching: Caching) -> HttpResponse {
        let coding = accepted(request);
        let body = match coding {
            ContentEncoding::Brotli => self.brotli,
            ContentEncoding::Gzip => self.gzip,
            _ => self.identity,
        };
        let tag = self.tag(coding);
        let is_known = match request.get_header::<IfNoneMatch>() {
            Some(IfNoneMatch::Any) => true,
            Some(IfNoneMatch::Items(tags)) => tags.iter().any(|known| known.weak_eq(&tag)),
            None => false,
        };
        let mut answer = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
        let directives = match caching {
            Caching::Immutable => vec![
                CacheDirective::Public,
                CacheDirective::MaxAge(YEAR_S),
                CacheDirective::Extension("immutable".to_owned(), None),
            ],
            Caching::Revalidated => vec![CacheDirective::NoCache],
        };
        answer
            .insert_header(CacheControl(directives))
            .insert_header((header::VARY, "Accept-Encoding"))
            .insert_header(ETag(tag));
        if self.is_public {
            // A module script of another origin is always fetched in CORS mode.
            answer
                .insert_header((header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"))
                .insert_header((header::CROSS_ORIGIN_RESOURCE_POLICY, "cross-origin"));
        }
        if is_known {
            return answer.finish();
        }
        if coding != ContentEncoding::Identity {
            answer.insert_header((header::CONTENT_ENCODING, coding.as_str()));
        }
        answer.content_type(self.content_type).body(Bytes::from_static(body))
    }

    /// A tag that changes with the content, and is another one for each encoding (RFC 9110, 8.8.3.3).
    fn tag(&self, coding: ContentEncoding) -> EntityTag {
        EntityTag::new_strong(match coding {
            ContentEncoding::Identity => self.hash.to_owned(),
            other => format!("{}-{}", self.hash, other.as_str()),
        })
    }
}
