//! In which language pages and pictures are.

use live_users_testkit::Server;
use serde_json::Value;

use crate::admin::{ADMIN_TOKEN, TOKENS};
use crate::backend::{Backend, ok};
use crate::proxy::{NO_BACKEND, cookie_in, get, header, post_form, seen, start_with};
use crate::sign_in::{OURS, post};

const GERMAN: (&str, &str) = ("Accept-Language", "de-AT,en;q=0.5");

/// Status, `Vary` and the text of an answer.
async fn page(proxy: &Server, path: &str, headers: &[(&str, &str)]) -> (u16, String, String) {
    let answer = get(proxy, path, headers).await;
    let vary = answer.headers().get_all("vary").iter();
    let vary = vary.map(|it| it.to_str().expect("text").to_ascii_lowercase()).collect::<Vec<_>>();
    let (status, text) = seen(answer).await;
    (status, vary.join(", "), text)
}

#[tokio::test]
async fn a_page_is_in_the_language_of_its_address_of_a_choice_or_of_the_browser() {
    let proxy = start_with(NO_BACKEND, &TOKENS);
    let french = ("Cookie", "live-users-language=fr");
    for (path, headers, tag, heading) in [
        ("/admin/sign-in", &[][..], "en", "Sign in"),
        ("/admin/sign-in", &[GERMAN], "de", "Anmelden"),
        ("/admin/sign-in", &[GERMAN, french], "fr", "Connexion"),
        ("/admin/sign-in?lang=ja", &[GERMAN, french], "ja", "サインイン"),
        ("/admin/sign-in?lang=", &[GERMAN], "de", "Anmelden"),
        ("/admin/sign-in?lang=de-AT", &[french], "de", "Anmelden"),
        ("/admin/sign-in?lang=PT-br", &[], "pt", "Entrar"),
        ("/view", &[GERMAN], "de", "Geteilter Link"),
        ("/view?lang=es", &[GERMAN, french], "es", "Enlace compartido"),
    ] {
        let (status, vary, html) = page(&proxy, path, headers).await;
        assert_eq!(status, 200);
        assert!(html.contains(&format!("<html lang=\"{tag}\">")), "{path}: {html}");
        assert!(html.contains(&format!("<h1>{heading}</h1>")), "{path}: {html}");
        let chosen = format!("<option value=\"{tag}\" lang=\"{tag}\" selected>");
        assert!(html.contains(&chosen) && html.contains(">Deutsch</option>"), "{path}: {html}");
        assert!(vary.contains("accept-language") && vary.contains("cookie"), "{path}: {vary}");
    }
}

#[tokio::test]
async fn a_language_that_there_is_not_is_refused_by_its_field() {
    let proxy = start_with(NO_BACKEND, &TOKENS);
    for path in [
        "/admin/existing-agents",
        "/admin/sign-in",
        "/view",
        "/view/some-link",
        "/embed",
        "/badge.svg",
    ] {
        for wrong in ["zh", "zh-CN", "de_DE", "de-", "english"] {
            let (status, _, text) = page(&proxy, &format!("{path}?lang={wrong}"), &[GERMAN]).await;
            let body: Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!((status, &body["field"]), (400, &"lang".into()), "{path}: {text}");
            assert_eq!(body["expected"], "en, de, es, fr, ja or pt, also with a region", "{path}");
            assert!(!text.contains(wrong), "{text}");
        }
        let (status, _, text) = page(&proxy, &format!("{path}?lang=de&lang=fr"), &[GERMAN]).await;
        let body: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!((status, &body["field"]), (400, &"lang".into()), "{path}: {text}");
        assert_eq!(body["expected"], "one value", "{path}");
    }
}

