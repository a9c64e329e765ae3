//! Whether a request comes from Twilio: the `X-Twilio-Signature` header.
//!
//! The rules are those of Twilio's security page and of its own Python, Node and Go libraries;
//! the shared vectors in `tests/fixtures` hold this module to them.

mod boundaries;
mod text;

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::form::Form;
pub use boundaries::{Boundaries, FieldNames};
use text::Url;

/// The header with the signature.
pub const SIGNATURE_HEADER: &str = "X-Twilio-Signature";

/// The header that comes with requests signed by a shared key of the account in place of the
/// Auth Token: `key=<id>,algorithm=<HMAC_SHA1 or HMAC_SHA256>`.
pub const SETTINGS_HEADER: &str = "X-Twilio-Webhooks-Signature-Settings";

/// The secrets that a genuine request may be signed with: Auth Tokens of the account and of its
/// sub-accounts, more than one while a token is being rotated, and shared keys.
pub struct AuthTokens {
    tokens: Vec<Key>,
}

/// A token, as what each algorithm makes of it before it has seen any request.
struct Key {
    sha1: Hmac<Sha1>,
    sha256: Hmac<Sha256>,
}

impl Key {
    fn of(token: &str) -> Self {
        Self { sha1: keyed(token), sha256: keyed(token) }
    }
}

impl AuthTokens {
    /// These tokens, without empty ones; `None` when none is left. An empty token would be a key
    /// that everybody knows.
    pub fn new<T: Into<String>>(tokens: impl IntoIterator<Item = T>) -> Option<Self> {
        let tokens = tokens.into_iter().map(T::into).filter(|token| !token.trim().is_empty());
        let tokens: Vec<_> = tokens.map(|token| Key::of(&token)).collect();
        (!tokens.is_empty()).then_some(Self { tokens })
    }

    /// Accepts a request that is signed with one of the tokens.
    ///
    /// # Errors
    /// Why the request is not to be trusted. The reason gives away nothing that would help to
    /// forge one, so that it may be logged and told to the sender.
    pub fn verify(&self, request: &SignedRequest<'_>) -> Result<(), Rejection> {
        self.verify_joined(request, &Joined::of(&request.payload))
    }

    /// The same with the fields of the request.
    fn verify_joined(
        &self,
        request: &SignedRequest<'_>,
        fields: &Joined<'_>,
    ) -> Result<(), Rejection> {
        let algorithm = Algorithm::of(request.settings)?;
        let claimed = match request.signature {
            None | Some("") => return Err(Rejection::Missing),
            Some(header) => BASE64.decode(header).map_err(|_| Rejection::Malformed)?,
        };
        let url = Url::split(request.url);
        let body_hash = match request.payload {
            Payload::Raw(body) => Some((url.body_hash().ok_or(Rejection::BodyHashMissing)?, body)),
            Payload::None | Payload::Form(_) | Payload::FormInOrder(_) => None,
        };

        let is_genuine = url.candidates().any(|candidate| {
            self.tokens.iter().any(|Key { sha1, sha256 }| match algorithm {
                Algorithm::Sha1 => {
                    mac(sha1.clone(), &candidate, fields).verify_slice(&claimed).is_ok()
                }
                Algorithm::Sha256 => {
                    mac(sha256.clone(), &candidate, fields).verify_slice(&claimed).is_ok()
                }
            })
        });
        if !is_genuine {
            return Err(Rejection::Mismatch);
        }
        match body_hash {
            Some((expected, body)) if expected != hex(&Sha256::digest(body)) => {
                Err(Rejection::BodyHashMismatch)
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// Says how many there are, and nothing about them.
impl fmt::Debug for AuthTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuthTokens({} hidden)", self.tokens.len())
    }
}

/// What is signed of a request, and the signature that it claims.
#[derive(Clone, Copy)]
pub struct SignedRequest<'a> {
    /// The public URL as Twilio has it configured, with the query exactly as it was received: a
    /// server behind a proxy has to rebuild scheme, host and path.
    pub url: &'a str,
    /// The value of [`SIGNATURE_HEADER`].
    pub signature: Option<&'a str>,
    /// The value of [`SETTINGS_HEADER`].
    pub settings: Option<&'a str>,
    /// What the request carries beside its URL.
    pub payload: Payload<'a>,
}

impl SignedRequest<'_> {
    /// Accepts a request whose fields are those that its sender has signed. The signature covers
    /// names and values without anything between them, so [`AuthTokens::verify`] alone does not
    /// tell where one ends and the next begins.
    ///
    /// # Errors
    /// When a name has another form than the provider's, or the name of a field that counts stands
    /// anywhere else than as a whole name.
    pub fn check_boundaries(&self) -> Result<(), Rejection> {
        self.check_boundaries_of(&Joined::of(&self.payload))
    }

    /// Accepts a request that is signed with one of these tokens, and whose fields are those that its
    /// sender has signed: [`AuthTokens::verify`] with the first of them that do, and
    /// [`SignedRequest::check_boundaries`], with the signed text put together once.
    ///
    /// # Errors
    /// As of both. If none of the tokens do, what the last of them say; of no tokens,
    /// [`Rejection::Mismatch`].
    pub fn accept(&self, tokens: &[&AuthTokens]) -> Result<(), Rejection> {
        let fields = Joined::of(&self.payload);
        let mut verified = Err(Rejection::Mismatch);
        for tokens in tokens {
            verified = tokens.verify_joined(self, &fields);
            if verified.is_ok() {
                break;
            }
        }
        verified.and_then(|()| self.check_boundaries_of(&fields))
    }

