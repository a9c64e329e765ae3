//! What the agents file may say, and how its agents are found.

use super::*;

const GOOD: &str = r#"
    [[agent]]
    id = "booking"
    name = "Table bookings"
    numbers = ["+15005550006", "+18885550199"]
    capacity = 20

    [[agent]]
    id = "support"
    name = "Support"
    voice_url = "https://support.example.com/voice"
"#;

#[test]
fn agents_are_found_by_id_and_by_number() {
    let (agents, mistakes) = Agents::parse(GOOD);
    assert_eq!(mistakes, [""; 0]);
    assert_eq!(agents.by_number("+18885550199").unwrap().id, "booking");
    assert_eq!(agents.by_id("support").unwrap().name, "Support");
    assert!(agents.by_id("Booking").is_none() && agents.by_number("").is_none());
}

#[test]
fn every_mistake_of_the_file_is_reported_at_once_and_names_the_field() {
    let (_, mistakes) = Agents::parse(
        r#"
        shared = ["0800", "+442079460000"]

        [[agent]]
        id = "a"
        name = "A"
        numbers = ["+15005550006"]
        sip_hosts = ["sip.example.com", "[2001:db8::1]", "10.0.0.1"]

        [[agent]]
        id = "a"
        name = ""
        numbers = ["+15005550006", "555"]
        voice_url = "example.com"
        voice_method = "PUT"
        fallback_url = "ftp://example.com"
        fallback_number = "5551234"
        sip_hosts = ["sip:example.com", "a b", "SIP.example.com"]
        chat_url = "file:///etc/passwd"
        capacity = 0

        [[agent]]
        id = "not an id"
        name = "B"
        fallback_method = "GET"
        status_callback_url = "calls.example.com"
        status_callback_urls = ["https://a.example.com", "ftp://a.example.com"]
        status_callback_method = "get"
        "#,
    );
    let fields = [
        "2 (\"a\"): id",
        "name",
        "numbers",
        "numbers",
        "fallback_number",
        "sip_hosts: \"sip:example.com\"",
        "sip_hosts: \"a b\"",
        "sip_hosts: \"SIP.example.com\" is already a host of agent 1",
        "voice_url",
        "voice_method: expected \"GET\" or \"POST\"",
        "fallback_url",
        "chat_url",
        "agent 3 (\"not an id\"): id",
        "fallback_method: there is no fallback_url",
        "status_callback_url: expected a URL",
        "status_callback_method: expected \"GET\" or \"POST\"",
        "status_callback_urls: expected a URL",
        "agent 2 (\"a\"): capacity: expected a whole number from 1 up",
        "shared: \"0800\" is not E.164",
    ];
    assert_eq!(mistakes.len(), fields.len(), "{mistakes:?}");
    for (mistake, field) in mistakes.iter().zip(fields) {
        assert!(mistake.contains(field), "{mistake} should name {field}");
    }
}

#[test]
fn agents_are_found_by_each_spelling_of_a_number_and_by_the_host_of_an_address() {
    let (agents, mistakes) = Agents::parse(
        r#"
        shared = ["+442079460000"]
        [[agent]]
        id = "booking"
        name = "Bookings"
        numbers = ["+15005550006"]
        fallback_number = "+14155550100"
        fallback_url = "https://example.com/down"
        sip_hosts = ["SIP.example.com", "[2001:db8::1]"]
        "#,
    );
    assert_eq!(mistakes, [""; 0]);
    for number in ["15005550006", "whatsapp:+15005550006", "sip:+1-500-555-0006@a.example"] {
        assert!(agents.by_number(number).is_some() && agents.is_own_number(number), "{number}");
    }
    assert!(!agents.is_own_number("+15005550007") && !agents.is_own_number("anonymous"));
    for address in ["sip:room-7@sip.example.com:5061;transport=tls", "sips:x@[2001:DB8::1]:1"] {
        assert_eq!(agents.by_sip_host(address).unwrap().id, "booking", "{address}");
    }
    assert!(agents.by_sip_host("sip:x@example.com").is_none());
    assert!(agents.is_shared_number("tel:+44-20-7946-0000"));
    assert!(!agents.is_shared_number("+442079460001"));
    let agents = agents.sharing(&["+442079460001".to_owned()]);
    assert!(agents.is_shared_number("sip:442079460001@a"));
}

