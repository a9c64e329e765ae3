//! A server that is asked, with its token.

use std::net::IpAddr;
use std::time::Duration;

use live_users_http_kit::{Env, http_client, read_body};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Target, refusal};
use crate::Failure;
use crate::args::Ports;
use crate::credential::{Credential, Kind, Origin, kind_of, text_of};
use crate::network::{advice, why_silent};
use crate::terminal::shown;
use crate::tokens::{ADMIN_TOKEN_FILE, API_TOKEN_FILE};

/// How long connecting may take, in milliseconds.
const CONNECT_MS: u64 = 5_000;

/// How long a whole answer may take, in milliseconds. The proxy waits for the backend meanwhile.
const ANSWER_MS: u64 = 30_000;

/// The longest answer, in bytes.
const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The variables that may have the token, the first before the others.
const TOKENS: [&str; 3] = ["LIVE_USERS_TOKEN", "API_TOKEN", "ADMIN_TOKEN"];

/// What Twilio is called among the sources. A call of which no other one tells names none.
pub(super) const TWILIO: &str = "twilio";

/// What the proxy puts before the fields of an answer.
const ENVELOPE: &str = r#"{"success":true,"#;

/// A backend or a proxy. Cheap to clone.
#[derive(Clone)]
pub(super) struct Server {
    client: Client,
    /// Its address without a slash at the end.
    pub(super) base: String,
    authorization: Option<HeaderValue>,
    /// The only one of several shards that is asked about.
    shard: Option<usize>,
    /// Where the token was found.
    origin: Origin,
    /// Where the proxy of `live-users` is, if this is the backend of `live-users` on this machine.
    pub(super) proxy_beside: Option<String>,
}

/// Why there is no answer that can be used.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The request was not answered, for this reason: nobody may be there.
    Away(String),
    /// There is none that can be read, for this reason.
    NoAnswer(String),
    /// The server refuses, with its text.
    Refused(StatusCode, String, Kind),
    /// A backend with so many shards has no sum of this, with its text: each shard tells its part.
    OfEachShard(usize, String),
}

impl Server {
    /// Finds out the address and the token. Nothing is sent yet.
    pub(super) fn new(target: &Target, ports: &Ports, env: &Env) -> Result<Self, Failure> {
        let default = format!("http://127.0.0.1:{}", ports.backend_port);
        let url = check_url("--url", target.url.as_deref().unwrap_or(&default))?;
        let Credential { token, origin } = match &target.token {
            Some(token) => Credential { token: Some(token.clone()), origin: Origin::Argument },
            None => credential(&url, ports, env)?,
        };
        let bearer = |token: String| {
            let is_token = !token.is_empty() && token.bytes().all(|it| it.is_ascii_graphic());
            let header = HeaderValue::try_from(format!("Bearer {token}"));
            let header = header.ok().filter(|_| is_token).map(|mut header| {
                header.set_sensitive(true);
                header
            });
            header.ok_or_else(|| {
                let name = origin.name();
                Failure::usage(format!("{name} cannot be used: expected visible ASCII characters"))
            })
        };
        let client = http_client(
            concat!("live-users/", env!("CARGO_PKG_VERSION")),
            Duration::from_millis(CONNECT_MS),
        );
        Ok(Self {
            client: client.map_err(Failure::run)?,
            base: url.as_str().trim_end_matches('/').to_owned(),
            shard: target.shard,
            authorization: token.map(bearer).transpose()?,
            origin,
            proxy_beside: (target.url.is_none() && ports.proxy_port != 0)
                .then(|| format!("http://127.0.0.1:{}", ports.proxy_port)),
        })
    }

    /// The same server, asked about one of its shards alone.
    pub(super) fn of_shard(&self, shard: usize) -> Self {
        Self { shard: Some(shard), ..self.clone() }
    }

    /// Requests a path below `/api/live-users`, and returns the answer if it is 200.
    pub(super) async fn open(&self, method: Method, path: &str) -> Result<Response, Trouble> {
        self.send(method, path, |request| request).await
    }

    /// As [`Server::open`]: the whole answer as JSON, without the envelope of the proxy.
    pub(super) async fn ask(&self, method: Method, path: &str) -> Result<String, Trouble> {
        let timeout = Duration::from_millis(ANSWER_MS);
        let answer = self.send(method, path, |request| request.timeout(timeout)).await?;
        let body = self.body(answer).await?;
        Ok(without_envelope(&body))
    }

