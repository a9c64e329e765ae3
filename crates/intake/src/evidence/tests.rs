//! Whose call it is, who is on it, and where that person is.

use super::*;
use live_users_twilio::Form;

const INBOUND: [(&str, &str); 7] = [
    ("CallSid", "CA1"),
    ("CallStatus", "ringing"),
    ("Direction", "inbound"),
    ("From", "+14155550123"),
    ("FromCountry", "US"),
    ("FromState", "CA"),
    ("To", "+15005550006"),
];

fn evidence(fields: &[(&str, &str)], agent_id: Option<&str>) -> Evidence {
    let form = Form::from_pairs(fields.iter().copied());
    let webhook = Webhook::parse(&form).unwrap();
    let key = CallerKey::new("0123456789abcdef").unwrap();
    let (agents, _) = Agents::parse(
        "shared = [\"+442079460000\"]\n\
         [[agent]]\nid = \"booking\"\nname = \"Bookings\"\nnumbers = [\"+15005550006\"]",
    );
    let parties = Parties::of_webhook(&webhook);
    let attribution = Attribution::of(agent_id, &parties, &agents);
    of_webhook(&webhook, Source::Voice, &parties, &attribution, (&agents, &key)).unwrap()
}

fn inbound_with(name: &str, value: &str) -> Evidence {
    let fields: Vec<_> = INBOUND.into_iter().filter(|(n, _)| *n != name).collect();
    evidence(&[&fields[..], &[(name, value)]].concat(), None)
}

#[test]
fn the_person_is_who_calls_us_or_whom_we_call() {
    let inbound = evidence(&INBOUND, None);
    let outbound = evidence(
        &[
            ("CallSid", "CA2"),
            ("Direction", "outbound-api"),
            ("From", "+15005550006"),
            ("To", "+14155550123"),
            ("ToCountry", "US"),
            ("ToState", "CA"),
        ],
        None,
    );
    assert!(inbound.caller.is_some());
    assert_eq!(inbound.caller, outbound.caller);
    assert_eq!(inbound.place, outbound.place);
    assert_eq!(inbound.agent, outbound.agent);
    assert_eq!(inbound.agent, Agent::Id("booking".into()));
}

#[test]
fn an_agent_is_found_by_url_then_by_number_and_else_shows_up_as_itself() {
    assert_eq!(evidence(&INBOUND, Some("x")).agent, Agent::Id("x".into()));
    let whatsapp = inbound_with("To", "whatsapp:+15005550006");
    assert_eq!(whatsapp.agent, Agent::Id("booking".into()));
    assert_eq!(inbound_with("To", "+1999").agent, Agent::Address("+1999".into()));
    assert_eq!(inbound_with("To", "").agent, Agent::Unknown);
}

#[test]
fn an_agent_is_found_by_each_spelling_of_its_number() {
    for to in ["15005550006", "0015005550006", "sip:+15005550006@pbx.example.com:5060;a=b"] {
        assert_eq!(inbound_with("To", to).agent, Agent::Id("booking".into()), "{to}");
    }
}

#[test]
fn our_own_number_is_nobodys_identity_and_no_place() {
    for from in ["+15005550006", "sip:15005550006@a.example", "whatsapp:+15005550006"] {
        let evidence = inbound_with("From", from);
        assert_eq!((evidence.caller, evidence.place), (None, Place::default()), "{from}");
    }
}

#[test]
fn a_number_that_many_share_is_nobodys_identity_but_in_its_country() {
    for from in ["+442079460000", "sip:442079460000@a.example"] {
        let fields = [("CallSid", "CA1"), ("From", from), ("FromCountry", "GB")];
        let evidence = evidence(&fields, None);
        assert_eq!(evidence.caller, None, "{from}");
        assert_eq!(evidence.place.country, Country::parse("GB"), "{from}");
    }
}

#[test]
fn a_doubtful_number_is_a_persons_where_a_place_is_told() {
    let of =
        |more: (&str, &str)| evidence(&[("CallSid", "CA1"), ("From", "+17378742833"), more], None);
    for told in ["FromCity", "FromState", "FromZip", "FromCountry", "CallerZip"] {
        let evidence = of((told, "US"));
        assert!(evidence.caller.is_some(), "{told}");
        assert_eq!(evidence.place.country, Country::parse("US"), "{told}");
    }
    for blank in [("FromCity", ""), ("ToCountry", "US"), ("FromZip", " ")] {
        let evidence = of(blank);
        assert_eq!((evidence.caller, evidence.place), (None, Place::default()), "{blank:?}");
    }
}