#[test]
fn a_url_is_requested_by_post_unless_the_file_names_another_method() {
    let (agents, mistakes) = Agents::parse(
        r#"
        [[agent]]
        id = "default"
        name = "Default"
        voice_url = "https://a.example.com/voice"
        fallback_url = "https://a.example.com/down"
        status_callback_url = "https://a.example.com/status#rc=2"
        [[agent]]
        id = "named"
        name = "Named"
        voice_url = "https://a.example.com/voice.xml"
        voice_method = "GET"
        fallback_url = "https://a.example.com/down.xml"
        fallback_method = "GET"
        status_callback_url = "https://a.example.com/status?a=1"
        status_callback_urls = ["https://b.example.com/", "https://a.example.com/status?a=1"]
        status_callback_method = "GET"
        [[agent]]
        id = "listed"
        name = "Listed"
        voice_url = "https://a.example.com/voice.xml"
        voice_method = "GET"
        fallback_url = "https://a.example.com/down.xml"
        fallback_method = "GET"
        status_callback_urls = ["https://b.example.com/", "https://c.example.com/"]
        status_callback_method = "GET"
        "#,
    );
    assert_eq!(mistakes, [""; 0]);
    for (id, method) in [("default", Method::Post), ("named", Method::Get), ("listed", Method::Get)]
    {
        let agent = agents.by_id(id).unwrap();
        let methods =
            [agent.voice_method(), agent.fallback_method(), agent.status_callback_method()];
        assert_eq!(methods, [method; 3], "{id}");
    }
    let targets = |id| agents.by_id(id).unwrap().status_callback_targets();
    assert_eq!(targets("default"), ["https://a.example.com/status#rc=2"]);
    assert_eq!(targets("named"), ["https://a.example.com/status?a=1", "https://b.example.com/"]);
    assert_eq!(targets("listed"), ["https://b.example.com/", "https://c.example.com/"]);
    assert_eq!([Method::Get, Method::Post].map(Method::as_str), ["GET", "POST"]);
}

#[test]
fn a_key_that_does_not_exist_is_refused_with_its_line() {
    let (_, mistakes) = Agents::parse("[[agent]]\nid = \"a\"\nname = \"A\"\nnumber = \"+1\"\n");
    assert_eq!(mistakes.len(), 1);
    assert!(mistakes[0].contains("number") && mistakes[0].contains("line 4"), "{}", mistakes[0]);
}

#[test]
fn a_line_that_cannot_be_read_is_named_and_not_repeated() {
    let line = "chat_url = \"https://a.example/ask?key=s3cr3t\" and more";
    let (_, mistakes) = Agents::parse(&format!("[[agent]]\nid = \"a\"\nname = \"A\"\n{line}\n"));
    assert_eq!(mistakes.len(), 1);
    assert!(mistakes[0].starts_with("line 4: ") && !mistakes[0].contains("s3cr3t"), "{mistakes:?}");
}

/// The example, and with each commented key and table in force.
fn example() -> [String; 2] {
    let text = include_str!("../../../../examples/agents.toml");
    let is_key = |line: &str| {
        let word = line.split(' ').next().unwrap_or_default();
        let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
        line.starts_with("[[") || line[word.len()..].starts_with(" = ") && word.chars().all(is_name)
    };
    let line = |line: &str| match line.strip_prefix("# ").filter(|it| is_key(it)) {
        Some(commented) => format!("{commented}\n"),
        None => format!("{line}\n"),
    };
    [text.to_owned(), text.lines().map(line).collect()]
}

#[test]
fn the_example_is_right_as_it_is_and_with_all_that_is_commented_in_it() {
    let [as_it_is, whole] = example();
    let (agents, mistakes) = Agents::parse(&as_it_is);
    assert_eq!(mistakes, Vec::<String>::new());
    assert_eq!((agents.sources().len(), agents.accounts().len()), (0, 0));
    let (agents, mistakes) = Agents::parse(&whole);
    assert_eq!(mistakes, Vec::<String>::new(), "{whole}");
    assert!(agents.iter().any(|agent| agent.account.is_some()));
    let of_each_table = [
        agents.sources().len(),
        agents.accounts().len(),
        agents.tokens().len(),
        agents.hooks().len(),
        agents.alerts().len(),
    ];
    assert_eq!(of_each_table, [3, 1, 1, 3, 2]);
    assert!(agents.is_shared_number("+14155550101") && agents.at_limit().is_some());
}
