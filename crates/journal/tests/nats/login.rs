//! The ways to log in, and credentials that are renewed.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use live_users_journal::open;
use live_users_testkit::{Nats, NatsLimits, NatsVersion, on_each_nats_version};
use nkeys::KeyPair;

use super::jwt::Operator;
use super::refusal::refusal;
use super::{all, new_name, one, patiently};

on_each_nats_version! {
    a_user_with_a_password_is_let_in,
    an_nkey_seed_logs_in_and_its_file_is_named_when_it_is_none,
    renewed_credentials_are_used_when_the_old_ones_expire,
}

fn service(version: NatsVersion, more: String) -> Nats {
    Nats::with(1, NatsLimits { more, ..NatsLimits::on(version) })
}

/// With no more rights than `deploy/helm/nats-values.yaml` gives.
fn a_user_with_a_password_is_let_in(version: NatsVersion) {
    let users = "authorization { users: [{ user: u, password: \"p@ss\", permissions: { \
                 publish: [\"live-users.>\", \"$JS.API.>\"], subscribe: [\"_INBOX.>\"] } }] }\n";
    let nats = service(version, users.to_owned());
    let url = |login: &str| format!("nats://{login}@{}/x", nats.address(0));
    let mut journal = open(&url("u:p%40ss")).unwrap();
    let other = open(&url("u:p%40ss")).unwrap();
    let at = journal.append(&one("1")).unwrap();
    patiently(|| (other.position() == at).then_some(()));
    journal.snapshots().unwrap().save(at, b"of 1").unwrap();
    assert_eq!(other.snapshots().unwrap().load().unwrap(), Some((at, b"of 1".to_vec())));
    let mut lease = other.lease("lead").unwrap();
    assert!(lease.hold().unwrap());
    lease.release();
    assert_eq!(journal.trim(2).unwrap(), 2);
    let error = refusal(&url("u:hunter2"));
    assert!(error.to_string().contains("refuses the user"), "{error}");
}

fn an_nkey_seed_logs_in_and_its_file_is_named_when_it_is_none(version: NatsVersion) {
    let (user, stranger) = (KeyPair::new_user(), KeyPair::new_user());
    let users = format!("authorization {{ users: [{{ nkey: {} }}] }}\n", user.public_key());
    let nats = service(version, users);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("user.nk");
    let url = format!("{}?nkey={}", nats.journal_url(&new_name()), file.display());
    fs::write(&file, format!("# of the backends\n{}\n", user.seed().unwrap())).unwrap();
    let mut journal = open(&url).unwrap();
    journal.append(&one("1")).unwrap();
    fs::write(&file, stranger.seed().unwrap()).unwrap();
    assert!(refusal(&url).to_string().contains("refuses the user"));
    for text in ["", "hunter2", &KeyPair::new_account().seed().unwrap()] {
        fs::write(&file, text).unwrap();
        let message = refusal(&url).to_string();
        assert!(message.contains("nkey=") && message.contains("user.nk"), "{message}");
    }
    let as_a_token = format!("nats://{}@{}/x", user.seed().unwrap(), nats.address(0));
    let message = refusal(&as_a_token).to_string();
    assert!(message.contains("nkey=") && !message.contains(&user.seed().unwrap()), "{message}");
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn renewed_credentials_are_used_when_the_old_ones_expire(version: NatsVersion) {
    let operator = Operator::new();
    let nats = service(version, operator.config());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backends.creds");
    let url = format!("{}?credentials={}", nats.journal_url(&new_name()), file.display());
    for text in ["", "hunter2"] {
        fs::write(&file, text).unwrap();
        let message = refusal(&url).to_string();
        assert!(
            message.contains("credentials=") && message.contains("backends.creds"),
            "{message}"
        );
    }
    let until_s = now_s() + 6;
    replace(&file, &operator.credentials(until_s));
    let mut journal = open(&url).unwrap();
    journal.append(&one("1")).unwrap();
    replace(&file, &operator.credentials(now_s() + 3_600));
    while now_s() <= until_s + 1 {
        // not a wait for time: the server ends the connection by its clock
        std::thread::sleep(Duration::from_millis(50));
    }
    patiently(|| journal.recover().ok());
    journal.append(&one("2")).unwrap();
    assert_eq!(all(&mut *journal), ["1", "2"]);
    patiently(|| journal.replication_status().trouble().is_none().then_some(()));
}

/// As who renews a file does it: nobody ever sees half of it.
fn replace(file: &Path, text: &str) {
    let new = file.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(new, file).unwrap();
}
