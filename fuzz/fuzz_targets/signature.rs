//! What is signed here is verified here, for any URL and form; a changed token is not. The first two
//! lines are the URL and the token, and the rest is the form.

#![no_main]

use live_users_fuzz::line_of;
use live_users_twilio::{AuthTokens, Form, Payload, SignedRequest, sign};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut body = bytes;
    let (url, token) = (line_of(&mut body), line_of(&mut body));
    let (Ok(form), Some(tokens)) = (Form::parse(body), AuthTokens::new([token.clone()])) else {
        return;
    };
    let payload = Payload::Form(&form);
    let signature = sign(&token, &url, &payload);
    let request = SignedRequest { url: &url, signature: Some(&signature), settings: None, payload };
    assert_eq!(tokens.verify(&request), Ok(()));
    let _may_be_refused = request.check_boundaries();
    let others = AuthTokens::new([token + "x"]).expect("a token");
    assert!(others.verify(&request).is_err());
});
