//! A status callback that is passed on: what it says, and the request that it becomes.

use live_users_intake::agents::Method;
use live_users_twilio::{Form, Payload, SIGNATURE_HEADER, sign};
use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

/// The header with the id of a request (Twilio, "Webhooks (HTTP callbacks): connection overrides").
pub(crate) const ID_HEADER: &str = "I-Twilio-Idempotency-Token";

/// Marks what was passed on. It is not passed on once more: two servers that name each other would
/// never end.
pub(crate) const MARK: &str = "Live-Users-Passed-On";

/// The content type of Twilio's forms, for one that came in a query.
const FORM: &str = "application/x-www-form-urlencoded; charset=UTF-8";

/// What a callback says. This is what is sealed while it waits, as JSON: a later program may add
/// fields, and has to read what an older one has sealed.
///
/// Without `Debug`: it has callers' numbers.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Content {
    /// Whom it is for.
    pub(crate) urls: Vec<String>,
    /// The content type that it came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<String>,
    /// The id that Twilio gave to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) request_id: Option<String>,
    /// Its fields in the order in which they came.
    pub(crate) fields: String,
}

/// A callback as it is sent.
pub(crate) struct Callback {
    pub(crate) url: Url,
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    /// Empty with [`Method::Get`].
    pub(crate) body: String,
}

impl Content {
    /// About how many bytes it takes while it waits.
    pub(crate) fn n_bytes(&self) -> usize {
        self.fields.len() + self.urls.iter().map(String::len).sum::<usize>()
    }

    /// In bytes, to be sealed.
    pub(crate) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts are always JSON")
    }

    /// The one that these bytes are.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// The request to this URL, signed with the token. A fragment of the URL is neither signed nor
    /// sent. `None` for a URL that is none, which the agents file is refused with.
    pub(crate) fn callback(
        &self,
        url: &str,
        method: Method,
        token: Option<&str>,
    ) -> Option<Callback> {
        let mut url = Url::parse(url).ok()?;
        let mut headers = HeaderMap::new();
        let mut add = |name: &str, value: &str| {
            let name = HeaderName::from_bytes(name.as_bytes());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
                headers.insert(name, value);
            }
        };
        let (body, signed) = match method {
            Method::Get => {
                let query = [url.query().unwrap_or_default(), &self.fields];
                let query: Vec<_> = query.into_iter().filter(|it| !it.is_empty()).collect();
                url.set_query(Some(&query.join("&")));
                (String::new(), None)
            }
            Method::Post => {
                add(CONTENT_TYPE.as_str(), self.kind.as_deref().unwrap_or(FORM));
                (self.fields.clone(), Some(Form::parse(self.fields.as_bytes()).ok()?))
            }
        };
        if let Some(token) = token {
            let payload = signed.as_ref().map_or(Payload::None, Payload::Form);
            add(SIGNATURE_HEADER, &sign(token, url.as_str(), &payload));
        }
        if let Some(id) = &self.request_id {
            add(ID_HEADER, id);
        }
        add(MARK, "1");
        Some(Callback { url, method, headers, body })
    }
}