#[tokio::test]
async fn a_language_is_as_long_as_the_document_says() {
    let proxy = start_with(NO_BACKEND, &TOKENS);
    let (_, _, text) = page(&proxy, "/openapi.json", &[]).await;
    let document: Value = serde_json::from_str(&text).expect("JSON");
    let shared = &document["components"]["parameters"];
    for (path, parameters) in [
        ("/admin/sign-in", shared),
        ("/embed", &document["paths"]["/embed"]["get"]["parameters"]),
        ("/badge.svg", &document["paths"]["/badge.svg"]["get"]["parameters"]),
    ] {
        let lang = parameters
            .get("lang")
            .or_else(|| parameters.as_array()?.iter().find(|it| it["name"] == "lang"));
        let longest = lang.and_then(|it| it["schema"]["maxLength"].as_u64());
        let longest = usize::try_from(longest.expect(path)).expect("a length");
        // Each part is a letter, and the last one has two where the length is odd.
        let tag = |length: usize| {
            format!("de{}{}", "-a".repeat((length - 2) / 2), "a".repeat(length % 2))
        };
        for (length, expected) in [(longest, 200), (longest + 1, 400)] {
            let (status, ..) = page(&proxy, &format!("{path}?lang={}", tag(length)), &[]).await;
            assert_eq!(status, expected, "{path}: {length}");
        }
    }
}

