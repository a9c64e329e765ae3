//! With a clock of the test's own.

use super::wrongs::{BURST, FREE_WRONGS};
use super::*;

const RIGHT: &str = "right";

struct World {
    attempts: LoginThrottle,
    start: Instant,
}

impl World {
    fn new() -> Self {
        Self { attempts: LoginThrottle::default(), start: Instant::now() }
    }

    /// An attempt so many milliseconds after the start.
    fn judge(&self, ms: u64, client: Client, shown: &str) -> Result<usize, TokenRefusal> {
        let now = self.start + Duration::from_millis(ms);
        self.attempts
            .judge(client, shown.as_bytes(), now, |shown| (shown == RIGHT.as_bytes()).then_some(0))
    }

    /// Shows as many different wrong tokens as are free.
    fn use_up(&self, ms: u64, client: Client) {
        for i in 0..FREE_WRONGS {
            assert_eq!(
                self.judge(ms, client, &format!("wrong {ms} {i}")),
                Err(TokenRefusal::Wrong)
            );
        }
    }
}

fn ip(text: &str) -> Client {
    Client::at(text.parse().unwrap())
}

fn nth(n: u32) -> Client {
    Client::at(IpAddr::V4((0x0a00_0000 + n).into()))
}

fn wait(seconds: u64) -> Result<usize, TokenRefusal> {
    Err(TokenRefusal::Wait(Duration::from_secs(seconds)))
}

#[test]
fn after_some_wrong_tokens_each_wait_is_twice_the_last_up_to_a_minute() {
    let (world, client) = (World::new(), ip("192.0.2.1"));
    world.use_up(0, client);
    let mut ms = 0;
    for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
        assert_eq!(world.judge(ms, client, RIGHT), wait(seconds), "not even the right one");
        assert_eq!(world.judge(ms + 1, client, "ignored"), {
            Err(TokenRefusal::Wait(Duration::from_millis(seconds * 1000 - 1)))
        });
        ms += seconds * 1000;
        assert_eq!(world.judge(ms, client, &format!("wrong at {ms}")), Err(TokenRefusal::Wrong));
    }
    assert_eq!(world.judge(ms + 60_000, client, RIGHT), Ok(0));
}

#[test]
fn others_are_not_made_to_wait() {
    let world = World::new();
    world.use_up(0, ip("192.0.2.1"));
    assert_eq!(world.judge(0, ip("192.0.2.2"), RIGHT), Ok(0));
    assert_eq!(world.judge(0, Client::Browser([7; 16]), RIGHT), Ok(0));
    assert_eq!(world.judge(0, ip("192.0.2.1"), RIGHT), wait(1));
}

#[test]
fn a_token_that_was_right_is_served_while_others_at_the_address_guess() {
    let (world, client) = (World::new(), ip("192.0.2.1"));
    assert_eq!(world.judge(0, client, RIGHT), Ok(0));
    world.use_up(1, client);
    for n in 0..1_000 {
        assert_eq!(world.judge(1 + n, client, RIGHT), Ok(0));
        assert!(matches!(
            world.judge(1 + n, client, &format!("guess {n}")),
            Err(TokenRefusal::Wait(_) | TokenRefusal::Wrong)
        ));
    }
    // Elsewhere, and once it has not been shown for long, it waits as any other.
    let other = ip("192.0.2.2");
    world.use_up(2_000, other);
    assert_eq!(world.judge(2_000, other, RIGHT), wait(1));
    let later = 2_000 + MEMORY_S * 1_000;
    world.use_up(later, client);
    assert_eq!(world.judge(later, client, RIGHT), wait(1));
}

#[test]
fn a_site_has_many_addresses_and_is_one_client() {
    assert_eq!(ip("2001:db8:1:2::3"), ip("2001:db8:1:ffff::"));
    assert_ne!(ip("2001:db8:1::"), ip("2001:db8:2::"));
    assert_eq!(ip("::ffff:192.0.2.1"), ip("192.0.2.1"));
}

#[test]
fn a_program_with_an_old_token_makes_nobody_wait() {
    let (world, client) = (World::new(), ip("192.0.2.1"));
    for second in 0..10_000 {
        assert_eq!(world.judge(second * 1000, client, "old"), Err(TokenRefusal::Wrong));
    }
    assert_eq!(world.judge(10_000_000, client, RIGHT), Ok(0));
}

