//! What the variables mean.

use live_users_http_kit::ConfigErrors;

use super::*;

const ENV: [(&str, &str); 1] = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/otlp/")];

fn read(env: &Env) -> Result<Option<Settings>, ConfigErrors> {
    let mut reader = SettingsReader::new(env);
    let settings = Settings::read(&mut reader, "service", "1.2.3");
    reader.finish(settings)
}

fn urls(env: &Env) -> [Option<String>; 2] {
    let settings = read(env).expect("no mistake");
    settings.map(|it| it.urls.map(|url| url.map(String::from))).unwrap_or_default()
}

#[test]
fn each_signal_goes_to_its_own_address_or_to_a_path_of_the_one_of_all() {
    let (metrics, traces) =
        ("http://collector:4318/otlp/v1/metrics", "http://collector:4318/otlp/v1/traces");
    let both = [metrics, traces].map(|it| Some(it.to_owned()));
    let env = Env::of(ENV);
    assert_eq!(urls(&env), both);
    let own = env.clone().with("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "https://p.example/otlp?a=b");
    assert_eq!(urls(&own), [Some("https://p.example/otlp?a=b".to_owned()), both[1].clone()]);
    let none = env.clone().with("OTEL_TRACES_EXPORTER", "none");
    assert_eq!(urls(&none), [both[0].clone(), None]);
    for (name, value) in [("OTEL_SDK_DISABLED", "true"), ("OTEL_EXPORTER_OTLP_ENDPOINT", " ")] {
        assert_eq!(urls(&env.clone().with(name, value)), [None, None], "{name}");
    }
    let neither = none.with("OTEL_METRICS_EXPORTER", "none");
    assert_eq!(urls(&neither), [None, None]);
    let only = Env::of([("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://tempo:4318/v1/traces")]);
    assert_eq!(urls(&only), [None, Some("http://tempo:4318/v1/traces".to_owned())]);
}

#[test]
fn the_first_name_of_the_service_is_taken_and_values_are_decoded() {
    let env = Env::of(ENV)
        .with("OTEL_RESOURCE_ATTRIBUTES", "a=b%20c, service.name=x ,")
        .with("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Basic%20dTpw")
        .with("OTEL_NODE_IP", "10.0.0.7");
    let settings = read(&env).unwrap().unwrap();
    let of = |name: &str| settings.resource.iter().find(|(key, _)| key == name).unwrap().1.clone();
    assert_eq!((of("a"), of("service.name"), of("service.version")), {
        ("b c".to_owned(), "x".to_owned(), "1.2.3".to_owned())
    });
    assert_eq!(of("service.instance.id").len(), 36);
    let header = &settings.headers["authorization"];
    assert!(header == "Basic dTpw" && header.is_sensitive());
    assert!(!format!("{settings:?}").contains("dTpw"));
    assert_eq!(settings.unread, ["OTEL_NODE_IP"]);
    let named = read(&env.with("OTEL_SERVICE_NAME", "y")).unwrap().unwrap();
    assert!(named.resource.contains(&("service.name".to_owned(), "y".to_owned())));
}

#[test]
fn samplers_are_those_that_can_be_honoured() {
    let of = |name: &str, ratio: &str| {
        let env = Env::of(ENV).with(SAMPLER, name).with(SAMPLER_ARG, ratio);
        read(&env).map(|it| it.unwrap().sampling)
    };
    let is = |by_parent, ratio| Ok(Sampling { by_parent, ratio });
    assert_eq!(of("", ""), is(true, 1.0));
    assert_eq!(of("always_off", ""), is(false, 0.0));
    assert_eq!(of("traceidratio", "0.25"), is(false, 0.25));
    assert_eq!(of("parentbased_traceidratio", "0.25"), is(true, 0.25));
    for (name, ratio) in
        [("xray", ""), ("jaeger_remote", ""), ("traceidratio", "25"), ("traceidratio", "NaN")]
    {
        assert_eq!(of(name, ratio).unwrap_err().0.len(), 1, "{name} {ratio}");
    }
}

#[test]
fn headers_that_would_break_a_request_are_refused_by_name() {
    let of = |headers: &str| read(&Env::of(ENV).with(HEADERS, headers)).map(|_| ());
    assert_eq!(of("authorization=x,user-agent=y,x-scope-orgid=z"), Ok(()));
    for name in OURS {
        let mistakes = of(&format!("x-a=b,{}=s3cr3t", name.to_uppercase())).unwrap_err().0;
        assert_eq!(mistakes.len(), 1, "{name}");
        assert!(mistakes[0].contains(&format!(" header {name}:")), "{mistakes:?}");
        assert!(!mistakes[0].contains("s3cr3t"), "{mistakes:?}");
    }
    assert_eq!(of("host=a,content-length=3").unwrap_err().0.len(), 2);
}
