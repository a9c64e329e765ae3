//! The form of Twilio's ids, and whose account a form comes from.

use crate::field::{FieldError, FieldProblem};
use crate::form::Form;

/// The longest id of an account, in bytes. Twilio's have 34, those of others are UUIDs.
const ACCOUNT_SID_BYTES_MAX: usize = 64;

/// Whether a text is an id of Twilio's: a prefix of two letters, such as `AC`, and 32 hexadecimal
/// digits.
pub fn is_twilio_sid(prefix: &str, text: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|digits| {
        digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// Accepts a form that comes from one of these accounts. With no accounts each is accepted, and a
/// form that names none is accepted too: a genuine one cannot lose its `AccountSid`, because
/// [`SignedRequest::check_boundaries`](crate::SignedRequest::check_boundaries) keeps it in its place.
///
/// # Errors
/// If the form comes from another account, or does not say for sure from which.
pub fn check_account(form: &Form, accounts: &[String]) -> Result<(), FieldError> {
    const FIELD: &str = "AccountSid";
    let account = form.text_within(FIELD, ACCOUNT_SID_BYTES_MAX)?;
    let is_ours = |account| accounts.is_empty() || accounts.iter().any(|ours| ours == account);
    if account.is_none_or(is_ours) {
        return Ok(());
    }
    Err(FieldError {
        field: FIELD.to_owned(),
        problem: FieldProblem::Invalid,
        expected: "an account of TWILIO_WEBHOOK_ACCOUNTS, or that of TWILIO_ACCOUNT_SID".to_owned(),
    })
}

/// Whether an id can be in this form. Twilio's forms have only ids of Twilio's, which begin with
/// this prefix. Those of compatible providers are opaque.
pub(crate) fn fits(form: &Form, prefix: &str, id: &str) -> bool {
    let account = form.text_within("AccountSid", ACCOUNT_SID_BYTES_MAX).ok().flatten();
    let is_twilios = account.is_some_and(|account| is_twilio_sid("AC", account));
    !is_twilios || is_twilio_sid(prefix, id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CallEvents, Webhook};

    const ACCOUNT: &str = "AC00000000000000000000000000000001";
    const CALL: &str = "CA0000000000000000000000000000000f";

    fn form(fields: &[(&str, &str)]) -> Form {
        Form::from_pairs(fields.iter().copied())
    }

    #[test]
    fn a_form_of_twilios_has_only_ids_of_twilios() {
        let with = |call| form(&[("AccountSid", ACCOUNT), ("CallSid", call)]);
        assert!(Webhook::parse(&with(CALL)).is_ok());
        for wrong in ["CA1", "x", &CALL.replace("CA", "CB"), &format!("{CALL}0"), &CALL[..33]] {
            let mistake = Webhook::parse(&with(wrong)).unwrap_err().to_string();
            let expected =
                "CallSid: invalid; expected CA and 32 hexadecimal digits, as Twilio's have";
            assert_eq!(mistake, expected, "{wrong}");
        }
        // Ids of others are opaque, and so is the id of a form that names no account.
        for account in ["d4c5e6f7-0000-4000-8000-00000000000a", "AC1", ""] {
            let form = form(&[("AccountSid", account), ("CallSid", "CA1")]);
            assert!(Webhook::parse(&form).is_ok(), "{account}");
        }
    }

    #[test]
    fn an_id_beside_the_calls_that_is_not_twilios_counts_as_not_said() {
        let base = [("AccountSid", ACCOUNT), ("CallSid", CALL)];
        let with = |more: &[(&'static str, &'static str)]| form(&[&base, more].concat());
        let leg = with(&[("ParentCallSid", "CA2")]);
        let webhook = Webhook::parse(&leg).unwrap();
        assert_eq!((webhook.parent_call_sid, webhook.has_parent), (None, true));
        let dialled = [("DialCallStatus", "completed"), ("DialCallSid", "CA2")];
        assert_eq!(CallEvents::read(&with(&dialled)).dial.unwrap().call_sid, None);
        let conference = [("ConferenceSid", "CF2"), ("StatusCallbackEvent", "conference-end")];
        assert_eq!(CallEvents::read(&with(&conference)).conference, None);
    }

    #[test]
    fn only_the_own_accounts_are_accepted_if_there_are_any() {
        let ours = [ACCOUNT.to_owned(), ACCOUNT.replace('1', "2")];
        let of = |account: &str| form(&[("AccountSid", account)]);
        assert_eq!(check_account(&of(ACCOUNT), &ours), Ok(()));
        assert_eq!(check_account(&of(&ours[1]), &ours), Ok(()));
        assert_eq!(check_account(&of("anything"), &[]), Ok(()));
        assert_eq!(check_account(&form(&[]), &ours), Ok(()));
        for other in [&ACCOUNT.replace('1', "3"), &ACCOUNT.to_lowercase(), "x"] {
            let mistake = check_account(&of(other), &ours).unwrap_err().to_string();
            assert!(
                mistake.starts_with("AccountSid: invalid; expected an account of"),
                "{mistake}"
            );
        }
        let twice = form(&[("AccountSid", ACCOUNT), ("AccountSid", "x")]);
        let mistake = check_account(&twice, &[]).unwrap_err();
        assert_eq!(mistake.problem, FieldProblem::Contradictory);
    }
}
