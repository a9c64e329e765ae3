//! The files that a browser loads.

use std::collections::BTreeSet;
use std::path::Path;

use live_users_testkit::Server;
use reqwest::Method;

use crate::admin::TOKENS;
use crate::proxy::{NO_BACKEND, ask, get, header, start, start_with};
use crate::sign_in::cookie;

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// Each file of `web` under the name that stays, with its type and whether pages elsewhere may load it.
fn stable() -> Vec<(String, &'static str, bool)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("web");
    let mut names: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    names.sort();
    let file = |name: String| {
        let is_public = name.starts_with("live-users") || name == "embed.css";
        let content_type = match name.rsplit_once('.')?.1 {
            "js" => JAVASCRIPT,
            "css" => "text/css; charset=utf-8",
            // The other picture is a template.
            "svg" if name == "favicon.svg" => "image/svg+xml",
            _ => return None,
        };
        let folder = if is_public || name == "favicon.svg" { "/" } else { "/admin/" };
        Some((format!("{folder}{name}"), content_type, is_public))
    };
    let files: Vec<_> = names.into_iter().filter_map(file).collect();
    assert!(files.len() > 30, "{files:?}");
    files
}

/// So much may be sent of the page before it has asked for anything, in bytes: of the 60 kB of a whole first
/// view, the answers to what it asks and all heads take some 10.
const PAGE_BYTES_MAX: usize = 50_000;

/// What the page and the sign-in load.
async fn loaded(proxy: &Server) -> Vec<String> {
    let cookie = cookie(proxy).await;
    let mut paths = BTreeSet::new();
    for (page, headers) in
        [("/admin/existing-agents", &[("Cookie", cookie.as_str())][..]), ("/admin/sign-in", &[])]
    {
        let html = get(proxy, page, headers).await.text().await.expect("text");
        for attribute in ["src=\"/", "href=\"/"] {
            let after = html.split(attribute).skip(1);
            paths.extend(after.map(|it| format!("/{}", it.split('"').next().unwrap_or_default())));
        }
    }
    // Links to exports are followed when somebody wants them.
    paths.into_iter().filter(|path| !path.starts_with("/api/")).collect()
}

#[tokio::test]
async fn scripts_can_be_loaded_by_pages_of_any_origin_and_the_rest_cannot() {
    let proxy = start(NO_BACKEND);
    for (path, content_type, is_public) in stable() {
        let answer = get(&proxy, &path, &[("Origin", "https://elsewhere.example")]).await;
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(header(&answer, "content-type"), Some(content_type));
        assert_eq!(header(&answer, "cache-control"), Some("no-cache"));
        assert_eq!(header(&answer, "x-content-type-options"), Some("nosniff"));
        let (origin, resource) = match is_public {
            true => (Some("*"), "cross-origin"),
            false => (None, "same-origin"),
        };
        assert_eq!(header(&answer, "access-control-allow-origin"), origin, "{path}");
        assert_eq!(header(&answer, "cross-origin-resource-policy"), Some(resource));
    }
}

