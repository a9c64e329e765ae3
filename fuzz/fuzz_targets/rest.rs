//! An answer of the provider's REST API is read without a panic, whatever was asked. A call that is
//! taken from it has an id, and is the one that was asked for.

#![no_main]

use live_users_twilio::CallStatus;
use live_users_twilio::rest::{Answer, CallPage, CallResource, Request, answer};

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    let resource = CallResource::parse(body);
    let sid = resource.as_ref().map_or_else(|_| "CA1".to_owned(), |call| call.sid.clone());
    let list = Request::List { status: CallStatus::InProgress, next_page_uri: None };
    for request in [list, Request::Call { sid: sid.clone() }] {
        for status in [200, 302, 404, 429, 500] {
            match answer(&request, status, body) {
                Ok(Answer::Call(call)) => assert!(status == 200 && call.sid == sid),
                Ok(Answer::Page(_)) => assert_eq!(status, 200),
                Ok(Answer::NotFound) => assert_eq!(status, 404),
                Err(_) => {}
            }
        }
    }
    let page = CallPage::parse(body).unwrap_or_default();
    for call in page.calls.iter().chain(&resource) {
        assert!(!call.sid.trim().is_empty());
        assert!(call.parent_call_sid.as_ref().is_none_or(|sid| !sid.trim().is_empty()));
    }
    if let Some(uri) = page.next_page_uri {
        assert!(uri.starts_with('/') && !uri.starts_with("//"), "credentials are sent there");
    }
});
