//! Tests of the country: its answers, the file of prefixes, and the library as the judge of both.

use std::collections::BTreeSet;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat, PhoneNumberType};

use super::*;

/// So many numbers are compared with the library.
const VALID_NUMBERS: u32 = 100_000;

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

#[test]
fn a_rule_is_found_by_its_prefix_as_by_a_look_at_all_of_them() {
    assert!(RULES.is_sorted_by(|a, b| a.prefix <= b.prefix), "the file is sorted");
    assert_eq!(RULES.iter().map(|rule| rule.prefix.len()).max(), Some(PREFIX_DIGITS_MAX));
    let prefixes = RULES.iter().map(|rule| rule.prefix);
    let prefixes = proptest::sample::select(prefixes.collect::<Vec<_>>());
    proptest::proptest!(|(prefix in prefixes, rest in "[0-9]{0,12}")| {
        let digits = format!("{prefix}{rest}");
        let by_all = RULES.iter().rfind(|rule| rule.fits(&digits)).and_then(|rule| rule.country);
        proptest::prop_assert_eq!(country_of(&digits), by_all);
    });
}

/// After a new version of the library, `WRITE_COUNTRY_PREFIXES=1` takes over what it says.
#[test]
fn the_file_is_what_the_library_says() {
    let table = generator::table();
    if std::env::var_os("WRITE_COUNTRY_PREFIXES").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/country/prefixes.txt");
        std::fs::write(path, &table).unwrap();
        return;
    }
    let differs = table.lines().zip(PREFIXES.lines()).find(|(library, file)| library != file);
    assert!(
        table == PREFIXES,
        "the library says otherwise, at first in (library, file): {differs:?}. To take it over: \
         WRITE_COUNTRY_PREFIXES=1 cargo test -p live-users-intake the_file_is"
    );
}

#[test]
fn of_two_prefixes_the_longer_one_decides() {
    for (number, country) in [
        ("+441481256789", "GG"),
        ("+441491256789", "GB"),
        ("+447911123456", "GG"),
        ("+447911023456", "GB"),
        ("+61891621234", "CC"),
        ("+61891641234", "CX"),
        ("+61891231234", "AU"),
        ("+358181234567", "AX"),
        ("+358912345678", "FI"),
        ("+59997171234", "CW"),
    ] {
        assert_eq!(of_number(number), Country::parse(country), "{number}");
    }
}

/// Numbers of Saint Helena have a digit more than those of Tristan da Cunha, and Canada has numbers
/// of seven digits in a range of California.
#[test]
fn where_only_the_length_tells_countries_apart_it_decides() {
    for (number, country) in
        [("+29022158", "SH"), ("+2908999", "TA"), ("+13101234", "CA"), ("+13105550123", "US")]
    {
        assert_eq!(of_number(number), Country::parse(country), "{number}");
    }
}

#[test]
fn an_unlisted_calling_code_or_no_digits_behind_the_prefix_is_no_country() {
    for text in ["whatsapp:", "whatsapp:+", "whatsapp:whatsapp:+14155550123", "++14155550123"] {
        assert_eq!(of_number(text), None, "{text:?}");
    }
    for code in ["210", "800", "808", "870", "878", "881", "882", "883", "888", "979", "999"] {
        assert_eq!(of_number(&format!("+{code}12345678")), None, "{code}");
    }
    assert_eq!(of_number("+\u{661}4155550123"), None);
    assert_eq!(of_number("+493012345678901"), Country::parse("DE"), "fifteen digits");
    assert_eq!(of_number("+4930123456789012"), None, "sixteen");
}

/// The rules are searched in the file's order, and each calling code begins with its own rule.
#[test]
fn the_file_is_sorted_and_no_rule_is_there_twice() {
    for pair in RULES.windows(2) {
        let [before, after] = pair else { unreachable!() };
        let exception = after.digits.start() == after.digits.end();
        let ordered = before.prefix < after.prefix || (before.prefix == after.prefix && exception);
        assert!(ordered, "{} before {}", before.prefix, after.prefix);
        assert!(before.digits != after.digits || before.prefix != after.prefix);
    }
}

