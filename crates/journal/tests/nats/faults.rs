//! Servers that die or stop, and networks that are cut: nothing acknowledged is lost, and it goes
//! on by itself.

use std::time::{Duration, Instant};

use live_users_journal::{APPEND_MS_MAX, Journal, open};
use live_users_testkit::{Nats, NatsVersion, Relay, on_each_nats_version};

use super::{all, new_name, one, patiently};

on_each_nats_version! {
    the_death_of_a_leader_is_survived,
    without_a_quorum_nothing_is_acknowledged_and_the_error_says_so,
    a_server_that_stops_without_a_word_blocks_no_longer_than_promised,
    a_network_that_is_cut_shows_in_the_age_and_comes_back,
    a_batch_whose_acknowledgement_was_lost_is_there_once,
}

/// Appends what is acknowledged sooner or later, as the backend does.
fn append_patiently(journal: &mut dyn Journal, text: &str) {
    let before = journal.position().seq;
    if journal.append(&one(text)).is_ok() {
        return;
    }
    patiently(|| journal.recover().ok());
    // It may have come in all the same.
    let was_appended = all(journal).len() as u64 > before;
    if !was_appended {
        append_patiently(journal, text);
    }
}

fn numbers(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

fn the_death_of_a_leader_is_survived(version: NatsVersion) {
    let (mut nats, name) = (Nats::cluster_on(version), new_name());
    let (mut a, mut b) =
        (open(&nats.journal_url(&name)).unwrap(), open(&nats.journal_url(&name)).unwrap());
    for n in 0..50 {
        append_patiently(&mut *a, &n.to_string());
    }
    let leader = nats.leader_of(&format!("live-users-{name}-log"));
    nats.kill(leader);
    for n in 50..100 {
        append_patiently(&mut *a, &n.to_string());
    }
    // Without being asked.
    patiently(|| (b.position().seq == 100).then_some(()));
    nats.restart(leader);
    for n in 100..120 {
        append_patiently(&mut *b, &n.to_string());
    }
    patiently(|| (a.position().seq == 120).then_some(()));
    for journal in [&mut a, &mut b, &mut open(&nats.journal_url(&name)).unwrap()] {
        assert_eq!(all(&mut **journal), numbers(0..120));
    }
}

fn without_a_quorum_nothing_is_acknowledged_and_the_error_says_so(version: NatsVersion) {
    let (mut nats, name) = (Nats::cluster_on(version), new_name());
    let mut journal = open(&nats.journal_url(&name)).unwrap();
    journal.append(&one("0")).unwrap();
    // The leader stays, and would go on answering.
    let leader = nats.leader_of(&format!("live-users-{name}-log"));
    let others = [(leader + 1) % 3, (leader + 2) % 3];
    others.iter().for_each(|node| nats.kill(*node));
    let error = patiently(|| journal.append(&one("1")).err());
    assert!(error.to_string().contains("JOURNAL_URL"), "{error}");
    patiently(|| journal.replication_status().trouble());
    patiently(|| (journal.replication_status().age() > Duration::from_secs(2)).then_some(()));
    assert!(journal.refresh().is_err(), "nobody knows how far it is");
    others.iter().for_each(|node| nats.start(*node));
    others.iter().for_each(|node| nats.await_ready(*node));
    patiently(|| journal.recover().ok());
    append_patiently(&mut *journal, "2");
    patiently(|| journal.replication_status().trouble().is_none().then_some(()));
    let records = all(&mut *journal);
    let kept: Vec<&str> = records.iter().map(String::as_str).filter(|it| *it != "1").collect();
    assert_eq!(kept, ["0", "2"]);
}

fn a_server_that_stops_without_a_word_blocks_no_longer_than_promised(version: NatsVersion) {
    let (mut nats, name) = (Nats::alone_on(version), new_name());
    let mut journal = open(&nats.journal_url(&name)).unwrap();
    journal.append(&one("0")).unwrap();
    nats.freeze(0, true);
    let asked = Instant::now();
    assert!(journal.append(&one("1")).is_err());
    let took = asked.elapsed();
    assert!(took >= Duration::from_millis(APPEND_MS_MAX) && took < Duration::from_secs(20));
    nats.freeze(0, false);
    patiently(|| journal.recover().ok());
    append_patiently(&mut *journal, "2");
    let records = all(&mut *journal);
    assert!(records == ["0", "2"] || records == ["0", "1", "2"], "{records:?}");
}

fn a_network_that_is_cut_shows_in_the_age_and_comes_back(version: NatsVersion) {
    let (nats, name) = (Nats::alone_on(version), new_name());
    let relay = Relay::start(&nats.address(0));
    let mut near = open(&nats.journal_url(&name)).unwrap();
    let mut far = open(&format!("nats://{}/{name}", relay.address)).unwrap();
    near.append(&one("0")).unwrap();
    assert_eq!(far.refresh().unwrap().seq, 1);
    relay.cut(true);
    near.append(&one("1")).unwrap();
    patiently(|| (far.replication_status().age() > Duration::from_secs(1)).then_some(()));
    assert_eq!(all(&mut *far), ["0"], "what was known can be read");
    assert!(far.append(&one("x")).is_err() && far.recover().is_err());
    relay.cut(false);
    patiently(|| (far.position().seq == 2).then_some(()));
    patiently(|| (far.replication_status().age() < Duration::from_secs(1)).then_some(()));
    patiently(|| far.recover().ok());
    append_patiently(&mut *far, "2");
    assert_eq!(all(&mut *far).last().map(String::as_str), Some("2"));
}

fn a_batch_whose_acknowledgement_was_lost_is_there_once(version: NatsVersion) {
    let (nats, name) = (Nats::alone_on(version), new_name());
    let relay = Relay::start(&nats.address(0));
    let mut near = open(&nats.journal_url(&name)).unwrap();
    let mut far = open(&format!("nats://{}/{name}", relay.address)).unwrap();
    append_patiently(&mut *far, "0");
    relay.mute(true);
    assert!(far.append(&one("1")).is_err(), "nobody says that it is there");
    patiently(|| (near.position().seq == 2).then_some(()));
    relay.mute(false);
    relay.cut(true);
    relay.cut(false);
    patiently(|| far.recover().ok());
    assert_eq!(far.position().seq, 2, "it is known to be there");
    append_patiently(&mut *far, "2");
    near.refresh().unwrap();
    for journal in [&mut near, &mut far] {
        assert_eq!(all(&mut **journal), ["0", "1", "2"]);
    }
}
