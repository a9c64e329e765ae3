//! An answer of the provider's REST API is read without a panic, whatever was asked.

#![no_main]

use live_users_twilio::CallStatus;
use live_users_twilio::rest::{CallPage, Request, answer};

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    let list = Request::List { status: CallStatus::InProgress, next_page_uri: None };
    for request in [list, Request::Call { sid: "CA1".to_owned() }] {
        for status in [200, 404, 429, 500] {
            let _may_be_odd = answer(&request, status, body);
        }
    }
    if let Ok(CallPage { next_page_uri: Some(uri), .. }) = CallPage::parse(body) {
        assert!(uri.starts_with('/') && !uri.starts_with("//"), "credentials are sent there");
    }
});
