//! Every shared signature vector: published by Twilio's libraries and documentation, or computed
//! with its Python library and checked against the others.
#![allow(clippy::unwrap_used, reason = "the helpers of a test are a test")]

use live_users_twilio::{AuthTokens, Form, Payload, SignedRequest};
use serde::Deserialize;

const VECTORS: usize = 107;

#[derive(Deserialize)]
struct Vector {
    name: String,
    auth_token: String,
    url: String,
    method: String,
    /// Absent when the request has a body that is no form. Only text is allowed: anything else
    /// in the file has to fail the test and not to be read as something similar.
    params: Option<Vec<(String, String)>>,
    body: Option<String>,
    expected_signature: String,
    signature_settings_header: Option<String>,
    expect_valid: bool,
}

impl Vector {
    fn is_valid(&self, form: &Form) -> bool {
        let payload = match (&self.body, self.method.as_str()) {
            (Some(body), "POST") => Payload::Raw(body.as_bytes()),
            (None, "GET") => Payload::None,
            (None, "POST") => Payload::Form(form),
            (_, method) => panic!("{}: a {method} of an unknown kind", self.name),
        };
        let tokens = AuthTokens::new([self.auth_token.as_str()]).unwrap();
        let request = SignedRequest {
            url: &self.url,
            signature: Some(&self.expected_signature),
            settings: self.signature_settings_header.as_deref(),
            payload,
        };
        tokens.verify(&request).is_ok()
    }
}

#[test]
fn every_vector_is_accepted_or_rejected_as_it_says() {
    let vectors: Vec<Vector> =
        serde_json::from_str(include_str!("fixtures/signature-vectors.json")).unwrap();
    assert_eq!(vectors.len(), VECTORS);
    let wrong: Vec<&str> = vectors
        .iter()
        .filter(|vector| {
            let params = vector.params.as_deref().unwrap_or_default();
            let form = Form::from_pairs(params.iter().map(|(n, v)| (n.as_str(), v.as_str())));
            let sent = Form::parse(form.encode().as_bytes()).unwrap();
            vector.is_valid(&sent) != vector.expect_valid
        })
        .map(|vector| vector.name.as_str())
        .collect();
    assert!(wrong.is_empty(), "not as expected: {wrong:?}");
}
