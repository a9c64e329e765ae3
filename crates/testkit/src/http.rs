//! One HTTP request at a time, for tests that want to see the whole answer.

use std::time::Duration;

use ureq::Agent;
use ureq::http::Request;

/// A bound for a server that is stuck, in seconds; not an expectation of speed.
const PATIENCE_S: u64 = 60;

/// An answer, whatever its status.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as text.
    pub body: String,
}

impl Answer {
    /// The value of a header, empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(n, _)| n == name);
        found.map_or("", |(_, value)| value.as_str())
    }
}

/// Asks for a URL.
///
/// # Panics
/// If there is no answer.
pub fn get(url: &str) -> Answer {
    send("GET", url, &[], b"")
}

/// Sends a request.
///
/// # Panics
/// If there is no answer.
pub fn send(method: &str, url: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    try_send(method, url, headers, body).expect("an answer")
}

/// Sends a request to a server that may be gone.
///
/// # Errors
/// If there is no answer.
pub fn try_send(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Answer, ureq::Error> {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .allow_non_standard_methods(true)
        .timeout_global(Some(Duration::from_secs(PATIENCE_S)))
        .build();
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut answer = Agent::new_with_config(config).run(request.body(body)?)?;
    let headers = answer.headers().iter();
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    Ok(Answer {
        status: answer.status().as_u16(),
        headers: headers.map(|(n, v)| (n.to_string(), text(v.as_bytes()))).collect(),
        body: answer.body_mut().read_to_string()?,
    })
}
