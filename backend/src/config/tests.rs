//! Settings that are refused, each by its name.

use super::*;

fn mistakes(env: Env) -> String {
    Config::read(&env).unwrap_err().to_string()
}

#[test]
fn without_a_token_the_variable_is_named() {
    assert!(mistakes(Env::default()).contains("TWILIO_AUTH_TOKEN is not set"));
    assert!(mistakes(Env::of([("TWILIO_AUTH_TOKEN", " , ")])).contains("TWILIO_AUTH_TOKEN"));
}

#[test]
fn unsigned_webhooks_are_for_loopback_only() {
    let env = Env::of([("ALLOW_UNSIGNED_WEBHOOKS", "true")]);
    assert!(matches!(Config::read(&env).unwrap().verification, Verification::Off));
    assert!(mistakes(env.clone().with("PORT", "8080")).contains("loopback only"));
    assert!(mistakes(env.clone().with("HOST", "10.0.0.1")).contains("loopback only"));
    assert!(mistakes(env.with("TWILIO_AUTH_TOKEN", "t")).contains("both set"));
}

#[test]
fn unsigned_webhooks_leave_nothing_to_ask_twilio_with_but_a_key() {
    let unsigned = Env::of([
        ("ALLOW_UNSIGNED_WEBHOOKS", "true"),
        ("TWILIO_ACCOUNT_SID", "AC00000000000000000000000000000001"),
    ]);
    assert!(mistakes(unsigned.clone()).contains("TWILIO_ACCOUNT_SID"));
    let key = unsigned.with("TWILIO_API_KEY_SID", "SK1").with("TWILIO_API_KEY_SECRET", "s");
    assert!(Config::read(&key).unwrap().twilio_api.is_some());
}

#[test]
fn all_errors_are_reported_at_once() {
    let env = Env::of([
        ("PORT", "99999"),
        ("MAX_CALL_HOURS", "25"),
        ("PUBLIC_URL", "example.com"),
        ("ALLOWED_ORIGINS", "nowhere"),
        ("CALLER_HASH_KEY", "hunter2"),
        ("AGENTS_FILE", "does-not-exist.toml"),
        ("SHARED_NUMBERS", "+14155550100, 0800"),
    ]);
    let errors = mistakes(env);
    for name in [
        "PORT",
        "MAX_CALL_HOURS",
        "PUBLIC_URL",
        "ALLOWED_ORIGINS",
        "CALLER_HASH_KEY",
        "AGENTS_FILE",
        "SHARED_NUMBERS: \"0800\"",
        "TWILIO_AUTH_TOKEN",
    ] {
        assert!(errors.contains(name), "{name} is missing in: {errors}");
    }
    assert!(!errors.contains("hunter2"), "a secret is repeated: {errors}");
}

#[test]
fn what_counts_is_chosen_and_a_mistake_says_what_can_be() {
    let base = Env::of([("TWILIO_AUTH_TOKEN", "t")]);
    let counting = |env: &Env| Config::read(env).map(|it| it.keep.settings.counting);
    assert_eq!(counting(&base), Ok(Counting::default()));
    let all = base.clone().with("COUNT_HANDED_OVER", "true").with("COUNT", "calls");
    assert_eq!(counting(&all), Ok(Counting { handed_over: true, by_call: true }));
    assert_eq!(counting(&base.clone().with("COUNT", "callers")), Ok(Counting::default()));
    let wrong = mistakes(base.with("COUNT", "legs").with("COUNT_HANDED_OVER", "perhaps"));
    assert!(wrong.contains("callers or calls"), "{wrong}");
    assert!(wrong.contains("COUNT_HANDED_OVER"), "{wrong}");
}

#[test]
fn no_secret_is_in_the_debug_output() {
    let env = Env::of([
        ("TWILIO_AUTH_TOKEN", "topsecrettoken"),
        ("CALLER_HASH_KEY", "topsecretcallerkey"),
        ("TWILIO_ACCOUNT_SID", "AC00000000000000000000000000000001"),
        ("TWILIO_API_KEY_SID", "SK00000000000000000000000000000001"),
        ("TWILIO_API_KEY_SECRET", "topsecretkey"),
    ]);
    let config = Config::read(&env).unwrap();
    assert!(config.twilio_api.is_some());
    assert!(!format!("{config:?}").contains("topsecret"));
}
