//! In which language pages and pictures are.

use live_users_testkit::Server;
use serde_json::Value;

use crate::admin::TOKENS;
use crate::backend::{Backend, ok};
use crate::proxy::{NO_BACKEND, get, header, seen, start_with};

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
        for wrong in ["zh", "DE", "pt-BR", "english"] {
            let (status, _, text) = page(&proxy, &format!("{path}?lang={wrong}"), &[GERMAN]).await;
            let body: Value = serde_json::from_str(&text).expect("JSON");
            assert_eq!((status, &body["field"]), (400, &"lang".into()), "{path}: {text}");
            assert_eq!(body["expected"], "en, de, es, fr, ja or pt", "{path}");
            assert!(!text.contains(wrong), "{text}");
        }
        let (status, _, text) = page(&proxy, &format!("{path}?lang=de&lang=fr"), &[GERMAN]).await;
        let body: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!((status, &body["field"]), (400, &"lang".into()), "{path}: {text}");
        assert_eq!(body["expected"], "one value", "{path}");
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
    let client = reqwest::Client::new();
    let form = client.post(format!("{}/admin/sign-in", proxy.url));
    let form = form.header("accept-language", "de").header("sec-fetch-site", "same-origin");
    let form = form.header("content-type", "application/x-www-form-urlencoded");
    let (status, html) = seen(form.body("token=").send().await.unwrap()).await;
    assert!(status == 400 && html.contains("Geben Sie das Token ein."), "{html}");
    let answer = get(&proxy, "/api/live-users/summary", &[GERMAN]).await;
    assert_eq!(header(&answer, "content-language"), None);
    let (status, json) = seen(answer).await;
    assert!(status == 401 && json.contains("\"error\":\"") && json.is_ascii(), "{json}");
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
        let tags = schema["enum"].as_array().unwrap().iter();
        let mut tags: Vec<_> = tags.map(|it| it.as_str().unwrap().to_owned()).collect();
        tags.sort();
        assert_eq!(tags, there);
    }
}