    /// As [`Server::ask`], by POST, with this body. Also tells which server has answered.
    pub(super) async fn order(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<(String, Kind), Trouble> {
        let body = serde_json::to_vec(body).expect("texts are always JSON");
        let with_body = |request: RequestBuilder| {
            let request = request.timeout(Duration::from_millis(ANSWER_MS));
            request.header(CONTENT_TYPE, "application/json").body(body.clone())
        };
        let answer = self.send(Method::POST, path, with_body).await?;
        let body = self.body(answer).await?;
        let kind = if body.starts_with(ENVELOPE) { Kind::Proxy } else { Kind::Backend };
        Ok((without_envelope(&body), kind))
    }

    /// Whether only this machine can open its address.
    pub(super) fn is_on_loopback(&self) -> bool {
        Url::parse(&self.base).is_ok_and(|url| is_loopback(&url))
    }

    /// Reads JSON of the server.
    pub(super) fn read<T: DeserializeOwned>(&self, json: &str) -> Result<T, Failure> {
        serde_json::from_str(json)
            .map_err(|_| Failure::run(format!("{} answers, but not as Live Users does", self.base)))
    }

    /// The failure of a command that the trouble ends.
    pub(super) fn failure(&self, trouble: &Trouble) -> Failure {
        let text = self.describe(trouble);
        Failure::run(match trouble {
            Trouble::Refused(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _, kind) => {
                format!("{text}. {}", self.origin.advice(*kind, "LIVE_USERS_TOKEN"))
            }
            Trouble::Away(why) => format!("{text}. {}", advice(&self.base, why, "--url")),
            Trouble::OfEachShard(..) => format!("{text}. {}", refusal::ADVICE),
            Trouble::Refused(_, refused, _) if refusal::is_about_them(refused) => {
                format!("{text}. {}", refusal::ADVICE)
            }
            _ => text,
        })
    }

    /// The trouble in words.
    pub(super) fn describe(&self, trouble: &Trouble) -> String {
        match trouble {
            Trouble::Away(why) | Trouble::NoAnswer(why) => {
                format!("{} does not answer: {why}", self.base)
            }
            Trouble::Refused(status, text, _) => {
                format!("{} answers {}: {text}", self.base, status.as_u16())
            }
            Trouble::OfEachShard(_, text) => format!("{} answers 404: {text}", self.base),
        }
    }

    /// Sends the request for a path, of one shard if that is asked about: below its number, where backends
    /// have it, and else with a parameter, which proxies take.
    async fn send(
        &self,
        method: Method,
        path: &str,
        finish: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, Trouble> {
        let Some(shard) = self.shard else {
            return self.sent(finish(self.request(method, "", path))).await;
        };
        let below = format!("/shards/{shard}");
        let answer = self.sent(finish(self.request(method.clone(), &below, path))).await;
        let is_no_path = |kind: &Kind| *kind != Kind::Backend;
        if !matches!(&answer, Err(Trouble::Refused(StatusCode::NOT_FOUND, _, kind)) if is_no_path(kind))
        {
            return answer;
        }
        let mark = if path.contains('?') { '&' } else { '?' };
        let path = format!("{path}{mark}shard={shard}");
        self.sent(finish(self.request(method, "", &path))).await
    }

    fn request(&self, method: Method, below: &str, path: &str) -> RequestBuilder {
        let url = format!("{}{below}/api/live-users{path}", self.base);
        let request = self.client.request(method, url);
        match &self.authorization {
            Some(token) => request.header(AUTHORIZATION, token.clone()),
            None => request,
        }
    }

    async fn sent(&self, request: RequestBuilder) -> Result<Response, Trouble> {
        let answer = request.send().await.map_err(|error| Trouble::Away(why_silent(error)))?;
        let status = answer.status();
        if status == StatusCode::OK {
            return Ok(answer);
        }
        let body = tokio::time::timeout(Duration::from_millis(ANSWER_MS), self.body(answer)).await;
        let body = body.ok().and_then(Result::ok).unwrap_or_default();
        let problem: Value = serde_json::from_str(&body).unwrap_or_default();
        let text = text_of(&problem).or_else(|| status.canonical_reason().map(str::to_owned));
        let text = shown(&text.unwrap_or_else(|| "no reason".to_owned()));
        Err(match refusal::of_each(&problem) {
            Some(of) => Trouble::OfEachShard(of, text),
            None => Trouble::Refused(status, text, kind_of(&problem)),
        })
    }

    async fn body(&self, answer: Response) -> Result<String, Trouble> {
        let body = read_body(answer, BODY_BYTES_MAX).await.map_err(|error| match error {
            live_users_http_kit::BodyError::Broken(error) => no_answer(error),
            too_big => Trouble::NoAnswer(too_big.to_string()),
        })?;
        String::from_utf8(body).map_err(|_| Trouble::NoAnswer("not UTF-8".to_owned()))
    }
}

/// Without the URL, which the text around it has.
pub(super) fn no_answer(error: reqwest::Error) -> Trouble {
    Trouble::NoAnswer(why_silent(error))
}

/// The JSON of the backend, of which the proxy has changed nothing else.
pub(super) fn without_envelope(json: &str) -> String {
    match json.strip_prefix(ENVELOPE) {
        Some(fields) => format!("{{{fields}"),
        None => json.trim_end().to_owned(),
    }
}

/// An address that can be asked, as this flag gives it. It is never repeated when it cannot.
///
/// # Errors
/// Wrong arguments, with what is expected.
pub(crate) fn check_url(flag: &str, text: &str) -> Result<Url, Failure> {
    let refused = |why: &str| Failure::usage(format!("{flag} cannot be used: {why}"));
    let expected = "expected an address such as http://127.0.0.1:8080";
    let url = Url::parse(text).map_err(|_| refused(expected))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused(
            "it has a user or a password in it; a variable gives the token instead",
        ));
    }
    let is_plain = url.query().is_none() && url.fragment().is_none() && url.has_host();
    match url.scheme() {
        "http" | "https" if is_plain => Ok(url),
        _ => Err(refused(expected)),
    }
}

/// The token of the environment, or the one that is kept for a server on this machine.
fn credential(url: &Url, ports: &Ports, env: &Env) -> Result<Credential, Failure> {
    // The proxy of the stack knows the other one.
    let file = match url.port_or_known_default() {
        Some(port) if port == ports.proxy_port => ADMIN_TOKEN_FILE,
        _ => API_TOKEN_FILE,
    };
    Credential::find(env, &TOKENS, is_loopback(url).then_some(file))
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}
