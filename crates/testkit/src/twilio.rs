//! Speaks to a backend as Twilio does.

use live_users_twilio::{Form, Payload, SIGNATURE_HEADER, sign};

use crate::{Answer, get, send, try_send};

/// The content type of Twilio's requests.
const FORM: &str = "application/x-www-form-urlencoded; charset=UTF-8";

/// A sender of signed webhooks.
#[derive(Clone, Debug)]
pub struct Twilio {
    /// The address of the backend, without a slash at the end.
    pub url: String,
    /// The Auth Token to sign with.
    pub token: String,
}

impl Twilio {
    /// A sender to the backend at this address.
    pub fn new(url: &str, token: &str) -> Self {
        Self { url: url.to_owned(), token: token.to_owned() }
    }

    /// Sends the fields to a path, signed for the address that they are sent to.
    pub fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_body(path, Form::from_pairs(fields.iter().copied()).encode().as_bytes())
    }

    /// Sends the fields to a path, as one attempt of the request with this id.
    ///
    /// # Panics
    /// If the fields are more than a form can have.
    pub fn post_as(&self, request_id: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = Form::from_pairs(fields.iter().copied()).encode();
        let (url, signature) = self.signed(path, body.as_bytes());
        let id = ("I-Twilio-Idempotency-Token", request_id);
        let headers = [("Content-Type", FORM), (SIGNATURE_HEADER, signature.as_str()), id];
        send("POST", &url, &headers, body.as_bytes())
    }

    /// Sends the fields to a path of a backend that may be gone: `None` if there is no answer.
    ///
    /// # Panics
    /// If the fields are more than a form can have.
    pub fn try_post(&self, path: &str, fields: &[(&str, &str)]) -> Option<Answer> {
        let body = Form::from_pairs(fields.iter().copied()).encode();
        let (url, signature) = self.signed(path, body.as_bytes());
        let headers = [("Content-Type", FORM), (SIGNATURE_HEADER, signature.as_str())];
        try_send("POST", &url, &headers, body.as_bytes()).ok()
    }

    /// Sends a body as it stands.
    ///
    /// # Panics
    /// If the body has more fields than a form can have.
    pub fn post_body(&self, path: &str, body: &[u8]) -> Answer {
        let (url, signature) = self.signed(path, body);
        let headers = [("Content-Type", FORM), (SIGNATURE_HEADER, signature.as_str())];
        send("POST", &url, &headers, body)
    }

    /// A whole request with these fields, for a client of its own.
    ///
    /// # Panics
    /// If the fields are more than a form can have.
    pub fn request(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let body = Form::from_pairs(fields.iter().copied()).encode();
        let (_, signature) = self.signed(path, body.as_bytes());
        let host = self.url.trim_start_matches("http://");
        format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: {FORM}\r\n\
             {SIGNATURE_HEADER}: {signature}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    fn signed(&self, path: &str, body: &[u8]) -> (String, String) {
        let url = format!("{}{path}", self.url);
        let form = Form::parse(body).expect("a form");
        let signature = sign(&self.token, &url, &Payload::Form(&form));
        (url, signature)
    }

    /// The body of `GET /api/live-users`.
    pub fn count(&self) -> String {
        get(&format!("{}/api/live-users", self.url)).body
    }

    /// A caller's first request, from a number that ends in `n`.
    pub fn start(&self, n: u8) -> Answer {
        self.post("/voice", &inbound(&sid(n), &format!("+1415555{n:04}"), "ringing"))
    }

    /// The end of that call.
    pub fn end(&self, n: u8) -> Answer {
        self.post("/call-status", &inbound(&sid(n), &format!("+1415555{n:04}"), "completed"))
    }
}

fn sid(n: u8) -> String {
    format!("CA{n:032x}")
}

fn inbound<'a>(sid: &'a str, from: &'a str, status: &'a str) -> [(&'a str, &'a str); 6] {
    [
        ("CallSid", sid),
        ("CallStatus", status),
        ("Direction", "inbound"),
        ("From", from),
        ("FromCountry", "US"),
        ("To", "+15005550006"),
    ]
}
