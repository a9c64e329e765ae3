//! The country of a caller's number, for when the provider does not send it.

use live_users_core::Country;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber};

/// At the level `trace` the library writes numbers to the log.
const _: () = assert!(log::STATIC_MAX_LEVEL as usize <= log::LevelFilter::Debug as usize);

/// Digits of a number in E.164 (ITU-T E.164, section 6); no country has shorter ones.
const DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// The country that a number in E.164 belongs to, also one behind `whatsapp:`. `None` for anything
/// else, for a number that no country has given out, and for numbers of no country, such as +800.
///
/// Twenty-five countries share +1, and others share +7, +44 and +39: that takes the ranges of each,
/// which are in the library (Google's libphonenumber).
pub(crate) fn of_number(address: &str) -> Option<Country> {
    let number = address.strip_prefix("whatsapp:").unwrap_or(address);
    let digits = number.strip_prefix('+')?;
    if !DIGITS.contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = PhoneNumber::parse(number, None).ok()?;
    let region = PHONE_NUMBER_UTIL.get_region_for_number(&number)?;
    Country::parse(region.as_region_str().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_belongs_to_the_country_that_has_its_range() {
        for (number, country) in [
            ("+14155550123", "US"),
            ("+12125551234", "US"),
            ("+18885550199", "US"),
            ("+14165550123", "CA"),
            ("+16045550123", "CA"),
            ("+18765550123", "JM"),
            ("+18095550123", "DO"),
            ("+17875550123", "PR"),
            ("+442079460123", "GB"),
            ("+441534456789", "JE"),
            ("+390612345678", "IT"),
            ("+390669812345", "VA"),
            ("+74951234567", "RU"),
            ("+77012345678", "KZ"),
            ("+4915112345678", "DE"),
            ("+61212345678", "AU"),
            ("+212522123456", "MA"),
            ("+26622123456", "LS"),
            ("whatsapp:+5511912345678", "BR"),
        ] {
            assert_eq!(of_number(number), Country::parse(country), "{number}");
        }
    }

    #[test]
    fn what_is_no_number_of_a_country_is_unknown() {
        for text in [
            "",
            "+",
            "+1",
            "14155550123",
            "+1415555",
            "+19995550123",
            "+80012345678",
            "+1 415 555 0123",
            "+1415555012x",
            "+1415555012345678",
            "+0000000000",
            "+999999999999",
            "client:+14155550123",
            "sip:+442079460123@example.com",
            "anonymous",
        ] {
            assert_eq!(of_number(text), None, "{text:?}");
        }
    }

    #[test]
    fn no_digits_make_it_panic() {
        proptest::proptest!(|(digits in "[0-9]{7,15}")| {
            let _may_be_unknown = of_number(&format!("+{digits}"));
        });
    }
}
