//! Starting the proxy, and asking it.

use live_users_testkit::Server;
use reqwest::{Client, Method, Response, redirect};

use crate::backend::Backend;

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_live-users-proxy");

/// For tests that need none: nothing listens on port 1.
pub(crate) const NO_BACKEND: &str = "http://127.0.0.1:1";

/// Long enough that no answer is late on a slow machine.
const PATIENT: (&str, &str) = ("BACKEND_TIMEOUT_MS", "30000");

/// A proxy in front of this backend.
pub(crate) fn start(backend_url: &str) -> Server {
    start_with(backend_url, &[])
}

/// A proxy in front of this backend, with more settings.
pub(crate) fn start_with(backend_url: &str, settings: &[(&str, &str)]) -> Server {
    let mut env = vec![("BACKEND_URL", backend_url), PATIENT];
    env.extend_from_slice(settings);
    Server::start(BINARY, &[], &env)
}

/// A proxy with these settings, which name its backends too.
pub(crate) fn start_all(settings: &[(&str, &str)]) -> Server {
    Server::start(BINARY, &[], &[&[PATIENT], settings].concat())
}

/// What a client sees of an answer: status and body.
pub(crate) type Seen = (u16, String);

/// Asks for the count.
pub(crate) async fn count(proxy: &Server) -> Seen {
    seen(get(proxy, "/api/live-users", &[]).await).await
}

/// Asks for the count, with the test answering for the backend.
pub(crate) async fn count_when(proxy: &Server, backend: &mut Backend, says: &str) -> Seen {
    let (seen, ()) = tokio::join!(count(proxy), async { backend.next().await.say(says).await });
    seen
}

pub(crate) async fn seen(response: Response) -> Seen {
    (response.status().as_u16(), response.text().await.expect("a whole body"))
}

pub(crate) async fn get(proxy: &Server, path: &str, headers: &[(&str, &str)]) -> Response {
    ask(proxy, Method::GET, path, headers).await
}

pub(crate) async fn ask(
    proxy: &Server,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
) -> Response {
    let mut request = client().request(method, format!("{}{path}", proxy.url));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.expect("the proxy answers")
}

/// Sends a form, as a browser does.
pub(crate) async fn post_form(
    proxy: &Server,
    path: &str,
    headers: &[(&str, &str)],
    form: &str,
) -> Response {
    let request = client().post(format!("{}{path}", proxy.url)).body(form.to_owned());
    let request = request.header("Content-Type", "application/x-www-form-urlencoded");
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.send().await.expect("the proxy answers")
}

/// What a browser sends as `Cookie` after this answer, which sets one.
pub(crate) fn cookie_in(answer: &Response) -> String {
    let set = header(answer, "set-cookie").expect("a cookie");
    set.split(';').next().expect("its value").to_owned()
}

pub(crate) fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().expect("text"))
}

pub(crate) fn client() -> Client {
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .no_proxy()
        .redirect(redirect::Policy::none())
        .tls_certs_only([])
        .build()
        .expect("a client")
}

/// A frame without the time at which it was sent, which only has to be one.
pub(crate) fn timeless(frame: &str) -> String {
    let Some((before, now)) = frame.split_once(r#","now":""#) else { return frame.to_owned() };
    let (now, after) = now.split_once('"').expect("a text ends");
    assert!(now.len() == 24 && now.ends_with('Z'), "{frame}");
    format!("{before}{after}")
}
