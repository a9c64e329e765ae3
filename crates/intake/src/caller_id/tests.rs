//! One person in many spellings, and nobody in many others.

use proptest::prelude::*;

use super::*;

fn identity(caller_id: &str) -> Option<String> {
    CallerId::parse(caller_id).identity(true).map(str::to_owned)
}

fn is_nobody(caller_id: &str) -> bool {
    CallerId::parse(caller_id) == CallerId::Nobody
}

/// The spellings of a whole number, given as its digits with the code of its country.
fn spellings(digits: &str) -> Vec<String> {
    let plain = [
        format!("+{digits}"),
        format!(" +{digits} "),
        format!("00{digits}"),
        format!("+{} ({}) {}-{}", &digits[..1], &digits[1..4], &digits[4..7], &digits[7..]),
        format!("%2B{digits}"),
    ];
    let with_scheme = plain.iter().flat_map(|text| {
        let text = text.trim();
        [format!("tel:{text}"), format!("TEL:{text};ext=12"), format!("whatsapp:{text}")]
    });
    let user = [format!("+{digits}"), format!("00{digits}"), format!("%2B{digits}")];
    let sip = user.iter().flat_map(|user| {
        [
            format!("sip:{user}@example.com"),
            format!("SIP:{user}@10.0.0.1:5060;transport=udp"),
            format!("sips:{user}@[2001:db8::1]:5061"),
            format!("sip:{user};npdi=yes@example.com;user=phone"),
            format!("sip:{user};phone-context=+1@example.com?Priority=urgent"),
            format!("sip:{user}:secret@example.com."),
            format!("<sip:{user}@example.com>;tag=1928301774"),
            format!("\"Jo <3\" <sip:{user}@example.com;user=phone>"),
            format!("Jo Bloggs <sip:{user}@example.com>"),
            format!("<tel:{user}>"),
            format!("{user}@example.com"),
        ]
    });
    plain.iter().cloned().chain(with_scheme).chain(sip).collect()
}

#[test]
fn shorter_numbers_in_sip_are_extensions_of_their_host() {
    let extension = identity("sip:100@pbx.example.com");
    assert!(extension.is_some());
    for same in
        ["sips:100@PBX.example.com.:5061;transport=tls", "\"Jo\" <sip:100:pw@pbx.example.com>"]
    {
        assert_eq!(identity(same), extension, "{same}");
    }
    for other in ["sip:100@other.example.com", "sip:101@pbx.example.com", "100"] {
        assert_ne!(identity(other), extension, "{other}");
    }
    assert_eq!(identity("sip:415555012@a"), Some("sip:415555012@a".to_owned()));
    assert_eq!(identity("sip:4155550123@a"), identity("sip:4155550123@b"));
    assert_eq!(identity("sip:41555501@a;user=phone"), identity("41555501"));
    assert_eq!(identity("sip:1415555012345678@a"), Some("sip:1415555012345678@a".to_owned()));
}

#[test]
fn an_address_keeps_user_and_host_and_nothing_that_changes() {
    let jo = identity("sip:Jo@Example.com");
    for same in
        ["sip:jo@example.com:5060;transport=udp", "<sips:jo@example.com.>", "jo@example.com"]
    {
        assert_eq!(identity(same), jo, "{same}");
    }
    assert_ne!(identity("sip:bob@example.com"), jo);
    assert_eq!(identity("client:Agent-7"), Some("client:agent-7".to_owned()));
}

#[test]
fn withheld_and_unusable_caller_ids_are_nobody() {
    for text in [
        "",
        "  ",
        "+",
        "0",
        "00",
        "+0",
        "00000000",
        "464",
        "+464",
        "anonymous",
        "Anonymous",
        "\"Anonymous\"",
        "RESTRICTED",
        "unknown",
        "Unavailable",
        "private",
        "blocked",
        "withheld",
        "No Caller ID",
        "out-of-area",
        "O'Brien & Sons",
        "sip:anonymous@anonymous.invalid",
        "sip:Anonymous@10.0.0.1:5060;transport=udp",
        "sip:restricted@10.0.0.1",
        "sip:10.0.0.1",
        "sip:10.0.0.1:5060",
        "sip:@10.0.0.1",
        "sips:",
        "sip:unknown@unknown.invalid",
        "sip:jo@anonymous.invalid",
        "sip:jo@invalid",
        "sip:+14155550123@anonymous.invalid:5060",
        "\"Anonymous\" <sip:c8oqz84zk7z@privacy.example.com>",
        "Restricted <sip:+14155550123@a>",
        "<sip:anonymous@a>",
        "sip:%61nonymous@a",
        "sip:+@a",
        "sip:0@a",
        "sip:0000000000@a",
        "client:",
        "client:Anonymous",
        "client:+266696687",
        ":x",
        "whatsapp:",
        "whatsapp:anonymous",
        "tel:anonymous",
        "tel:",
    ] {
        assert!(is_nobody(text), "{text:?} is {:?}", CallerId::parse(text));
    }
}

