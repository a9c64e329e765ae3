//! The fields of a form, or of each object or event of a JSON body.

use live_users_twilio::{Form, JsonBody, JsonError, is_twilio_sid, unix_ms};

use crate::compatible::{form, read as read_form};
use crate::{CallEvent, Reading, Request, Unreadable};

const BODY: Unreadable = Unreadable {
    field: "body",
    expected: "a JSON object with the fields of a webhook, or an array of CloudEvents",
};

pub(super) fn read(request: &Request<'_>) -> Result<Reading, Unreadable> {
    if request.method == "GET" || request.is_form() {
        let form = form(request).ok_or(Unreadable { field: "body", expected: "a form" })?;
        return read_one(&form);
    }
    let body = JsonBody::parse(request.body).map_err(|why| match why {
        JsonError::TooManyEvents => Unreadable { field: "body", expected: "at most 200 events" },
        JsonError::Form | JsonError::Fields(_) => BODY,
    })?;
    let mut whole = Reading::default();
    let mut mistake = None;
    for form in &body.forms {
        match read_one(form) {
            Ok(Reading { events, ignored, .. }) => {
                whole.events.extend(events);
                whole.ignored.extend(ignored);
            }
            // Of a batch, what can be read counts: it is sent again as it is.
            Err(why) => mistake = Some(why),
        }
    }
    match mistake {
        Some(why) if whole.events.is_empty() => return Err(why),
        mistake => {
            whole.ignored.extend(mistake.map(|why| format!("an event without {}", why.field)))
        }
    }
    whole.ignored.extend((body.n_others > 0).then(|| "an event of no call".to_owned()));
    if whole.events.is_empty() && whole.ignored.is_empty() {
        whole.ignored.push("no event".to_owned());
    }
    Ok(whole)
}

/// With the moment that it tells of, `Timestamp`, which an event of a stream may tell long after, and
/// the account.
fn read_one(form: &Form) -> Result<Reading, Unreadable> {
    let reading = read_form(form)?;
    let text = |name| form.text(name).ok().flatten();
    let at_ms = text("Timestamp").and_then(unix_ms);
    let account = text("AccountSid").filter(|sid| is_twilio_sid("AC", sid));
    let whole = |event| CallEvent { at_ms, account: account.map(str::to_owned), ..event };
    Ok(Reading { events: reading.events.into_iter().map(whole).collect(), ..reading })
}
