//! The tokens that the command draws and keeps beside its journal.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use live_users_testkit::{Server, Twilio, exit_in, exit_of, get};

use crate::{STACK, TOKEN, agents_file};

const ANY_PORTS: [&str; 4] = ["--backend-port", "0", "--proxy-port", "0"];
const FILES: [&str; 2] = ["admin-token", "api-token"];

fn start(journal: &str, more: &[(&str, &str)]) -> Server {
    let agents = agents_file();
    let env = [("AGENTS_FILE", agents.as_str()), ("JOURNAL_URL", journal)];
    let mut server = Server::start(STACK, &ANY_PORTS, &[&env, more].concat());
    // The second of the two servers.
    server.await_log("listening on");
    server
}

fn address(server: &Server, of: &str) -> String {
    let line = server.log().lines().find(|line| line.contains(of)).expect("the welcome");
    let url = line.split_whitespace().last().expect("an address");
    url[..url[8..].find('/').map_or(url.len(), |at| at + 8)].to_owned()
}

fn tokens(folder: &Path) -> [String; 2] {
    FILES.map(|name| {
        let file = folder.join(name);
        let mode = fs::metadata(&file).expect("it is there").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{name}");
        fs::read_to_string(&file).expect("text").trim_end().to_owned()
    })
}

#[test]
fn tokens_are_drawn_once_and_stay_over_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let journal = format!("file:{}", data.display());
    let server = start(&journal, &[("TWILIO_AUTH_TOKEN", TOKEN)]);
    let drawn = tokens(&data);
    assert!(drawn.iter().all(|token| token.len() == 32) && drawn[0] != drawn[1], "{drawn:?}");
    let link = format!("{}/admin/sign-in#token={}", address(&server, "The page"), drawn[0]);
    assert!(server.log().contains(&link), "{}", server.log());
    let port = link.split(':').nth(2).and_then(|rest| rest.split('/').next()).expect("a port");
    let tunnel = format!("ssh -L {port}:127.0.0.1:{port} THAT-MACHINE");
    assert!(server.log().contains(&tunnel), "{}", server.log());
    assert!(!server.log().contains(&drawn[1]), "{}", server.log());
    let (status, log) = server.terminate();
    assert!(status.success(), "{log}");

    fs::set_permissions(data.join(FILES[1]), Permissions::from_mode(0o644)).expect("it is ours");
    let server = start(&journal, &[("TWILIO_AUTH_TOKEN", TOKEN)]);
    assert_eq!(tokens(&data), drawn);
    // Without any argument but the ports, a client finds the token of the server that it asks.
    let of = |url: &str| url.rsplit(':').next().expect("a port").to_owned();
    let (backend, page) = (address(&server, "The count"), address(&server, "The page"));
    let env = [("JOURNAL_URL", journal.as_str())];
    let ended = exit_of(STACK, &["status", "--backend-port", &of(&backend)], &env);
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let proxy = ["status", "--url", &page, "--proxy-port", &of(&page)];
    let ended = exit_of(STACK, &proxy, &env);
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}

#[test]
fn the_calls_of_the_demonstration_are_apart_from_those_of_an_account() {
    let folder = tempfile::tempdir().expect("a folder");
    let in_default = [("JOURNAL_URL", "")];
    let start = |more: &[(&str, &str)]| {
        Server::start_in(folder.path(), STACK, &ANY_PORTS, &[&in_default, more].concat())
    };
    let demo = start(&[]);
    Twilio::new(&demo.url, "live-users-demonstration-token").start(1);
    assert!(get(&format!("{}/api/live-users", demo.url)).body.contains(":1"));
    let agents = fs::read_to_string(folder.path().join("data/demo/agents.toml")).expect("a file");
    assert!(agents.contains("id = \"booking\""), "{agents}");
    assert!(demo.terminate().0.success());

    let exit = |args: &[&str]| exit_in(folder.path(), STACK, args, &[("JOURNAL_URL", "")]);
    let copied = exit(&["backup", "of-demo.sqlite3"]);
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));

    let own = start(&[("TWILIO_AUTH_TOKEN", TOKEN), ("PUBLIC_URL", "https://calls.example.com")]);
    assert_eq!(get(&format!("{}/api/live-users", own.url)).body, r#"{"liveUsers":0}"#);
    // Both have the same tokens, so a command needs no setting to ask the one that runs.
    let port = own.url.rsplit(':').next().expect("a port").to_owned();
    let status = exit(&["status", "--backend-port", &port]);
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stderr));
    let status = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(!status.contains("booking"), "no agents of the demonstration: {status}");
    assert!(own.terminate().0.success());
    let copied = exit(&["backup", "own.sqlite3"]);
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
    let told = String::from_utf8_lossy(&copied.stdout).into_owned();
    assert!(
        told.contains("up to") && fs::metadata(folder.path().join("own.sqlite3")).is_ok(),
        "{told}"
    );
}