#[test]
fn what_carriers_spell_on_a_keypad_is_nobody() {
    for spelling in WITHHELD_SPELLINGS {
        let mut digits = vec![(*spelling).to_owned()];
        // With the 1, one of them is somebody's, perhaps.
        digits.extend((*spelling != RESTRICTED).then(|| format!("1{spelling}")));
        for digits in &digits {
            for text in [
                digits.clone(),
                format!("+{digits}"),
                format!("00{digits}"),
                format!("tel:+{digits}"),
                format!("whatsapp:+{digits}"),
                format!("sip:{digits}@10.0.0.1"),
                format!("sip:+{digits}@10.0.0.1:5060;user=phone"),
                format!("\"x\" <sip:{digits}@a.example>"),
            ] {
                assert!(is_nobody(&text), "{text:?} is {:?}", CallerId::parse(&text));
            }
        }
    }
}

#[test]
fn a_number_of_texas_is_somebodys_where_a_place_is_told() {
    for text in [
        "+17378742833",
        "17378742833",
        "0017378742833",
        "tel:+17378742833",
        "sip:17378742833@a",
        "whatsapp:+1 737 874 2833",
    ] {
        let caller_id = CallerId::parse(text);
        assert_eq!(caller_id.identity(false), None, "{text}");
        assert_eq!(caller_id.identity(true), Some("+17378742833"), "{text}");
    }
    assert!(CallerId::parse("+17378742834").identity(false).is_some());
}

#[test]
fn numbers_beside_a_keypad_spelling_are_somebodys() {
    for text in ["+2666966870", "+26669668", "+4640", "+4646464646", "7378742834", "+1415464"] {
        assert!(!is_nobody(text), "{text}");
    }
}

#[test]
fn the_country_is_told_by_numbers_that_begin_with_one() {
    let number = |text: &str| CallerId::parse(text).international_number().map(str::to_owned);
    for text in ["+442079460123", "00442079460123", "sip:+442079460123@a", "tel:+44-20-7946-0123"] {
        assert_eq!(number(text).as_deref(), Some("+442079460123"), "{text}");
    }
    assert_eq!(number("14155550123").as_deref(), Some("+14155550123"));
    for text in ["02079460123", "sip:2079460123@a", "sip:100@a", "client:+442079460123"] {
        assert_eq!(number(text), None, "{text}");
    }
}

#[test]
fn the_host_of_a_sip_address_is_found() {
    for text in ["sip:a@B.Example.com:5060", "<sips:b.example.com.>", "x@b.example.com;a=b"] {
        assert_eq!(sip_host(text).as_deref(), Some("b.example.com"), "{text}");
    }
    for text in ["+14155550123", "client:b.example.com", "", "sip:"] {
        assert_eq!(sip_host(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn a_number_as_it_is_kept_is_read_as_in_any_other_spelling(
        number in prop_oneof![
            "\\+[0-9]{0,16}",
            "\\+1?(7378742833|2562533|464|0{1,9})",
            "[+0-9a-z:@]{0,12}",
        ],
    ) {
        let read = CallerId::parse(&number);
        prop_assert_eq!(&read, &CallerId::of_any(&number));
        if let Some(kept) = read.number() {
            prop_assert_eq!(CallerId::parse(kept), read.clone());
        }
    }

    #[test]
    fn all_spellings_of_a_number_are_one_identity(digits in "[1-9][0-9]{9,14}") {
        prop_assume!(!is_withheld_spelling(&digits));
        let number = Some(format!("+{digits}"));
        for text in spellings(&digits) {
            prop_assert_eq!(identity(&text), number.clone(), "{}", text);
        }
        for text in [digits.clone(), format!("sip:{digits}@example.com"), format!("tel:{digits}")] {
            prop_assert_eq!(identity(&text), number.clone(), "{}", text);
        }
    }

    #[test]
    fn different_numbers_are_different_people(a in "[1-9][0-9]{9,14}", b in "[1-9][0-9]{9,14}") {
        prop_assume!(a != b && !is_withheld_spelling(&a));
        prop_assert_ne!(identity(&format!("+{a}")), identity(&format!("+{b}")));
    }

    #[test]
    fn any_text_is_read(text in any::<String>(), shape in "[sipstel:@<>;?+%0-9a-z.\\[\\]]{0,40}") {
        for text in [text, shape] {
            let caller_id = CallerId::parse(&text);
            prop_assert!(caller_id.identity(true) != Some(""));
            prop_assert!(caller_id != CallerId::Nobody || caller_id.identity(true).is_none());
            sip_host(&text);
        }
    }

    #[test]
    fn a_withheld_word_is_nobody_in_each_form_and_letter_case(
        word in prop::sample::select(WITHHELD_WORDS),
        upper: bool,
    ) {
        let word = if upper { word.to_uppercase() } else { word.to_owned() };
        let user = word.replace(' ', "_");
        for text in [
            word.clone(),
            format!("\"{word}\""),
            format!("sip:{user}@10.0.0.1:5060"),
            format!("\"{word}\" <sip:x1@a.example>"),
            format!("client:{user}"),
            format!("whatsapp:{user}"),
        ] {
            prop_assert!(is_nobody(&text), "{} is {:?}", text, CallerId::parse(&text));
        }
    }
}
