//! A backend that the test plays, with the tokens of two accounts: it answers each as the real one
//! does, and keeps what it was asked.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use live_users_testkit::Server;
use parking_lot::Mutex;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;

use crate::admin::{BACKEND_TOKEN, TOKENS};
use crate::backend::{Backend, Request, ok};
use crate::proxy::{cookie_in, start_with};
use crate::sign_in::{OURS, post};

pub(crate) const ACME: &str = "acme-token-0123456789abcdef";
/// The token of a link that ends long after the test, and of one that ended long before it, by the clock
/// of this machine.
pub(crate) const LINK: &str = "link-0123456789abcdef";
pub(crate) const OVER: &str = "link-fedcba9876543210";

pub(crate) const BETA: &str = "beta-token-0123456789abcdef";

/// The backend and the proxy before it.
pub(crate) struct World {
    pub(crate) proxy: Server,
    state: Arc<State>,
    /// The streams that the proxy has opened, each with its access.
    streams: UnboundedReceiver<(Option<String>, Request)>,
    serving: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    asked: Mutex<Vec<Asked>>,
    ended: Mutex<BTreeSet<String>>,
    /// What is answered in place of whose a token is.
    trouble: Mutex<Option<String>>,
    /// Whether only a token's own holder is told what it opens, as by a backend of before.
    is_old: AtomicBool,
}

/// What the backend was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Method and path.
    pub(crate) what: String,
    pub(crate) bearer: String,
    pub(crate) access: Option<String>,
    /// The body, of JSON.
    pub(crate) body: Value,
}

impl World {
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    pub(crate) fn start_with(settings: &[(&str, &str)]) -> Self {
        let mut backend = Backend::start_with_tokens();
        let proxy = start_with(&backend.url, &[&TOKENS[..], settings].concat());
        let (state, (opened, streams)) = (Arc::<State>::default(), unbounded_channel());
        let shared = Arc::clone(&state);
        let serving = tokio::spawn(async move {
            while let Some(mut request) = backend.recv().await {
                let asked = Asked::of(&request.head, &request.body);
                if asked.what.contains("/api/sessions/") {
                    request.say(&ok("").replacen("200 OK", "404 Not Found", 1)).await;
                    continue;
                }
                let answer = shared.answer(&asked);
                shared.asked.lock().push(asked.clone());
                match answer {
                    Some(answer) => request.say(&answer).await,
                    None => {
                        request.open_stream().await;
                        let _the_test_is_over = opened.send((asked.access, request));
                    }
                }
            }
        });
        Self { proxy, state, streams, serving }
    }

    /// What the backend was asked since the last call.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.state.asked.lock())
    }

    /// The token of an account is changed or removed.
    pub(crate) fn end_access(&self, access: &str) {
        self.state.ended.lock().insert(access.to_owned());
    }

    /// From now on the backend is of an older version, or is not any more.
    pub(crate) fn is_old(&self, is_old: bool) {
        self.state.is_old.store(is_old, Ordering::Relaxed);
    }

    /// Answers this whenever it is asked whose a token is.
    pub(crate) fn trouble(&self, answer: Option<&str>) {
        *self.state.trouble.lock() = answer.map(str::to_owned);
    }

    /// The next stream that the proxy opens, with its access.
    pub(crate) async fn opened(&mut self) -> (Option<String>, Request) {
        self.streams.recv().await.expect("a stream")
    }

    /// Whether the proxy has opened no stream but those that `opened` has returned.
    pub(crate) fn has_no_more_streams(&self) -> bool {
        self.streams.is_empty()
    }

    /// Signs in, and returns what a browser sends as `Cookie` from then on.
    pub(crate) async fn cookie(&self, token: &str) -> String {
        let answer = post(&self.proxy, &[OURS], &format!("token={token}")).await;
        assert_eq!(answer.status(), 303);
        cookie_in(&answer)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Asked {
    fn of(head: &str, body: &str) -> Self {
        let header = |name: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(": "));
            lines.find(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned())
        };
        let bearer = header("authorization").unwrap_or_default();
        let bearer = bearer.strip_prefix("Bearer ").unwrap_or_default().to_owned();
        let line = head.lines().next().unwrap_or_default();
        let what = line.trim_end_matches(" HTTP/1.1").replace("/api/live-users", "");
        let body = serde_json::from_str(body).unwrap_or_default();
        Self { what, bearer, access: header("live-users-access"), body }
    }
}

impl State {
    /// The whole answer; `None` for a stream.
    fn answer(&self, Asked { what, bearer, access, body }: &Asked) -> Option<String> {
        let status = |status: &str, body: &str| Some(ok(body).replacen("200 OK", status, 1));
        let is_old = self.is_old.load(Ordering::Relaxed);
        if what == "POST /access" && is_old {
            return status("405 Method Not Allowed", r#"{"error":"method: not allowed here"}"#);
        }
        if what == "POST /access" || what == "GET /access" && is_old {
            if let Some(answer) = self.trouble.lock().clone() {
                return Some(answer);
            }
            return match opened_by(if is_old { bearer } else { body["token"].as_str()? }) {
                Some(access) if is_old => Some(ok(access)),
                Some(access) => Some(ok(&access.replacen('{', r#"{"active":true,"#, 1))),
                None if is_old => status("403 Forbidden", r#"{"error":"Authorization: no"}"#),
                None => Some(ok(r#"{"active":false}"#)),
            };
        }
        if bearer != BACKEND_TOKEN {
            return status("401 Unauthorized", r#"{"error":"Authorization: missing"}"#);
        }
        if access.as_ref().is_some_and(|it| self.ended.lock().contains(it)) {
            return status("403 Forbidden", r#"{"error":"it has ended","code":"access-ended"}"#);
        }
        if what.split('?').next().is_some_and(|path| path.ends_with("/stream")) {
            return None;
        }
        let of = access.as_deref().unwrap_or("all");
        if what.starts_with("GET /history.svg") {
            return Some(ok("<svg/>").replacen("application/json", "image/svg+xml", 1));
        }
        Some(ok(&format!(r#"{{"liveUsers":{},"of":"{of}"}}"#, of.len())))
    }
}

/// What a token opens, as JSON.
fn opened_by(token: &str) -> Option<&'static str> {
    match token {
        ACME => Some(r#"{"id":"acme-wall","role":"read","accounts":["acme"],"access":"acme.1"}"#),
        BETA => {
            Some(r#"{"id":"beta","role":"operate","accounts":["beta","b.2"],"access":"beta.1"}"#)
        }
        LINK => Some(concat!(
            r#"{"id":"000000000000000a","role":"read","accounts":null,"access":"link:a","#,
            r#""link":{"name":"Lobby","scope":{"all":true},"view":"wallboard","expiresMs":4102444800000}}"#
        )),
        OVER => Some(concat!(
            r#"{"id":"000000000000000b","role":"read","accounts":null,"access":"link:b","#,
            r#""link":{"name":"Over","scope":{"total":true},"view":"page","expiresMs":1}}"#
        )),
        BACKEND_TOKEN => Some(r#"{"id":null,"role":"operate","accounts":null,"access":null}"#),
        _ => None,
    }
}
