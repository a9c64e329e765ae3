//! A query string is read without a panic, and a number is within its bounds.

#![no_main]

use live_users_http_kit::Query;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let query = Query::new(text);
    if let Ok(number) = query.number("limit", 7u32, 1..=200) {
        assert!((1..=200).contains(&number));
    }
    let known = ["limit", "after", "from", "to"];
    if query.check_names(&known).is_ok() {
        let pairs = query.decoded();
        assert!(pairs.len() <= known.len());
        assert!(pairs.iter().all(|(name, _)| known.contains(&name.as_str())));
    }
    let _may_be_wrong = query.parsed("from", "anything", |text| Some(text.len()));
});
