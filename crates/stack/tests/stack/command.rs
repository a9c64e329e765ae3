//! The `live-users` command.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use live_users_testkit::{Server, Twilio, exit_of, get, send};

use crate::{STACK, TOKEN, agents_file};

const ANY_PORTS: [&str; 4] = ["--backend-port", "0", "--proxy-port", "0"];

fn start(args: &[&str], env: &[(&str, &str)]) -> (Server, String, String) {
    let agents = agents_file();
    let env = [&[("AGENTS_FILE", agents.as_str())], env].concat();
    let server = Server::start(STACK, &[&ANY_PORTS[..], args].concat(), &env);
    let address = |what: &str| {
        let line = server.log().lines().find(|line| line.contains(what)).expect("the welcome");
        let url = line.split_whitespace().last().expect("an address");
        url[..url[8..].find('/').map_or(url.len(), |at| at + 8)].to_owned()
    };
    let (page, count) = (address("The page"), address("The count"));
    (server, page, count)
}

#[test]
fn the_stack_shows_one_count_on_both_sides_and_ends_on_sigterm() {
    let (mut server, page, count) = start(&[], &[]);
    // The second of the two servers.
    server.await_log("listening on");
    assert_eq!(get(&format!("{count}/api/live-users")).body, r#"{"liveUsers":0}"#);
    let envelope = get(&format!("{page}/api/live-users")).body;
    assert_eq!(envelope, r#"{"success":true,"liveUsers":0}"#);
    let answer = get(&format!("{page}/admin/existing-agents"));
    let location = answer.header("location").to_owned();
    assert_eq!((answer.status, location.starts_with("/admin/sign-in?next=")), (303, true));
    let (status, log) = server.terminate();
    assert!(status.success(), "{log}");
}

#[test]
fn a_demonstration_tells_of_a_setting_whose_name_is_mistyped() {
    let env = [("TWILIO_AUTH_TOKN", "hunter2hunter2"), ("TWILIO_PHONE_NUMBER", "+12065550100")];
    let (server, ..) = start(&[], &env);
    let (_, log) = server.terminate();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("did you mean")).collect();
    let [line] = lines[..] else { panic!("{log}") };
    let meant = "TWILIO_AUTH_TOKN is no setting; did you mean TWILIO_AUTH_TOKEN?";
    assert!(line.contains(meant) && !log.contains("hunter2"), "{log}");
    assert!(log.contains("Twilio is not asked: TWILIO_ACCOUNT_SID is not set"), "{log}");
}

#[test]
fn a_journal_that_cannot_be_opened_ends_neither_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("journal.sqlite3");
    std::fs::write(&file, "no journal").expect("a file");
    let journal = format!("file:{}", folder.path().display());
    let env = [("TWILIO_AUTH_TOKEN", TOKEN), ("JOURNAL_URL", &journal)];
    let (mut server, page, count) = start(&[], &env);
    let twilio = Twilio::new(&count, TOKEN);
    let answer = twilio.start(9);
    assert!(answer.status == 200 && answer.body.contains("<Gather "), "{}", answer.body);
    assert_eq!(get(&format!("{count}/api/live-users")).status, 503);
    let envelope = get(&format!("{page}/api/live-users")).body;
    assert!(envelope.starts_with(r#"{"success":false,"liveUsers":0,"#), "{envelope}");
    std::fs::remove_file(&file).expect("it can be removed");
    server.await_log("from now on calls are counted");
    server.await_log("listening on");
    assert_eq!(twilio.count(), r#"{"liveUsers":0}"#);
}

#[test]
fn the_welcome_says_what_to_set_in_twilio() {
    let env = [("TWILIO_AUTH_TOKEN", "t0ken"), ("PUBLIC_URL", "https://calls.example.com/")];
    let (server, ..) = start(&[], &env);
    let log = server.log().to_owned();
    for line in [
        "A call comes in         https://calls.example.com/voice",
        "Primary handler fails   the agent's own URL",
        "Call status changes     https://calls.example.com/call-status#ct=500&rc=5&rp=all",
    ] {
        assert!(log.contains(line), "{line} is missing in\n{log}");
    }
    let (connect, by_hand) = (log.find("live-users connect"), log.find("Or by hand"));
    assert!(connect.is_some() && connect < by_hand, "{log}");
    assert!(!log.contains("t0ken"), "{log}");
    let (demo, ..) = start(&[], &[]);
    assert!(demo.log().contains("simulate --calls 25"), "{}", demo.log());
}

/// The status of the summary at the proxy, for whoever shows this token, and what is said.
fn summary(page: &str, token: &str) -> (u16, String) {
    let authorization = format!("Bearer {token}");
    let headers = [("Authorization", authorization.as_str())];
    let answer = send("GET", &format!("{page}/api/live-users/summary"), &headers, b"");
    (answer.status, answer.body)
}

#[test]
fn a_demonstration_draws_its_tokens_and_shows_the_admins() {
    let shown = |server: &Server| {
        let (_, behind) = server.log().split_once("/admin/sign-in#token=").expect("a link");
        let token = behind[..behind.find('\n').expect("its end")].to_owned();
        let curl = format!("Authorization: Bearer {token}'");
        assert!(server.log().contains(&curl), "{}", server.log());
        token
    };
    let ((one, page, _), (another, ..)) = (start(&[], &[]), start(&[], &[]));
    let token = shown(&one);
    assert_eq!(token.len(), 32, "{token}");
    assert_ne!(token, shown(&another), "drawn anew for each process");
    let (status, body) = summary(&page, &token);
    assert_eq!(status, 200, "the two servers know each other: {body}");
    assert!(body.starts_with(r#"{"success":true,"liveUsers":0,"#), "{body}");
    assert_eq!(summary(&page, &shown(&another)).0, 403);
    assert_eq!(get(&format!("{page}/api/live-users/summary")).status, 401);
}

#[test]
fn tokens_that_are_set_are_used_and_never_shown() {
    const ADMIN: &str = "admin-0123456789abcdef";
    let env = [("ADMIN_TOKEN", ADMIN), ("API_TOKEN", "api-0123456789abcdef")];
    // The stack gives the proxy what the backend has.
    let env = [&env[..], &[("BACKEND_TOKEN", "another-0123456789abcdef")]].concat();
    let (server, page, _) = start(&[], &env);
    let (status, body) = summary(&page, ADMIN);
    assert_eq!(status, 200, "{body}");
    let (_, log) = server.terminate();
    assert!(!log.contains("0123456789abcdef"), "{log}");
    assert!(log.contains("asks for your ADMIN_TOKEN"), "{log}");

    let same = [("ADMIN_TOKEN", ADMIN), ("API_TOKEN", ADMIN)];
    let same = exit_of(STACK, &ANY_PORTS, &same);
    let told = String::from_utf8_lossy(&same.stderr).into_owned();
    assert_eq!(same.status.code(), Some(64), "{told}");
    assert!(told.contains("ADMIN_TOKEN and API_TOKEN") && !told.contains(ADMIN), "{told}");

    let (real, page, _) = start(&[], &[("TWILIO_AUTH_TOKEN", "t0ken")]);
    assert!(real.log().contains("/admin/sign-in#token="), "{}", real.log());
    assert_eq!(summary(&page, ADMIN).0, 403, "another one was drawn");

    let weak = exit_of(STACK, &ANY_PORTS, &[("API_TOKEN", "hunter2")]);
    let told = String::from_utf8_lossy(&weak.stderr).into_owned();
    assert_eq!(weak.status.code(), Some(64), "{told}");
    assert!(told.contains("1 mistake ") && told.contains("API_TOKEN cannot"), "{told}");
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn simulated_callers_fill_a_stack_that_runs_and_leave_it_empty() {
    let (mut server, _, count) = start(&[], &[]);
    let args = ["simulate", "--calls", "30", "--seed", "1", "--pace", "30", "--url", &count];
    let Output { status, stdout, stderr } = exit_of(STACK, &args, &[]);
    let told = String::from_utf8_lossy(&stdout).into_owned();
    assert!(status.success(), "{told}{}", String::from_utf8_lossy(&stderr));
    assert!(told.contains("0 refused, the backend says 0 live"), "{told}");
    assert!(told.contains("For more callers, run this again.\nFor your own calls, set TWILIO_"));
    // Meanwhile people were on the line, and hung up.
    server.await_log("call started, 2 live");
    server.await_log(", 0 live");
}

#[test]
fn simulated_callers_that_nobody_believes_stop_at_once() {
    let (_server, page, count) = start(&[], &[("TWILIO_AUTH_TOKEN", "another")]);
    for (url, status) in [(&count, " with 403)"), (&page, " with 404)")] {
        let args = ["simulate", "--calls", "8", "--pace", "30", "--url", url];
        let ended = exit_of(STACK, &args, &[]);
        let told = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(1), "{told}");
        assert!(told.contains(status) && told.contains("it is no demonstration"), "{told}");
        let played = String::from_utf8_lossy(&ended.stdout).into_owned();
        assert!(!played.contains("All have hung up"), "{played}");
    }
}

#[test]
fn a_simulation_of_an_address_where_nobody_answers_fails_before_it_plays() {
    let nobody = "http://127.0.0.1:1";
    let args = ["simulate", "--calls", "2", "--within", "86400", "--url", nobody];
    let Output { status, stdout, stderr } = exit_of(STACK, &args, &[]);
    let told = String::from_utf8_lossy(&stderr).into_owned();
    assert_eq!(status.code(), Some(1), "{told}");
    assert!(told.contains(&format!("{nobody} does not answer: ")), "{told}");
    assert!(told.contains("Nothing was sent. No server answers there: start `"), "{told}");
    let played = String::from_utf8_lossy(&stdout).into_owned();
    assert!(!played.contains("on the line") && !played.contains("hung up"), "{played}");
    for wrong in ["127.0.0.1:8080", "ftp://127.0.0.1", "http://user:hunter2@127.0.0.1"] {
        let ended = exit_of(STACK, &["simulate", "--url", wrong], &[]);
        let told = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(64), "{wrong}: {told}");
        assert!(told.contains("--url cannot be used") && !told.contains("hunter2"), "{told}");
    }
}

#[test]
fn webhooks_that_nobody_answers_are_counted_in_the_end() {
    let (mut server, _, count) = start(&[], &[]);
    let args = ["simulate", "--calls", "5", "--seed", "1", "--pace", "30", "--url", &count];
    let simulation = std::thread::spawn({
        let args = args.map(str::to_owned);
        move || exit_of(STACK, &args.each_ref().map(String::as_str), &[])
    });
    // It has begun, and has more to send.
    server.await_log("call started, 1 live");
    server.kill();
    let Output { status, stdout, stderr } = simulation.join().expect("it ends");
    let (told, error) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert_eq!(status.code(), Some(1), "{told}{error}");
    let end = told.lines().find(|it| it.contains("All have hung up")).expect("the summary");
    assert!(end.contains(" not answered, the backend says nothing."), "{end}");
    assert!(error.contains("webhooks were not answered, the last: "), "{error}");
    assert!(error.contains("does not tell how many are live"), "{error}");
}

#[test]
fn simulate_starts_a_stack_when_none_runs() {
    // Nothing listens on port 0, so the command has to start a stack of its own.
    let (mut server, page, _) =
        start(&["simulate", "--calls", "5", "--seed", "1", "--pace", "30"], &[]);
    server.await_log("call started, 1 live");
    server.await_log("All have hung up");
    assert!(get(&format!("{page}/api/live-users")).body.contains("\"liveUsers\":0"));
    let (status, log) = server.terminate();
    assert!(status.success(), "{log}");
}

#[test]
fn when_it_is_stopped_while_callers_talk_they_all_hang_up() {
    let (mut server, ..) = start(&["simulate", "--calls", "20", "--within", "1"], &[]);
    server.await_log("call started, 3 live");
    let (status, log) = server.terminate();
    assert!(status.success(), "{log}");
    assert!(log.contains("the backend says 0 live"), "{log}");
}

#[test]
fn wrong_arguments_and_settings_end_with_code_64() {
    for args in [&["simulate", "--calls", "0"][..], &["--no-such-flag"], &["fly"]] {
        assert_eq!(exit_of(STACK, args, &[]).status.code(), Some(64), "{args:?}");
    }
    let env = [
        ("MAX_CALL_HOURS", "99"),
        ("BACKEND_TIMEOUT_MS", "1"),
        ("AGENTS_FILE", "no-such-file.toml"),
    ];
    let wrong = exit_of(STACK, &ANY_PORTS, &env);
    assert_eq!(wrong.status.code(), Some(64));
    let told = String::from_utf8_lossy(&wrong.stderr).into_owned();
    for (name, _) in env {
        assert_eq!(told.matches(name).count(), 1, "{name} in {told}");
    }
    let version = exit_of(STACK, &["--version"], &[]);
    let expected = concat!("live-users ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!((version.status.code(), version.stdout), (Some(0), expected.into()));
    let help = exit_of(STACK, &["--help"], &[]);
    assert!(help.status.success() && String::from_utf8_lossy(&help.stdout).contains("simulate"));
}

#[test]
fn the_token_of_the_demonstration_is_never_taken_where_the_internet_is_meant_to_come_in() {
    for meant in [
        ("PUBLIC_URL", "https://calls.example.com"),
        ("TRUST_FORWARDED_HEADERS", "true"),
        ("TRUSTED_PROXIES", "10.0.0.7"),
    ] {
        let refused = exit_of(STACK, &ANY_PORTS, &[meant]);
        assert_eq!(refused.status.code(), Some(64), "{meant:?}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains("TWILIO_AUTH_TOKEN is not set"));
    }
    let (server, ..) = start(&[], &[("ALLOW_UNSIGNED_WEBHOOKS", "true")]);
    assert!(!server.log().contains("simulate --calls 25"), "{}", server.log());
}

#[test]
fn a_port_that_is_taken_is_named_with_the_flag_that_changes_it() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let (backend, proxy) = ("--backend-port", "--proxy-port");
    for command in [&[][..], &["simulate"]] {
        for (flag, other) in [(backend, proxy), (proxy, backend)] {
            // The variables are those of the two servers, and this command takes no port from them.
            let args = [command, &[flag, &port, other, "0"]].concat();
            let ended = exit_of(STACK, &args, &[("HOST", "0.0.0.0"), ("PORT", "1")]);
            let told = String::from_utf8_lossy(&ended.stderr).into_owned();
            assert_eq!(ended.status.code(), Some(1), "{told}");
            let address = format!("cannot listen on 127.0.0.1:{port}: ");
            assert!(told.contains(&address) && told.contains(&format!("give {flag} ")), "{told}");
            assert!(!told.contains("PORT") && !told.contains(other), "{told}");
        }
    }
}

#[test]
fn a_lossy_world_is_scored_in_simulated_time_and_told_as_text_or_as_json() {
    let world = ["simulate", "--world", "lossy", "--seed", "7", "--hours", "0.1", "--live", "5"];
    let told = |more: &[&str]| {
        let Output { status, stdout, stderr } = exit_of(STACK, &[&world[..], more].concat(), &[]);
        assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
        assert!(stderr.is_empty(), "no bar where there is no terminal");
        String::from_utf8(stdout).expect("text")
    };
    let text = told(&["--talk-seconds", "30"]);
    assert!(text.starts_with("lossy: live-users with referee, seed 7, 0.1 h"), "{text}");
    assert!(text.contains("exactOnTheWire") && text.contains("leftOver            0"), "{text}");
    assert_eq!(text, told(&["--talk-seconds", "30"]));
    let json = told(&["--json", "--system", "seed-design"]);
    let reports: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(reports[0]["system"], "seed-design");
    assert!(reports[0]["webhooks"]["lost"].as_u64() > Some(0), "{json}");
    let json = told(&["--json", "--no-referee"]);
    let reports: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(reports[0]["restRequests"]["total"], 0);
}

#[test]
fn five_numbers_are_scored_and_the_rule_of_before_in_the_same_world() {
    let world = ["simulate", "--world", "campaign", "--seed", "7", "--hours", "0.1", "--live", "5"];
    let told = |more: &[&str]| {
        let args = [&world[..], &["--talk-seconds", "30", "--json"], more].concat();
        let Output { status, stdout, stderr } = exit_of(STACK, &args, &[]);
        assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
        let reports: serde_json::Value = serde_json::from_slice(&stdout).expect("JSON");
        reports[0].clone()
    };
    let (now, before) = (told(&[]), told(&["--system", "counts-legs"]));
    assert_eq!(
        (&now["calls"], &now["webhooks"]["sent"]),
        (&before["calls"], &before["webhooks"]["sent"])
    );
    for number in ["withAgent", "waiting", "withPerson", "machine", "onTheLine"] {
        let exact = |scores: &serde_json::Value| scores[number]["exactOnTheWire"].is_number();
        assert!(exact(&now["numbers"]) && exact(&now["agents"]["booking"]), "{now}");
    }
    assert_eq!(now["numbers"]["withAgent"]["exact"], now["exact"]);
    assert!(before["numbers"]["machine"].is_null() && before["byAgent"]["worstAgent"] == "booking");
    assert!(now["events"].as_u64() > Some(0));
    let lost = told(&["--lost", "20"]);
    assert!(lost["webhooks"]["lost"].as_u64() > Some(0) && now["webhooks"]["lost"] == 0, "{lost}");
}

#[test]
fn replicas_of_which_one_is_killed_each_minute_are_scored_by_what_any_of_them_shows() {
    let world = ["simulate", "--world", "all", "--seed", "7", "--hours", "0.1", "--live", "5"];
    let more = ["--talk-seconds", "30", "--replicas", "3"];
    let told = |json: &[&str]| {
        let args = [&world[..], &more, json].concat();
        let Output { status, stdout, stderr } = exit_of(STACK, &args, &[]);
        assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).expect("text")
    };
    let text = told(&[]);
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("clean  ") && lines[0].contains(" exact  "), "{text}");
    assert!(lines[..9].iter().all(|it| it.ends_with("left over 0") || it.contains(", down ")));
    assert!(
        lines[9].starts_with("Exact in ") && lines[9].ends_with("; nothing left over."),
        "{text}"
    );
    assert!(text.contains("no broken invariant") && text.ends_with("--seed 7.\n"), "{text}");
    let text = told(&["--details"]);
    assert!(
        text.contains("killed: 3 replicas of live-users with referee, seed 7, 0.1 h"),
        "{text}"
    );
    let reports: serde_json::Value = serde_json::from_str(&told(&["--json"])).expect("JSON");
    let reports = reports.as_array().expect("a list");
    let worlds: Vec<_> = reports.iter().map(|report| &report["world"]).collect();
    let plain = ["clean", "lossy", "retried", "outage", "killed", "partitioned"];
    let of_parties = ["handovers", "campaign", "agents"];
    assert_eq!(worlds, [&plain[..], &of_parties].concat());
    for report in reports {
        assert_eq!((&report["replicas"], &report["leftOver"]), (&3.into(), &0.into()), "{report}");
    }
    assert_eq!(reports[0]["exactOnTheWire"], 1.0);
    // A third of it for 1.5 s and a little more, each minute.
    let down = reports[4]["down"].as_f64().expect("a share");
    assert!(reports[4]["kills"] == 5 && down > 0.0 && down < 0.05, "{down}");
}

#[test]
fn a_world_that_cannot_be_with_so_many_replicas_is_refused() {
    let refused = |more: &[&str], named: &str| {
        let ended = exit_of(STACK, &[&["simulate"], more].concat(), &[]);
        assert_eq!(ended.status.code(), Some(64), "{more:?}");
        let told = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(told.contains(named), "{told}");
    };
    refused(&["--world", "partitioned"], "--replicas 2");
    let seed_design = ["--world", "clean", "--system", "seed-design", "--replicas", "2"];
    refused(&seed_design, "--replicas");
    refused(&["--world", "clean", "--system", "counts-legs", "--replicas", "2"], "--replicas");
    refused(&["--world", "clock", "--replicas", "2"], "--world clock");
    refused(&["--world", "clean", "--replicas", "0"], "--replicas");
    refused(&["--world", "clean", "--lost", "101"], "--lost");
    refused(&["--replicas", "3"], "--world");
}

#[test]
fn flags_of_simulated_time_and_of_real_time_do_not_mix() {
    for args in [&["--hours", "1"][..], &["--world", "lossy", "--calls", "5"], &["--json"]] {
        let ended = exit_of(STACK, &[&["simulate"], args].concat(), &[]);
        assert_eq!(ended.status.code(), Some(64), "{args:?}");
    }
}

#[test]
fn simulated_callers_do_not_get_into_the_calls_of_an_account() {
    let env = [
        ("TWILIO_ACCOUNT_SID", "AC00000000000000000000000000000001"),
        ("TWILIO_AUTH_TOKEN", TOKEN),
    ];
    let ended = exit_of(STACK, &["simulate", "--calls", "1"], &env);
    let told = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(ended.status.code() == Some(64) && told.contains("--url"), "{told}");
}

#[test]
fn the_stack_keeps_mail_commands_as_the_backend_does() {
    let script = "read -r line; test \"$line\" = text && exit 3";
    let mut keeper = Command::new(STACK);
    keeper.args(["keep-mail-command", "sh", "-c", script]);
    keeper.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut keeper = keeper.spawn().expect("it starts");
    // It is closed after the end: before that, the command would be ended.
    let mut stdin = keeper.stdin.take().expect("a pipe");
    stdin.write_all(b"\0\0\0\0\0\0\0\x05text\n").expect("it reads");
    let output = keeper.wait_with_output().expect("it ends");
    let told = String::from_utf8(output.stdout).expect("text");
    assert_eq!((output.status.code(), &*told), (Some(1), "the command ended with exit code 3\n"));
    drop(stdin);
}
