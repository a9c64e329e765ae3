//! Lets webhooks in: signed ones, with a body that can be read.

use std::ops::ControlFlow;
use std::time::Instant;

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use live_users_http_kit::vouch_for;
use live_users_twilio::Form;

use super::check;
use super::shared::Webhooks;
use crate::http::error::ApiError;
use crate::http::signature::{self, Received};
use crate::parts::counters::{Hook, Outcome};
use crate::parts::notices::Notice;
use crate::parts::telemetry;

/// Lets a webhook in, and counts it if it is refused. One that only checks has its answer at once.
pub(super) async fn admit(
    shared: &Webhooks,
    hook: Hook,
    request: &HttpRequest,
    body: Payload,
) -> Result<ControlFlow<HttpResponse, Received>, ApiError> {
    let verifying = shared.signature.verify(request, body);
    let verified = telemetry::in_span("verify signature", verifying).await.inspect_err(|why| {
        let outcome = match why {
            signature::Refusal::Unsigned => Outcome::Unsigned,
            _ => Outcome::Bad,
        };
        shared.became(hook, outcome);
        if outcome == Outcome::Unsigned {
            shared.arrivals.refuse(Instant::now());
        }
    })?;
    if shared.signature.is_signed() {
        vouch_for(request);
    }
    if request.path() != hook.path() {
        shared.notices.say(Notice::Slash, || {
            format!(
                "a webhook for {} comes to a URL with a slash too many: correct it in Twilio",
                hook.path()
            )
        });
    }
    if let Received::Forms { forms, .. } = &verified
        && let Some(answer) = check::answer(request, forms, &shared.arrivals)
    {
        shared.became(hook, Outcome::Check);
        return Ok(ControlFlow::Break(answer));
    }
    Ok(ControlFlow::Continue(verified))
}

/// Lets a voice webhook in. Of a body that tells of no call, or of several, nothing is known, and
/// the caller is answered all the same.
pub(super) async fn admit_one(
    shared: &Webhooks,
    hook: Hook,
    request: &HttpRequest,
    body: Payload,
) -> Result<ControlFlow<HttpResponse, Form>, ApiError> {
    let received = match admit(shared, hook, request, body).await? {
        ControlFlow::Continue(received) => received,
        ControlFlow::Break(answer) => return Ok(ControlFlow::Break(answer)),
    };
    let problem = match received {
        Received::Forms { mut forms, .. } if forms.len() == 1 => {
            return Ok(ControlFlow::Continue(forms.pop().unwrap_or_default()));
        }
        Received::Forms { forms, .. } => format!("it tells of {} calls; expected 1", forms.len()),
        Received::Unreadable(why) => why,
    };
    shared
        .notices
        .say(Notice::Body, || format!("{}: the body cannot be read: {problem}", hook.path()));
    Ok(ControlFlow::Continue(Form::default()))
}
