//! What a client prefers, by its `Accept`.

use actix_web::HttpRequest;
use actix_web::http::header::{Accept, Header, Quality};

/// Whether the client names this media type in `Accept`, and likes it no less than `application/json`. A
/// wildcard names nothing, so clients that take everything are answered as ever.
pub fn asks_for(request: &HttpRequest, media_type: &str) -> bool {
    let Ok(Accept(accepted)) = Accept::parse(request) else { return false };
    let quality = |named: &str| {
        let of_named = accepted.iter().filter(|it| it.item.essence_str() == named);
        of_named.map(|it| it.quality).max().unwrap_or(Quality::ZERO)
    };
    let asked = quality(media_type);
    asked > Quality::ZERO && asked >= quality("application/json")
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn only_who_names_it_and_prefers_it_asks_for_it() {
        const OURS: &str = "application/vnd.live-users+json";
        for (accept, asks) in [
            (OURS, true),
            ("application/vnd.live-users+json;q=0.1", true),
            ("application/vnd.live-users+json, application/json;q=0.5", true),
            ("application/json;q=0.5,APPLICATION/VND.Live-Users+JSON;q=0.5, */*;q=0.1", true),
            ("application/json, application/vnd.live-users+json;q=0.9", false),
            ("application/vnd.live-users+json;q=0", false),
            ("application/*, */*", false),
            ("application/json", false),
            ("text/html", false),
            ("not a type", false),
            ("", false),
        ] {
            let request = TestRequest::default().insert_header(("Accept", accept));
            assert_eq!(asks_for(&request.to_http_request(), OURS), asks, "{accept}");
        }
        assert!(!asks_for(&TestRequest::default().to_http_request(), OURS));
    }
}
