//! The backend, as `connect` and `doctor` ask it: by its API, and through the address that Twilio
//! uses.

use std::time::Duration;

use live_users_http_kit::{Env, http_client, read_body};
use live_users_twilio::{Form, Payload, SIGNATURE_HEADER, sign};
use live_users_wire::{AgentsReloaded, Checked, Setup, Summary};
use reqwest::header::ALLOW;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::Value;

use crate::Failure;
use crate::credential::{Credential, kind_of, text_of};
use crate::network::why_silent;
use crate::remote::{check_url, of_each};

const USER_AGENT: &str = concat!("live-users/", env!("CARGO_PKG_VERSION"));

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The longest answer that is read, in bytes.
const BODY_BYTES_MAX: usize = 1024 * 1024;

/// The paths that Twilio sends webhooks to.
pub(crate) const WEBHOOKS: [&str; 3] = ["/voice", "/speech-result", "/call-status"];

/// Clients of one backend.
pub(crate) struct OwnServer {
    client: Client,
    /// Where its API is, without a slash at the end.
    url: String,
    /// `API_TOKEN`, if it is known.
    credential: Credential,
}

/// What came of reading the agents file again.
pub(crate) enum Reload {
    /// It is read; this is its SHA-256.
    Done(Option<String>),
    /// The file has mistakes, or leads back to the backend.
    Refused(String),
    /// Nobody was asked: why.
    Unknown(String),
}

/// Why no webhook could be recorded.
pub(crate) enum NotReady {
    /// It says so itself: its reason.
    Answered(String),
    /// Nobody has answered: why.
    Silent(String),
}

/// What came of a webhook that only checks.
pub(crate) enum Check {
    /// It was verified by this process.
    Answered(String),
    /// Somebody has answered, and not as a backend that verified it.
    Wrong(String),
    /// Nobody has answered: why.
    Silent(String),
}

/// What came of a look at a path for webhooks of a source.
pub(crate) enum Look {
    /// It is there.
    There,
    /// It is not: the backend does not know the source, or somebody else has answered.
    NotFound,
    /// Somebody has answered, and not as a backend.
    Wrong(String),
    /// Nobody has answered: why.
    Silent(String),
}

impl OwnServer {
    /// Prepares the client and sends nothing. `url` is that of `--backend`, or of this machine.
    ///
    /// # Errors
    /// If the address cannot be asked.
    pub(crate) fn new(url: &str, credential: Credential) -> Result<Self, Failure> {
        check_url("--backend", url)?;
        let client = http_client(USER_AGENT, PATIENCE).map_err(Failure::run)?;
        Ok(Self { client, url: url.trim_end_matches('/').to_owned(), credential })
    }

    /// Where its API is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// How far it is connected with Twilio. The error says why that is not known.
    pub(crate) async fn setup(&self) -> Result<Setup, String> {
        let asked = self.client.get(format!("{}/api/live-users/setup", self.url));
        let (mut status, mut body) = self.exchange(asked).await?;
        // Of several shards each tells it, and most of it is the same of all that are here.
        let of = serde_json::from_slice(&body).ok().and_then(|it| of_each(&it)).unwrap_or_default();
        for shard in 0..of {
            let url = format!("{}/shards/{shard}/api/live-users/setup", self.url);
            (status, body) = self.exchange(self.client.get(url)).await?;
            if status == StatusCode::OK {
                break;
            }
        }
        match status {
            StatusCode::OK => serde_json::from_slice(&body)
                .map_err(|_| "its answer is that of another server or version".to_owned()),
            _ => Err(self.told(status, &body)),
        }
    }

    /// The number, with what was heard of each source. The error says why that is not known.
    pub(crate) async fn summary(&self) -> Result<Summary, String> {
        let asked = self.client.get(format!("{}/api/live-users/summary", self.url));
        let (status, body) = self.exchange(asked).await?;
        match status {
            StatusCode::OK => serde_json::from_slice(&body)
                .map_err(|_| "its answer is that of another server or version".to_owned()),
            _ => Err(self.told(status, &body)),
        }
    }

    /// Whether a path for webhooks of a source leads to Live Users at this address. It is asked by a
    /// method that none has, so no webhook is counted.
    pub(crate) async fn look(&self, base: &str, path: &str) -> Look {
        let asked = self.client.head(format!("{base}{path}")).timeout(PATIENCE);
        let answer = match asked.send().await {
            Ok(answer) => answer,
            Err(error) => return Look::Silent(why_silent(error)),
        };
        let allowed = answer.headers().get(ALLOW).and_then(|it| it.to_str().ok());
        match answer.status() {
            StatusCode::METHOD_NOT_ALLOWED if allowed.is_some_and(|it| it.contains("POST")) => {
                Look::There
            }
            StatusCode::NOT_FOUND => Look::NotFound,
            status => Look::Wrong(status.to_string()),
        }
    }

