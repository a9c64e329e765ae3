//! `X-Twilio-Signature`: HMAC-SHA1 in Base64 of the URL and the fields of a form. Of any other body the
//! URL has the SHA-256, as `bodySHA256`.

use live_users_twilio::{
    AuthTokens, Payload, Rejection as Why, SETTINGS_HEADER, SIGNATURE_HEADER, SignedRequest,
};

use crate::Request;
use crate::compatible::form;
use crate::verify::{BadSecret, Rejection, Verify};

pub(super) const SECRET_IS: &str = "the auth token of the account";

struct Secret(AuthTokens);

pub(super) fn secret(text: &str) -> Result<Box<dyn Verify>, BadSecret> {
    let tokens = AuthTokens::new([text]).ok_or(BadSecret(SECRET_IS))?;
    Ok(Box::new(Secret(tokens)))
}

impl Verify for Secret {
    fn verify(&self, request: &Request<'_>, _now_ms: u64) -> Result<(), Rejection> {
        let form = form(request);
        let payload = match (request.method, &form) {
            ("GET", _) => Payload::None,
            (_, Some(form)) => Payload::Form(form),
            (_, None) => Payload::Raw(request.body),
        };
        let signed = SignedRequest {
            url: request.url,
            signature: request.header(SIGNATURE_HEADER),
            settings: request.header(SETTINGS_HEADER),
            payload,
        };
        signed.accept(&[&self.0]).map_err(|why| match why {
            Why::Missing => Rejection::Missing(SIGNATURE_HEADER),
            Why::Malformed => Rejection::Malformed(SIGNATURE_HEADER),
            Why::Mismatch => Rejection::Mismatch(SIGNATURE_HEADER),
            Why::BodyHashMissing => Rejection::Malformed("Content-Type"),
            Why::BodyHashMismatch => Rejection::OtherBody(SIGNATURE_HEADER),
            Why::FieldName | Why::Boundary => Rejection::Fields,
            Why::UnsupportedAlgorithm => Rejection::Malformed(SETTINGS_HEADER),
        })
    }
}