const KINDS: [PhoneNumberType; 10] = [
    PhoneNumberType::FixedLine,
    PhoneNumberType::Mobile,
    PhoneNumberType::TollFree,
    PhoneNumberType::PremiumRate,
    PhoneNumberType::SharedCost,
    PhoneNumberType::VoIP,
    PhoneNumberType::PersonalNumber,
    PhoneNumberType::Pager,
    PhoneNumberType::UAN,
    PhoneNumberType::VoiceMail,
];

/// What the library says of a number that it holds valid and would write the same way. It knows a
/// few service numbers that are too short for a caller's.
fn library(number: &str) -> Option<Option<Country>> {
    if !DIGITS.contains(&(number.len() - 1)) {
        return None;
    }
    let parsed = PhoneNumber::parse(number, None).ok()?;
    let region = PHONE_NUMBER_UTIL.get_region_for_number(&parsed)?;
    let as_is = PHONE_NUMBER_UTIL.format(&parsed, PhoneNumberFormat::E164) == number;
    (as_is && PHONE_NUMBER_UTIL.is_valid_number_for_region(&parsed, region))
        .then(|| Country::parse(region.as_region_str().as_str()))
}

/// Examples of every region and of what has no region, in a fixed order.
fn examples() -> Vec<String> {
    let library = &*PHONE_NUMBER_UTIL;
    let of_regions = library.get_supported_regions().flat_map(|region| {
        let example = move |kind| library.get_example_number_for_type_and_region(region, kind);
        KINDS.into_iter().filter_map(move |kind| example(kind).ok())
    });
    let codes = library.get_supported_global_network_calling_codes();
    let others = codes.filter_map(|code| library.get_example_number_for_non_geo_entity(code).ok());
    let written = of_regions
        .chain(others)
        .map(|number| library.format(&number, PhoneNumberFormat::E164).into_owned());
    written.collect::<BTreeSet<_>>().into_iter().collect()
}

#[test]
fn a_number_in_use_has_the_country_that_the_library_gives() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let examples = examples();
    assert!(examples.len() > 1_000, "{}", examples.len());
    let (mut valid, mut wrong) = (0, Vec::new());
    while valid < VALID_NUMBERS {
        // Half of them from an example with other last digits, half from a prefix of the file.
        let (mut number, length) = if rng.random() {
            let example = &examples[rng.random_range(0..examples.len())];
            let kept = rng.random_range(2..=example.len());
            (example[..kept].to_owned(), example.len())
        } else {
            let rule = &RULES[rng.random_range(0..RULES.len())];
            let digits = *rule.digits.start().max(&8)..=*rule.digits.end().min(&13);
            let length =
                if digits.is_empty() { *rule.digits.start() } else { rng.random_range(digits) };
            (format!("+{}", rule.prefix), length + 1)
        };
        while number.len() < length {
            number.push(char::from(rng.random_range(b'0'..=b'9')));
        }
        if let Some(country) = library(&number) {
            valid += 1;
            if of_number(&number) != country {
                wrong.push((number, country));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {valid}: {:?}", wrong.len(), &wrong[..wrong.len().min(20)]);
}

#[test]
fn a_trunk_prefix_after_the_calling_code_is_passed_over_as_the_library_does() {
    let mut compared = 0;
    for number in examples() {
        let trunk = TRUNK_PREFIXES.iter().find_map(|(code, trunk)| {
            let national = number.strip_prefix('+')?.strip_prefix(code)?;
            Some(format!("+{code}{trunk}{national}"))
        });
        let Some(with_trunk) = trunk.filter(|it| DIGITS.contains(&(it.len() - 1))) else {
            continue;
        };
        let parsed = PhoneNumber::parse(&with_trunk, None);
        let taken_off = parsed.is_ok_and(|parsed| {
            PHONE_NUMBER_UTIL.format(&parsed, PhoneNumberFormat::E164) == number
        });
        if taken_off {
            compared += 1;
            assert_eq!(of_number(&with_trunk), of_number(&number), "{with_trunk}");
        }
    }
    assert!(compared > 50, "{compared}");
    assert_eq!(of_number("+4401647487196"), Country::parse("GB"));
}
