//! Tokens of accounts at a proxy before a real backend: guesses of some keep out no others, and a token
//! is let in soon after the backend knows it.

use std::time::{Duration, Instant};

use live_users_testkit::{Answer, Server, send};
use tempfile::TempDir;

use crate::{API_TOKEN, backend_with, proxy_with, write_agents};

const ACME: &str = "4cm3t0k3n4cm3t0k3n4cm3";
const BETA: &str = "b3t4t0k3nb3t4t0k3nb3t4";

const FILE: &str = r#"
    [[agent]]
    id = "booking"
    name = "Bookings"
    account = "acme"

    [[agent]]
    id = "support"
    name = "Support"
    account = "beta"

    [[token]]
    id = "acme-wall"
    secret_env = "ACME_TOKEN"
    accounts = ["acme"]
"#;

const OF_BETA: &str = r#"
    [[token]]
    id = "beta-wall"
    secret_env = "BETA_TOKEN"
    accounts = ["beta"]
"#;

/// A bound for a machine that is stuck.
const PATIENCE: Duration = Duration::from_secs(120);

struct World {
    _folder: TempDir,
    agents: String,
    backend: Server,
    proxy: Server,
}

impl World {
    fn start() -> Self {
        let (folder, agents) = write_agents(FILE);
        let backend = backend_with(&agents, &[("ACME_TOKEN", ACME), ("BETA_TOKEN", BETA)]);
        let proxy = proxy_with(&backend.url, &[("TRUSTED_PROXIES", "127.0.0.1")]);
        Self { _folder: folder, agents, backend, proxy }
    }

    /// What the client at this address gets who shows this token.
    fn read(&self, address: &str, token: &str) -> Answer {
        read(&self.proxy.url, address, token)
    }

    /// The same of the form of the sign-in: the status, and whether there is a session.
    fn sign_in(&self, address: &str, token: &str) -> (u16, bool) {
        let headers = [
            ("X-Forwarded-For", address),
            ("Sec-Fetch-Site", "same-origin"),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ];
        let url = format!("{}/admin/sign-in", self.proxy.url);
        let answer = send("POST", &url, &headers, format!("token={token}").as_bytes());
        (answer.status, !answer.header("set-cookie").is_empty())
    }

    /// Has the backend read this agents file.
    fn reload(&self, file: &str) {
        std::fs::write(&self.agents, file).expect("a file can be written");
        let authorization = format!("Bearer {API_TOKEN}");
        let url = format!("{}/api/live-users/agents/reload", self.backend.url);
        let answer = send("POST", &url, &[("Authorization", &authorization)], b"");
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

fn read(proxy: &str, address: &str, token: &str) -> Answer {
    let authorization = format!("Bearer {token}");
    let headers = [("Authorization", authorization.as_str()), ("X-Forwarded-For", address)];
    send("GET", &format!("{proxy}/api/live-users/summary"), &headers, b"")
}

#[test]
fn who_guesses_at_the_proxy_waits_and_keeps_no_customer_out() {
    let world = World::start();
    let guesses = (0..60).map(|n| world.read("192.0.2.66", &format!("wrong-0123456789abcdef-{n}")));
    let statuses: Vec<_> = guesses.map(|answer| answer.status).collect();
    assert!(statuses[..10].iter().all(|status| *status == 403), "{statuses:?}");
    assert!(statuses.iter().filter(|status| **status == 429).count() > 40, "{statuses:?}");
    // Nobody has shown these tokens before.
    let answer = world.read("192.0.2.1", ACME);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.body.contains("booking") && !answer.body.contains("support"));
    assert_eq!(world.sign_in("192.0.2.2", ACME), (303, true));
    assert_eq!(world.read("192.0.2.66", ACME).status, 429, "who guesses waits");
    // Guesses from very many addresses, more than the backend would bear of one.
    for n in 0..200 {
        let answer = world.read(&format!("198.51.100.{n}"), "guess-0123456789abcdef");
        assert_eq!(answer.status, 403, "{}", answer.body);
    }
    assert_eq!(world.read("192.0.2.3", ACME).status, 200);
    let (_, of_proxy) = world.proxy.terminate();
    let (_, of_backend) = world.backend.terminate();
    for log in [of_proxy, of_backend] {
        assert!(!log.contains("0123456789abcdef") && !log.contains(ACME), "{log}");
        assert!(!log.contains("API_TOKEN was not looked at") && !log.contains(API_TOKEN), "{log}");
    }
}

#[test]
fn who_guesses_in_parallel_from_many_addresses_keeps_no_customer_out() {
    const GUESSERS: usize = 40;
    let world = World::start();
    let proxy = world.proxy.url.as_str();
    let guess = move |guesser: usize| {
        let mut answers = (0..10).map(|n| {
            let address = format!("198.51.{guesser}.{n}");
            read(proxy, &address, &format!("guess-0123456789abcdef-{guesser}-{n}"))
        });
        // 503 where the machine is slow: its turn did not come in time.
        assert!(answers.all(|answer| [403, 503].contains(&answer.status)));
    };
    // A sign-in asks the backend each time. Each is from another address, of which nothing is known.
    let signs_in = |n: usize| {
        let (address, start) = (format!("192.0.2.{n}"), Instant::now());
        loop {
            match world.sign_in(&address, ACME) {
                (303, true) => return,
                (status, _) => assert_eq!(status, 503, "a customer is not made to wait"),
            }
            assert!(start.elapsed() < PATIENCE, "a customer is kept out");
            // not a wait for time: between two looks at a state that lasts
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    std::thread::scope(|scope| {
        let guessers: Vec<_> = (0..GUESSERS).map(|it| scope.spawn(move || guess(it))).collect();
        let mut n = 0;
        while n < 3 || (n < 200 && !guessers.iter().all(|it| it.is_finished())) {
            n += 1;
            signs_in(n);
        }
    });
    // More were wrong than all together may show at once.
    for address in ["192.0.2.1", "203.0.113.1"] {
        let answer = world.read(address, ACME);
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
}

#[test]
fn a_token_that_was_wrong_is_let_in_soon_after_the_backend_has_read_it() {
    let world = World::start();
    assert_eq!(world.read("192.0.2.1", BETA).status, 403);
    world.reload(&format!("{FILE}{OF_BETA}"));
    let start = Instant::now();
    let mut answer = world.read("192.0.2.1", BETA);
    while answer.status != 200 {
        assert!(start.elapsed() < PATIENCE, "{}", answer.body);
        // A program that goes on asking makes nobody wait meanwhile.
        assert_eq!(answer.status, 403, "{}", answer.body);
        // not a wait for time: between two looks at a state that lasts
        std::thread::sleep(Duration::from_millis(100));
        answer = world.read("192.0.2.1", BETA);
    }
    assert!(answer.body.contains("support") && !answer.body.contains("booking"));
    world.reload(FILE);
    let start = Instant::now();
    while world.read("192.0.2.1", BETA).status != 403 {
        assert!(start.elapsed() < PATIENCE, "what is taken away ends");
        // not a wait for time: between two looks at a state that lasts
        std::thread::sleep(Duration::from_millis(100));
    }
}