#[tokio::test]
async fn what_a_page_loads_may_be_kept_for_ever_and_is_all_there() {
    let proxy = start_with(NO_BACKEND, &TOKENS);
    let paths = loaded(&proxy).await;
    // Two scripts, two style sheets and the icon: what a page imports comes with it. And two style sheets
    // that are loaded when they are needed.
    assert_eq!(paths.len(), 7, "{paths:?}");
    for path in paths {
        let hash = path.rsplit('.').nth(1).unwrap_or_default();
        assert!(path.starts_with("/assets/") && hash.len() == 16, "{path}");
        let answer = get(&proxy, &path, &[]).await;
        assert_eq!(answer.status(), 200, "{path}");
        assert_eq!(header(&answer, "cache-control"), Some(IMMUTABLE), "{path}");
        assert_eq!(header(&answer, "etag"), Some(format!("\"{hash}\"").as_str()));
        assert_eq!(header(&answer, "cross-origin-resource-policy"), Some("same-origin"));
        let text = answer.text().await.unwrap();
        assert!(
            !text.lines().any(|it| it.starts_with("import ") || it.contains("@import")),
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_page_of_another_version_gets_the_file_of_this_one_which_is_not_kept() {
    let proxy = start_with(NO_BACKEND, &TOKENS);
    for path in loaded(&proxy).await {
        let hash = path.rsplit('.').nth(1).unwrap();
        let text = get(&proxy, &path, &[]).await.text().await.unwrap();
        let other = path.replace(hash, "0123456789abcdef");
        let answer = get(&proxy, &other, &[]).await;
        assert_eq!(header(&answer, "cache-control"), Some("no-cache"), "{other}");
        assert_eq!(answer.text().await.unwrap(), text);
        for none in [path.replace(hash, "0123"), path.replace(&format!("{hash}."), "")] {
            let answer = get(&proxy, &none, &[]).await;
            assert_eq!(answer.status(), 404, "{none}");
            assert_eq!(header(&answer, "cache-control"), Some("no-store"));
        }
    }
    for none in ["/assets/", "/assets/nothing.0123456789abcdef.js", "/assets/..%2Fpage.js"] {
        assert_eq!(get(&proxy, none, &[]).await.status(), 404, "{none}");
    }
}

#[tokio::test]
async fn what_a_script_loads_later_is_that_of_its_own_version_or_nothing() {
    let proxy = start_with(NO_BACKEND, &TOKENS);
    let mut names = Vec::new();
    for path in loaded(&proxy).await {
        let text = get(&proxy, &path, &[]).await.text().await.expect("text");
        for chunk in text.split("import_chunk(\"..").skip(1) {
            let chunk = chunk.split('"').next().expect("a path");
            let mut parts = chunk.rsplit('.').skip(1);
            let hash = parts.next().expect("a hash");
            names.extend(parts.next().map(str::to_owned));
            let answer = get(&proxy, chunk, &[("Accept-Encoding", "br")]).await;
            assert_eq!(answer.status(), 200, "{chunk}");
            assert_eq!(header(&answer, "cache-control"), Some(IMMUTABLE), "{chunk}");
            assert_eq!(header(&answer, "content-type"), Some(JAVASCRIPT));
            assert_eq!(header(&answer, "content-encoding"), Some("br"));
            // After an attempt in vain, a browser asks by another address.
            assert_eq!(get(&proxy, &format!("{chunk}?1"), &[]).await.status(), 200, "{chunk}");
            // The script knows it by its hash, and cannot be sure of any other.
            let other = chunk.replace(hash, "0123456789abcdef");
            for method in [Method::GET, Method::HEAD] {
                let answer = ask(&proxy, method, &other, &[]).await;
                assert_eq!(answer.status(), 404, "{other}");
                assert_eq!(header(&answer, "cache-control"), Some("no-store"));
            }
        }
    }
    names.sort_unstable();
    let chunks = ["accounts", "alerts", "call-details", "setup", "shared-links", "sources"];
    let chunks = chunks.iter().chain(&["wallboard-screen"]).map(|it| format!("/assets/{it}"));
    assert_eq!(names, chunks.collect::<Vec<_>>());
}

#[tokio::test]
async fn each_encoding_has_the_same_bytes_and_a_tag_of_its_own() {
    let proxy = start_with(NO_BACKEND, &TOKENS);
    let paths = stable().into_iter().map(|(path, ..)| path).chain(loaded(&proxy).await);
    for path in paths {
        let plain = get(&proxy, &path, &[]).await;
        assert_eq!(header(&plain, "content-encoding"), None);
        assert_eq!(header(&plain, "vary"), Some("Accept-Encoding"), "{path}");
        let tag = header(&plain, "etag").unwrap().to_owned();
        let plain = plain.bytes().await.unwrap();
        for (accepted, coding, end) in [
            ("gzip, deflate, br, zstd", Some("br"), "-br\""),
            ("gzip", Some("gzip"), "-gzip\""),
            ("br;q=0.5, gzip;q=0.8", Some("gzip"), "-gzip\""),
            ("br;q=0, gzip;q=0", None, "\""),
            ("identity", None, "\""),
            ("zstd", None, "\""),
            ("nonsense;;q=x", None, "\""),
        ] {
            let answer = get(&proxy, &path, &[("Accept-Encoding", accepted)]).await;
            assert_eq!(header(&answer, "content-encoding"), coding, "{path} {accepted}");
            assert_eq!(header(&answer, "vary"), Some("Accept-Encoding"));
            let its_tag = format!("{}{end}", tag.trim_end_matches('"'));
            assert_eq!(header(&answer, "etag"), Some(its_tag.as_str()));
            let bytes = answer.bytes().await.unwrap();
            let decoded = decode(coding, &bytes);
            assert_eq!(decoded, plain, "{path} {accepted}");
            assert!(coding.is_none() || bytes.len() < plain.len(), "{path} {accepted}");
        }
    }
}

/// What was encoded so.
pub(crate) fn decode(coding: Option<&str>, bytes: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    match coding {
        Some("br") => brotli::BrotliDecompress(&mut &*bytes, &mut decoded).map(|()| 0),
        Some("gzip") => {
            std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(bytes), &mut decoded)
        }
        _ => return bytes.to_vec(),
    }
    .expect("what was encoded");
    decoded
}

#[tokio::test]
async fn the_page_and_what_it_loads_at_once_are_light() {
    let proxy = start_with(NO_BACKEND, &TOKENS);
    let cookie = cookie(&proxy).await;
    let cookie = [("Cookie", cookie.as_str())];
    let html = get(&proxy, "/admin/existing-agents", &cookie).await.text().await.expect("text");
    let mut sizes = vec![("the page".to_owned(), light(html.as_bytes()))];
    for line in
        html.lines().filter(|line| line.contains("=\"/assets/") && !line.contains(" disabled "))
    {
        let path = line.split('"').find(|it| it.starts_with("/assets/")).expect("a path");
        let bytes = get(&proxy, path, &[]).await.bytes().await.expect("bytes");
        sizes.push((path.to_owned(), light(&bytes)));
    }
    assert_eq!(sizes.len(), 4, "a script, a style sheet and an icon: {sizes:?}");
    let sum: usize = sizes.iter().map(|(_, size)| size).sum();
    assert!(sum <= PAGE_BYTES_MAX, "{sum} bytes, load something when it is needed: {sizes:?}");
}

/// The size of these bytes as a release sends them. Other builds compress less.
fn light(bytes: &[u8]) -> usize {
    let params = brotli::enc::BrotliEncoderParams { quality: 11, ..Default::default() };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut &*bytes, &mut compressed, &params).expect("memory");
    compressed.len()
}

#[tokio::test]
async fn a_file_that_the_browser_has_is_not_sent_again() {
    let proxy = start_with(NO_BACKEND, &TOKENS);
    let mut tags = Vec::new();
    let hashed = loaded(&proxy).await;
    for path in stable().into_iter().map(|(path, ..)| path).chain(hashed.clone()) {
        let first = get(&proxy, &path, &[]).await;
        let caching = header(&first, "cache-control").map(str::to_owned);
        let tag = header(&first, "etag").unwrap().to_owned();
        assert!(tag.starts_with('"'), "a strong tag: {tag}");
        assert!(!first.bytes().await.unwrap().is_empty());

        for known in [tag.clone(), format!("\"other\", W/{tag}"), "*".to_owned()] {
            let again = get(&proxy, &path, &[("If-None-Match", &known)]).await;
            assert_eq!(again.status(), 304, "{path} {known}");
            assert_eq!(header(&again, "etag"), Some(tag.as_str()));
            assert_eq!(header(&again, "cache-control"), caching.as_deref());
            assert_eq!(header(&again, "vary"), Some("Accept-Encoding"));
            assert!(again.bytes().await.unwrap().is_empty());
        }
        for (known, accepted) in [("\"old\"", "identity"), (tag.as_str(), "br")] {
            let headers = [("If-None-Match", known), ("Accept-Encoding", accepted)];
            assert_eq!(get(&proxy, &path, &headers).await.status(), 200, "{path} {headers:?}");
        }
        let head = ask(&proxy, Method::HEAD, &path, &[]).await;
        assert_eq!((head.status().as_u16(), header(&head, "etag")), (200, Some(tag.as_str())));
        if !hashed.contains(&path) {
            tags.push(tag);
        }
    }
    let count = tags.len();
    tags.sort_unstable();
    tags.dedup();
    assert_eq!(tags.len(), count, "different files have different tags");
}