    /// Has it read the agents file again.
    pub(crate) async fn reload_agents(&self) -> Reload {
        let asked = self.client.post(format!("{}/api/live-users/agents/reload", self.url));
        match self.exchange(asked).await {
            Ok((StatusCode::OK, body)) => {
                let reloaded = serde_json::from_slice::<AgentsReloaded>(&body);
                Reload::Done(reloaded.ok().and_then(|it| it.sha256))
            }
            Ok((status @ StatusCode::UNPROCESSABLE_ENTITY, body)) => {
                Reload::Refused(self.told(status, &body))
            }
            Ok((status, body)) => Reload::Unknown(self.told(status, &body)),
            Err(why) => Reload::Unknown(why),
        }
    }

    /// Whether it could record a webhook now, and what it warns of.
    pub(crate) async fn ready(&self) -> Result<Vec<String>, NotReady> {
        let asked = self.client.get(format!("{}/readyz", self.url));
        let (status, body) = self.exchange(asked).await.map_err(NotReady::Silent)?;
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let texts = body["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str);
        match (status, body["reason"].as_str()) {
            (StatusCode::OK, _) => Ok(texts.map(str::to_owned).collect()),
            (_, Some(reason)) => Err(NotReady::Answered(reason.to_owned())),
            (status, None) => Err(NotReady::Answered(format!("status {status}"))),
        }
    }

    /// Sends a signed webhook that only checks to a path below the address that Twilio uses.
    pub(crate) async fn check(&self, token: &str, base: &str, path: &str, nonce: &str) -> Check {
        let url = format!("{base}{path}");
        let form = Form::from_pairs([("LiveUsersCheck", nonce)]);
        let signature = sign(token, &url, &Payload::Form(&form));
        let asked = self.client.post(&url).timeout(PATIENCE).body(form.encode());
        let asked = asked
            .header("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
            .header(SIGNATURE_HEADER, signature);
        let answer = match asked.send().await {
            Ok(answer) => answer,
            Err(error) => return Check::Silent(why_silent(error)),
        };
        let status = answer.status();
        let body = read_body(answer, BODY_BYTES_MAX).await.unwrap_or_default();
        match serde_json::from_slice::<Checked>(&body) {
            Ok(checked) if status == StatusCode::OK && checked.check == nonce => {
                Check::Answered(checked.instance)
            }
            _ => Check::Wrong(match status {
                StatusCode::FORBIDDEN => "403: the signature is not accepted".to_owned(),
                status if status.is_redirection() => format!("{status}: a redirect"),
                status => format!("{status}, and no answer of Live Users"),
            }),
        }
    }

    async fn exchange(&self, asked: RequestBuilder) -> Result<(StatusCode, Vec<u8>), String> {
        let asked = asked.timeout(PATIENCE);
        let asked = match &self.credential.token {
            Some(token) => asked.bearer_auth(token),
            None => asked,
        };
        let answer = asked.send().await.map_err(why_silent)?;
        let status = answer.status();
        let body = read_body(answer, BODY_BYTES_MAX).await.map_err(|error| error.to_string())?;
        Ok((status, body))
    }

    /// The server's own text beside the status. If it refuses the token, also where that came from.
    fn told(&self, status: StatusCode, body: &[u8]) -> String {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let text = text_of(&body);
        match (text.as_deref(), status) {
            (Some(text), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                let advice = self.credential.origin.advice(kind_of(&body), "API_TOKEN");
                format!("{status}: {text}. {advice}")
            }
            (Some(text), _) => format!("{status}: {text}"),
            (None, StatusCode::NOT_FOUND) => {
                format!("{status}: another server, or an older version")
            }
            (None, status) => status.to_string(),
        }
    }
}

/// The first of the Auth Tokens, which webhooks that check are signed with.
pub(crate) fn auth_token(env: &Env) -> String {
    let tokens = env.get("TWILIO_AUTH_TOKEN").unwrap_or_default();
    tokens.split(',').next().unwrap_or_default().trim().to_owned()
}

/// Something that no earlier answer can have: 32 hexadecimal digits.
pub(crate) fn nonce() -> Result<String, Failure> {
    crate::tokens::draw()
}