#[test]
fn a_parent_that_cannot_be_used_makes_a_leg() {
    let leg = inbound_with("ParentCallSid", "no id");
    assert_eq!((leg.parent.clone(), leg.is_leg()), (None, true));
    assert!(!inbound_with("ParentCallSid", "").is_leg());
}

#[test]
fn what_a_browser_dials_is_not_kept_since_it_may_be_anybodys_number() {
    let dial = |to| evidence(&[("CallSid", "CA1"), ("From", "client:jo"), ("To", to)], None);
    assert_eq!(dial("+14155550123").agent, Agent::Unknown);
    assert_eq!(dial("+15005550006").agent, Agent::Id("booking".into()));
}

#[test]
fn a_withheld_caller_has_no_country_though_the_number_that_stands_for_it_does() {
    let withheld =
        evidence(&[("CallSid", "CA1"), ("From", "+266696687"), ("FromCountry", "LS")], None);
    assert_eq!((withheld.caller, withheld.place), (None, Place::default()));
}

#[test]
fn the_duration_is_in_seconds_and_of_a_call_that_is_over() {
    let of = |status, duration| {
        let fields = [("CallSid", "CA1"), ("CallStatus", status), ("CallDuration", duration)];
        // The other one is in minutes.
        evidence(&[&fields[..], &[("Duration", "2")]].concat(), None).duration_s
    };
    assert_eq!(of("completed", "61"), Some(61));
    assert_eq!(of("completed", "90000"), Some(90_000));
    for (status, duration) in
        [("completed", "90001"), ("completed", ""), ("completed", "-1"), ("in-progress", "61")]
    {
        assert_eq!(of(status, duration), None, "{status} {duration}");
    }
}

#[test]
fn the_reconciler_receives_the_duration_too() {
    let of = |status| {
        let resource = CallResource {
            sid: "CA1".to_owned(),
            parent_call_sid: None,
            status,
            direction: None,
            from: None,
            to: None,
            duration_s: Some(61),
            answered_by: None,
        };
        of_known(CallId::parse("CA1").unwrap(), &resource).map(|evidence| evidence.duration_s)
    };
    assert_eq!(of(Some(CallStatus::Completed)), Some(Some(61)));
    assert_eq!(of(Some(CallStatus::InProgress)), Some(None));
    assert_eq!(of(None), None);
}

#[test]
fn a_country_that_is_none_is_unknown_and_its_region_too() {
    assert_eq!(inbound_with("FromCountry", "Oz").place, inbound_with("FromCountry", "OZ").place);
    let fields = [("CallSid", "CA1"), ("From", "client:jo"), ("FromCountry", "O2")];
    let unknown = evidence(&[&fields[..], &[("FromState", "CA")]].concat(), None);
    assert_eq!(unknown.place, Place::default());
}

#[test]
fn the_city_is_taken_where_it_is_sent_and_a_country_is_known() {
    let city = inbound_with("FromCity", "SAN FRANCISCO").place;
    assert_eq!(city.city.as_deref(), Some("SAN FRANCISCO"));
    assert_eq!(city.area(), evidence(&INBOUND, None).place);
    let fields = [("CallSid", "CA1"), ("From", "client:jo"), ("FromCity", "OSLO")];
    assert_eq!(evidence(&fields, None).place, Place::default());
    let withheld = [("CallSid", "CA1"), ("From", "anonymous"), ("FromCity", "MASERU")];
    assert_eq!(evidence(&withheld, None).place, Place::default());
}

#[test]
fn without_a_country_the_number_gives_it() {
    let place = |from| evidence(&[("CallSid", "CA1"), ("From", from)], None).place;
    assert_eq!(place("+14165550123").country, Country::parse("CA"));
    assert_eq!(place("+442079460123").country, Country::parse("GB"));
    assert_eq!(place("+266696687"), Place::default(), "withheld, and not in Lesotho");
    assert_eq!(place("sip:+442079460123@example.com").country, Country::parse("GB"));
    assert_eq!(place("sip:2079460123@example.com"), Place::default(), "it may be a local one");
    assert_eq!(inbound_with("FromCountry", "").place, inbound_with("FromCountry", "US").place);
}