#[tokio::test]
async fn what_is_on_pages_of_others_is_in_their_language_or_in_that_of_their_readers() {
    let mut backend = Backend::start();
    let proxy = start_with(&backend.url, &TOKENS);
    let count = ok(r#"{"liveUsers":2500,"suspect":0}"#);
    let french = ("Cookie", "live-users-language=fr");
    for (path, words, tag) in [
        ("/embed", ">2.500 Nutzer live<", Some("de")),
        ("/embed?lang=de-DE", ">2.500 Nutzer live<", Some("de")),
        ("/badge.svg?lang=pt-BR", ">2.500 usuários ao vivo<", None),
        ("/embed?lang=fr", ">2\u{202f}500 utilisateurs en direct<", Some("fr")),
        // Nobody tells who will see the picture.
        ("/badge.svg", ">2,500 users live<", None),
        ("/badge.svg?lang=ja", ">2,500人が通話中<", None),
    ] {
        let asked = [GERMAN, french];
        let ((status, vary, text), ()) = tokio::join!(page(&proxy, path, &asked), async {
            backend.next().await.say(&count).await
        });
        assert_eq!(status, 200);
        assert!(text.contains(words), "{path}: {text}");
        if let Some(tag) = tag {
            assert!(text.contains(&format!("<html lang=\"{tag}\">")), "{path}: {text}");
            assert!(vary.contains("accept-language") && !vary.contains("cookie"), "{path}: {vary}");
        } else {
            assert!(!vary.contains("language"), "{path}: {vary}");
        }
    }
    drop(backend);
    let (_, _, svg) = page(&proxy, "/badge.svg?lang=de", &[]).await;
    assert!(svg.contains(">unbekannt<"), "{svg}");
    let (_, _, html) = page(&proxy, "/embed?lang=de", &[]).await;
    assert!(
        html.contains(">Live-Zahl nicht verfügbar<") && html.contains(", Stand <time"),
        "{html}"
    );
}

#[tokio::test]
async fn a_refusal_of_a_form_is_in_the_language_too_and_one_of_the_api_is_not() {
    let proxy = start_with(NO_BACKEND, &TOKENS);
    let (status, html) = seen(post(&proxy, &[GERMAN, OURS], "token=").await).await;
    assert!(status == 400 && html.contains("Geben Sie das Token ein."), "{html}");
    let answer = get(&proxy, "/api/live-users/summary", &[GERMAN]).await;
    assert_eq!(header(&answer, "content-language"), None);
    let (status, json) = seen(answer).await;
    assert!(status == 401 && json.contains("\"error\":\"") && json.is_ascii(), "{json}");
}

#[tokio::test]
async fn a_language_in_the_address_goes_along_from_page_to_page() {
    let proxy = start_with(NO_BACKEND, &TOKENS);
    let location = |answer: &reqwest::Response| header(answer, "location").map(str::to_owned);
    // To the sign-in, which is in it too, and nothing but the parameter is kept of it.
    let page = "/admin/existing-agents";
    let answer = get(&proxy, &format!("{page}?a=1&lang=fr-CA"), &[GERMAN]).await;
    let sign_in = location(&answer).expect("a redirect");
    assert_eq!(sign_in, "/admin/sign-in?next=/admin/existing-agents%3Fa%3D1&lang=fr");
    let (_, html) = seen(get(&proxy, &sign_in, &[GERMAN]).await).await;
    for part in ["<html lang=\"fr\">", "action=\"/admin/sign-in?lang=fr\"", "?a=1\""] {
        assert!(html.contains(part), "{part}: {html}");
    }
    // A wrong token, and the right one.
    for path in ["/admin/sign-in?lang=fr", "/view?lang=fr"] {
        let (status, html) = seen(post_form(&proxy, path, &[GERMAN, OURS], "token=").await).await;
        assert_eq!(status, 400, "{path}");
        for part in ["<html lang=\"fr\">", &format!("action=\"{path}\"")] {
            assert!(html.contains(part), "{part}: {html}");
        }
    }
    let form = format!("token={ADMIN_TOKEN}&next={page}%3Fa%3D1");
    let answer = post_form(&proxy, "/admin/sign-in?lang=fr", &[GERMAN, OURS], &form).await;
    let next = location(&answer).expect("a redirect");
    assert_eq!(next, format!("{page}?a=1&lang=fr"));
    let cookie = cookie_in(&answer);
    let signed_in = [GERMAN, OURS, ("Cookie", cookie.as_str())];
    // The page, and its way out.
    let (status, html) = seen(get(&proxy, &next, &signed_in).await).await;
    assert_eq!(status, 200);
    for part in ["<html lang=\"fr\"", "action=\"/admin/sign-out?lang=fr\""] {
        assert!(html.contains(part), "{part}");
    }
    let sign_in = format!("/admin/sign-in?next={page}&lang=fr");
    let answer = get(&proxy, &sign_in, &signed_in).await;
    assert_eq!(location(&answer), Some(format!("{page}?lang=fr#")));
    let answer = post_form(&proxy, "/admin/sign-out?lang=fr", &signed_in, "").await;
    let path = location(&answer).expect("a redirect");
    assert!(path.starts_with("/admin/sign-in?") && path.ends_with("lang=fr"), "{path}");
    // Without one, nothing is kept.
    let (_, html) = seen(get(&proxy, "/admin/sign-in", &[GERMAN]).await).await;
    assert!(html.contains("action=\"/admin/sign-in\""), "{html}");
}

#[tokio::test]
async fn a_sign_in_says_why_the_backend_cannot_be_asked_in_the_language_of_the_page() {
    let proxy = start_with(NO_BACKEND, &TOKENS);
    let form = "token=somebody-elses-0123456789";
    let answer = post_form(&proxy, "/admin/sign-in?lang=de", &[OURS], form).await;
    let (status, html) = seen(answer).await;
    assert_eq!(status, 502, "{html}");
    assert!(html.contains("das Backend ist nicht erreichbar"), "{html}");
    assert!(!html.contains("cannot be reached"), "{html}");
}

#[tokio::test]
async fn the_document_has_the_languages_that_there_are() {
    let proxy = start_with(NO_BACKEND, &TOKENS);
    let (_, document) = seen(get(&proxy, "/openapi.json", &[]).await).await;
    let document: Value = serde_json::from_str(&document).expect("JSON");
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("web/messages");
    let names = std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name());
    let mut there: Vec<_> =
        names.map(|it| it.into_string().unwrap().replace(".json", "")).collect();
    there.sort();
    let of_operation = |path: &str| {
        let parameters = document["paths"][path]["get"]["parameters"].as_array().unwrap();
        parameters.iter().find(|it| it["name"] == "lang").unwrap()["schema"].clone()
    };
    for schema in [
        document["components"]["parameters"]["lang"]["schema"].clone(),
        of_operation("/embed"),
        of_operation("/badge.svg"),
    ] {
        // With these, the language of any region.
        let pattern = schema["pattern"].as_str().unwrap();
        let tags = pattern.strip_prefix("^(").unwrap().strip_suffix(")(-[0-9A-Za-z]{1,8})*$");
        let mut tags: Vec<_> = tags.unwrap().split('|').map(str::to_owned).collect();
        tags.sort();
        assert_eq!(tags, there);
    }
}