    fn check_boundaries_of(&self, fields: &Joined<'_>) -> Result<(), Rejection> {
        if let Some((_, query)) = self.url.split_once('?') {
            boundaries::TWILIO.check_query(query)?;
        }
        boundaries::TWILIO.check_joined(fields)
    }
}

/// What a request carries beside its URL.
///
/// Without `Debug`: a raw body may hold anything.
#[derive(Clone, Copy)]
pub enum Payload<'a> {
    /// Nothing: a GET, whose fields are in the query and so in the URL.
    None,
    /// A form, whose fields are part of the signed text.
    Form(&'a Form),
    /// A form of a compatible provider that signs the values of one name as they come: in their
    /// order, and repeated ones too.
    FormInOrder(&'a Form),
    /// Any other body: the signed URL has its SHA-256 in the query, as `bodySHA256`.
    Raw(&'a [u8]),
}

/// Why a request is not to be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// There is no signature.
    #[error("the {SIGNATURE_HEADER} header is missing")]
    Missing,
    /// The signature is not Base64.
    #[error("the {SIGNATURE_HEADER} header is not Base64")]
    Malformed,
    /// No token gives this signature for this request: another sender, another token, or the URL
    /// that was checked is not the one that Twilio has configured.
    #[error("the {SIGNATURE_HEADER} header does not match the URL and the form")]
    Mismatch,
    /// The body is no form and the URL does not vouch for it.
    #[error("the body is not a form and the URL has no bodySHA256")]
    BodyHashMissing,
    /// The URL is genuine, the body is not.
    #[error("the body does not match the bodySHA256 of the URL")]
    BodyHashMismatch,
    /// A field has a name that the provider gives to none.
    #[error("the name of a field is not of the form that Twilio's names have")]
    FieldName,
    /// The signed text has the name of a field that counts where no name begins, so it does not
    /// say for sure which fields were signed.
    #[error("the name of a field that counts stands inside another name or a value")]
    Boundary,
    /// The settings header names an algorithm that is not implemented here.
    #[error("{SETTINGS_HEADER} names an algorithm other than HMAC_SHA1 and HMAC_SHA256")]
    UnsupportedAlgorithm,
}

/// The signature that Twilio gives a voice request, with HMAC-SHA1: user name, password and
/// fragment of the URL are left out, and of an `https` URL the port.
///
/// For [`Payload::Raw`] the URL has to have its `bodySHA256` already.
pub fn sign(token: &str, url: &str, payload: &Payload<'_>) -> String {
    let text = Url::split(url).signed_by_twilio();
    let mac = mac(keyed::<Hmac<Sha1>>(token), &text, &Joined::of(payload));
    BASE64.encode(mac.finalize().into_bytes())
}

enum Algorithm {
    Sha1,
    Sha256,
}

impl Algorithm {
    /// As Twilio's Python library reads the header: without it, or without an algorithm in it,
    /// SHA-1.
    fn of(settings: Option<&str>) -> Result<Self, Rejection> {
        let named = settings
            .unwrap_or_default()
            .split(',')
            .filter_map(|setting| setting.split_once('='))
            .find(|(name, value)| name.trim() == "algorithm" && !value.trim().is_empty())
            .map(|(_, value)| value.trim().to_ascii_uppercase());
        match named.as_deref() {
            None | Some("HMAC_SHA1") => Ok(Self::Sha1),
            Some("HMAC_SHA256") => Ok(Self::Sha256),
            Some(_) => Err(Rejection::UnsupportedAlgorithm),
        }
    }
}

/// The fields in the order in which they are signed: Twilio's are the distinct ones by name and then
/// by value, in byte order.
fn fields_in_order<'a>(payload: &Payload<'a>) -> Vec<(&'a [u8], &'a [u8])> {
    match *payload {
        Payload::Form(form) => {
            let mut fields: Vec<_> = form.sorted_fields().collect();
            fields.dedup();
            fields
        }
        Payload::FormInOrder(form) => {
            let mut fields: Vec<_> = form.fields().collect();
            fields.sort_by_key(|(name, _)| *name);
            fields
        }
        Payload::None | Payload::Raw(_) => Vec::new(),
    }
}

fn keyed<M: Mac + KeyInit>(token: &str) -> M {
    <M as KeyInit>::new_from_slice(token.as_bytes()).expect("HMAC takes a key of any length")
}

/// Fields in the order in which they are signed, and what is signed of them: their names and values
/// without anything between them. In one piece, since some sixty small ones take as long as their hash.
struct Joined<'a> {
    fields: Vec<(&'a [u8], &'a [u8])>,
    text: Vec<u8>,
}

impl<'a> Joined<'a> {
    fn of(payload: &Payload<'a>) -> Self {
        Self::from(fields_in_order(payload))
    }

    fn from(fields: Vec<(&'a [u8], &'a [u8])>) -> Self {
        let length = fields.iter().map(|(name, value)| name.len() + value.len()).sum();
        let mut text = Vec::with_capacity(length);
        for (name, value) in &fields {
            text.extend_from_slice(name);
            text.extend_from_slice(value);
        }
        Self { fields, text }
    }
}

/// Signs the URL and the fields.
fn mac<M: Mac>(mut mac: M, url: &[&str], fields: &Joined<'_>) -> M {
    for part in url {
        mac.update(part.as_bytes());
    }
    mac.update(&fields.text);
    mac
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
