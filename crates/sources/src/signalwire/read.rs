//! The fields of a form, which are Twilio's. `CallSid` and `AccountSid` are UUIDs.

use crate::compatible::{form, read as read_form};
use crate::{Reading, Request, Unreadable};

pub(super) fn read(request: &Request<'_>) -> Result<Reading, Unreadable> {
    let form = form(request).ok_or(Unreadable { field: "body", expected: "a form" })?;
    read_form(&form)
}