#[test]
fn wrong_tokens_are_forgotten_in_time() {
    let (world, client) = (World::new(), ip("192.0.2.1"));
    world.use_up(0, client);
    let later = MEMORY_S * 1000;
    world.use_up(later, client);
    assert_eq!(world.judge(later, client, RIGHT), wait(1));
}

#[test]
fn while_very_many_err_only_those_who_have_erred_wait() {
    let world = World::new();
    for n in 0..BURST {
        assert_eq!(world.judge(0, nth(n), "wrong"), Err(TokenRefusal::Wrong));
    }
    assert_eq!(world.judge(0, nth(0), RIGHT), wait(1));
    assert_eq!(world.judge(0, ip("192.0.2.1"), RIGHT), Ok(0));
    for n in 0..BURST {
        assert_eq!(world.judge(0, nth(BURST + n), "wrong"), Err(TokenRefusal::Wrong));
    }
    assert_eq!(world.judge(0, nth(1), RIGHT), wait(1), "no debt grows beyond the burst");
    assert_eq!(world.judge(1000, nth(1), "other"), Err(TokenRefusal::Wrong));
    assert_eq!(world.judge(1000, nth(2), "other"), wait(1));
    assert_eq!(world.judge(2000, nth(2), RIGHT), Ok(0));
}

#[test]
fn memory_is_bounded_and_the_right_token_is_served_from_everywhere_all_the_same() {
    let world = World::new();
    let max = u32::try_from(CLIENTS_MAX.get()).unwrap();
    world.use_up(0, nth(0));
    for n in 0..max {
        assert_eq!(world.judge(0, nth(max + n), "wrong"), Err(TokenRefusal::Wrong));
    }
    let clients = || world.attempts.state.lock().clients.len();
    assert_eq!(clients(), CLIENTS_MAX.get());
    assert_eq!(world.judge(0, ip("192.0.2.1"), RIGHT), Ok(0));
    assert_eq!(world.judge(0, Client::Browser([7; 16]), RIGHT), Ok(0));
    assert_eq!(world.judge(0, nth(0), RIGHT), Ok(0), "the oldest is forgotten");
    assert_eq!(world.judge(0, nth(2 * max - 1), RIGHT), wait(1), "the newest is not");
    assert_eq!(world.judge(0, ip("192.0.2.1"), "wrong"), Err(TokenRefusal::Wrong));
    assert_eq!(clients(), CLIENTS_MAX.get());
}

#[test]
fn a_token_that_others_judge_counts_as_they_say_and_one_that_nobody_can_judge_may_come_again() {
    let (world, client) = (World::new(), ip("192.0.2.1"));
    let compare = |ms: u64, shown: &str| {
        let now = world.start + Duration::from_millis(ms);
        world.attempts.compare(client, shown.as_bytes(), now, |it| (it == b"right").then_some(0))
    };
    let now = world.start;
    assert_eq!(compare(0, RIGHT), Ok(Some(0)));
    for _ in 0..2 * FREE_WRONGS {
        assert_eq!(compare(0, "theirs"), Ok(None), "what is not judged yet does not count");
    }
    world.attempts.accept(client, b"theirs", now);
    for i in 0..FREE_WRONGS {
        world.attempts.leave(client, b"theirs", now);
        assert_eq!(compare(0, &format!("unknown {i}")), Ok(None));
        // One that comes again counts once: it is a program's.
        for _ in 0..3 {
            world.attempts.leave(client, format!("unknown {i}").as_bytes(), now);
        }
    }
    assert_eq!(compare(0, "unknown 0"), wait(1).map(Some), "guesses wait while nobody can tell");
    assert_eq!(compare(0, "theirs"), Ok(None), "one that was right before does not");
    assert_eq!(compare(1000, "unknown 9"), Ok(None), "and none of them is held for wrong");
    world.attempts.refuse(client, b"theirs", now);
    assert_eq!(compare(1000, "theirs"), Err(TokenRefusal::Wrong), "until it is not right any more");
}