#[test]
fn a_file_with_something_else_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = format!("file:{}", folder.path().display());
    for name in FILES {
        let file = folder.path().join(name);
        for wrong in ["", "hunter2", &"hunter2 ".repeat(100)] {
            fs::write(&file, wrong).expect("a file");
            let ended = exit_of(STACK, &ANY_PORTS, &[("JOURNAL_URL", &journal)]);
            let told = String::from_utf8_lossy(&ended.stderr).into_owned();
            assert_eq!(ended.status.code(), Some(64), "{told}");
            assert!(told.contains(name) && told.contains("32 hexadecimal digits"), "{told}");
            assert!(!told.contains("hunter2"), "{told}");
        }
        fs::remove_file(&file).expect("it can be removed");
    }
}

#[test]
fn tokens_that_are_set_are_not_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = format!("file:{}", folder.path().display());
    let set = [("ADMIN_TOKEN", "admin-0123456789abcdef"), ("API_TOKEN", "api-0123456789abcdef")];
    let _server = start(&journal, &set);
    assert!(FILES.iter().all(|name| !folder.path().join(name).exists()));
}

#[test]
fn a_token_that_is_refused_is_told_by_where_it_came_from() {
    let (one, other) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("other"));
    let in_default = [("JOURNAL_URL", "")];
    let start = |folder: &Path| {
        let mut server = Server::start_in(folder, STACK, &ANY_PORTS, &in_default);
        server.await_log("listening on");
        server
    };
    let (server, _of_another_run) = (start(one.path()), start(other.path()));
    let (backend, page) = (address(&server, "The count"), address(&server, "The page"));
    let port = |url: &str| url.rsplit(':').next().expect("a port").to_owned();
    let refused = |args: &[&str], more: &[(&str, &str)]| {
        let ended = exit_in(other.path(), STACK, args, &[&in_default, more].concat());
        let told = String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned();
        assert_eq!(ended.status.code(), Some(1), "{args:?} {told}");
        for folder in [one.path(), other.path()] {
            assert!(tokens(&folder.join("data")).iter().all(|it| !told.contains(it)), "{told}");
        }
        told
    };
    let at = port(&backend);
    for args in [
        &["status"][..],
        &["calls"],
        &["alerts"],
        &["alerts", "test", "a"],
        &["explain", "CA1"],
        &["evict", "CA1"],
        &["links"],
        &["links", "create", "Lobby", "--scope", "all", "--expires", "1d"],
        &["links", "revoke", "0123456789abcdef"],
        &["doctor"],
    ] {
        let told = refused(&[args, &["--backend-port", &at]].concat(), &[]);
        assert!(told.contains("403") && told.contains("./data/api-token"), "{args:?} {told}");
        assert!(told.contains("run this in the directory where it was started"), "{told}");
        assert!(told.contains("the API_TOKEN of that backend"), "{told}");
    }
    // The proxy takes another one.
    let told = refused(&["status", "--url", &page, "--proxy-port", &port(&page)], &[]);
    assert!(told.contains("./data/admin-token") && told.contains("the ADMIN_TOKEN of"), "{told}");
    let told = refused(&["status", "--url", &page], &[]);
    assert!(told.contains("./data/api-token") && told.contains("by --proxy-port"), "{told}");
    for (variable, set) in
        [("LIVE_USERS_TOKEN", "LIVE_USERS_TOKEN"), ("API_TOKEN", "set API_TOKEN")]
    {
        let command = if variable == "API_TOKEN" { "doctor" } else { "links" };
        let wrong = [(variable, "wr0ngt0k3nwr0ngt0k3n")];
        let told = refused(&[command, "--backend-port", &at], &wrong);
        let from = format!("from the variable {variable}");
        assert!(told.contains(&from) && told.contains(set) && !told.contains("wr0ng"), "{told}");
    }
    // Where no run has kept one, it is told where it was looked for.
    let nowhere = [("JOURNAL_URL", "file:./none")];
    for command in ["status", "doctor"] {
        let told = refused(&[command, "--backend-port", &at], &nowhere);
        assert!(told.contains("401") && told.contains("./none/api-token does not exist"), "{told}");
    }
}
