//! A signed webhook that only checks: it tells of no call, and its answer says which process it has
//! reached. So one request shows that `PUBLIC_URL` leads here, and that the signature is accepted.

use actix_web::http::Method;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpRequest, HttpResponse};
use live_users_twilio::Form;
use live_users_wire::Checked;

use crate::parts::arrivals::Arrivals;

/// The field that makes a webhook one that only checks.
const FIELD: &str = "LiveUsersCheck";

/// The longest value of the field, in bytes.
const VALUE_BYTES_MAX: usize = 64;

/// The answer to a webhook that was let in with these forms, if it only checks. A query counts as
/// no form here: what stands in the URL at Twilio comes with each call.
pub(super) fn answer(
    request: &HttpRequest,
    forms: &[Form],
    arrivals: &Arrivals,
) -> Option<HttpResponse> {
    let [form] = forms else { return None };
    if request.method() != Method::POST {
        return None;
    }
    let value = form.text_within(FIELD, VALUE_BYTES_MAX).ok().flatten()?;
    let is_plain = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (is_plain && !value.is_empty()).then(|| {
        let (instance, check) = (arrivals.instance().to_owned(), value.to_owned());
        HttpResponse::Ok()
            .insert_header((CACHE_CONTROL, "no-store"))
            .json(Checked { instance, check })
    })
}