#[test]
fn a_token_that_others_found_wrong_is_put_to_them_again_after_ten_seconds_by_one_request() {
    let (world, client) = (World::new(), ip("192.0.2.1"));
    let at = |ms: u64| world.start + Duration::from_millis(ms);
    let compare =
        |ms: u64, shown: &str| world.attempts.compare(client, shown.as_bytes(), at(ms), |_| None);
    let refuse = |ms: u64, shown: &str| world.attempts.refuse(client, shown.as_bytes(), at(ms));
    let wrong = Err(TokenRefusal::Wrong);
    assert_eq!(compare(0, "new"), Ok(None));
    refuse(0, "new");
    assert_eq!(compare(9_999, "new"), wrong);
    assert_eq!(compare(10_000, "new"), Ok(None), "it may be right by now");
    assert_eq!(compare(10_000, "new"), wrong, "one request finds out");
    refuse(10_200, "new");
    assert_eq!(compare(20_199, "new"), wrong, "counted from the last answer");
    assert_eq!(compare(20_200, "new"), Ok(None));
    // Nobody could tell: it is asked again in the same time, and is no new guess either.
    world.attempts.leave(client, b"new", at(20_200));
    assert_eq!(compare(30_199, "new"), wrong);
    assert_eq!(compare(30_200, "new"), Ok(None));
    world.attempts.accept(client, b"new", at(30_200));
    assert_eq!(compare(30_200, "new"), Ok(None), "right, whoever is asked");
}

#[test]
fn to_ask_again_about_a_wrong_token_is_no_guess_and_makes_no_guess_faster() {
    let (world, client) = (World::new(), ip("192.0.2.1"));
    let at = |ms: u64| world.start + Duration::from_millis(ms);
    let compare =
        |ms: u64, shown: &str| world.attempts.compare(client, shown.as_bytes(), at(ms), |_| None);
    let mut n_asked = 0;
    for second in 0..800 {
        if compare(second * 1000, "old") == Ok(None) {
            world.attempts.refuse(client, b"old", at(second * 1000));
            n_asked += 1;
        }
    }
    assert_eq!(n_asked, 80);
    // The others are as free as after the first time.
    for i in 1..FREE_WRONGS {
        let guess = format!("guess {i}");
        assert_eq!(compare(800_000, &guess), Ok(None));
        world.attempts.refuse(client, guess.as_bytes(), at(800_000));
    }
    assert_eq!(compare(800_000, "another"), wait(1).map(Some));
    // While new ones wait, one that is known may be asked about again, and no wait grows of it.
    let known = format!("guess {}", FREE_WRONGS - 1);
    world.attempts.refuse(client, b"another", at(801_000));
    let waits = |ms: u64, seconds: u64| assert_eq!(compare(ms, "new"), wait(seconds).map(Some));
    for (n, seconds) in [(2, 4), (3, 8), (4, 16)] {
        let ms = 801_000 + n * 10_000;
        world.attempts.refuse(client, format!("more {n}").as_bytes(), at(ms));
        waits(ms, seconds);
        assert_eq!(compare(ms, &known).is_ok(), n < 4, "of four that are known, the oldest goes");
        world.attempts.refuse(client, known.as_bytes(), at(ms));
        waits(ms, if n < 4 { seconds } else { 32 });
    }
}

#[test]
fn a_token_that_is_compared_here_is_not_compared_again_while_it_is_known() {
    let (world, client) = (World::new(), ip("192.0.2.1"));
    assert_eq!(world.judge(0, client, "old"), Err(TokenRefusal::Wrong));
    let now = world.start + Duration::from_secs(MEMORY_S - 1);
    let compares = |_: &[u8]| -> Option<usize> { panic!("it is known") };
    let judged = world.attempts.judge(client, b"old", now, compares);
    assert_eq!(judged, Err(TokenRefusal::Wrong));
}

#[test]
fn who_has_guessed_much_while_others_of_its_tokens_waited_waits_with_these_too() {
    let (world, client, now) = (World::new(), ip("192.0.2.1"), Instant::now());
    let compare = |shown: &str| {
        let compared = world.attempts.compare(client, shown.as_bytes(), now, |_| None);
        assert_eq!(compared, Ok(None));
    };
    let check = |client, shown: &str| world.attempts.check_wait(client, shown.as_bytes(), now);
    ["wrong", "known", "later"].into_iter().for_each(compare);
    world.attempts.accept(client, b"known", now);
    assert_eq!(check(client, "later"), Ok(()));
    for n in 1..FREE_WRONGS {
        world.attempts.refuse(client, format!("wrong {n}").as_bytes(), now);
        assert_eq!(check(client, "later"), Ok(()));
    }
    world.attempts.refuse(client, b"wrong", now);
    let wait = Err(TokenRefusal::Wait(Duration::from_secs(1)));
    assert_eq!(check(client, "later"), wait, "it is not put to the other server");
    assert_eq!(check(client, "known"), Ok(()));
    assert_eq!(check(client, "wrong"), Ok(()), "the same again is no guess");
    assert_eq!(check(ip("192.0.2.2"), "later"), Ok(()));
}
