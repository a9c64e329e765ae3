//! The numbers that were named with `--number`.

use std::collections::BTreeSet;

use live_users_twilio::rest::PhoneNumber;

use crate::Failure;

/// The numbers that were named.
pub(super) fn numbers_of(numbers: &[String]) -> BTreeSet<String> {
    numbers.iter().cloned().collect()
}

/// A number that was named has to be one of the account.
pub(super) fn check_asked(
    asked: &BTreeSet<String>,
    numbers: &[PhoneNumber],
    account_sid: &str,
) -> Result<(), Failure> {
    let has = |asked: &&String| numbers.iter().any(|number| number.number == **asked);
    let others: Vec<_> = asked.iter().filter(|it| !has(it)).map(String::as_str).collect();
    if others.is_empty() {
        return Ok(());
    }
    Err(Failure::run(format!(
        "--number: the account {} has no {}; it has {}",
        account_sid,
        others.join(", "),
        match numbers.len() {
            0 => "no numbers".to_owned(),
            _ => numbers.iter().map(|it| it.number.as_str()).collect::<Vec<_>>().join(", "),
        }
    )))
}

/// Takes the spellings of people, and gives E.164.
pub(super) fn e164(text: &str) -> Result<String, String> {
    let plain: String = text.chars().filter(|c| !" -().".contains(*c)).collect();
    let digits = plain.strip_prefix('+').unwrap_or_default();
    let is_number =
        (8..=15).contains(&digits.len()) && digits.bytes().all(|it| it.is_ascii_digit());
    if is_number { Ok(plain) } else { Err("expected E.164: + and 8 to 15 digits".to_owned()) }
}
