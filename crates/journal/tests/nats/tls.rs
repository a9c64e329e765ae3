//! Connections by TLS, with certificates that are right, wrong, and renewed.

use std::fs;
use std::path::PathBuf;

use live_users_journal::{JournalError, open};
use live_users_testkit::{Nats, NatsLimits, NatsVersion, on_each_nats_version};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use tempfile::TempDir;

use super::refusal::refusal;
use super::{new_name, one, patiently};

on_each_nats_version! {
    a_trusted_server_is_used_and_what_is_wrong_with_another_is_named,
    a_client_certificate_is_shown_where_it_is_asked_for,
    a_server_without_tls_is_named,
    renewed_certificates_are_used_from_the_next_connection_on,
}

/// The files of an authority, and of what it has certified.
struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let it = Self { folder: tempfile::tempdir().unwrap(), issuer: Issuer::new(params, key) };
        fs::write(it.file("ca.pem"), certificate.pem()).unwrap();
        it
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a certificate and its key, and returns both.
    fn certify(&self, host: &str, change: impl FnOnce(&mut CertificateParams)) -> [PathBuf; 2] {
        let mut params = CertificateParams::new([host.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let files = ["crt", "key"].map(|end| self.file(&format!("{host}.{end}")));
        fs::write(&files[0], certificate.pem()).unwrap();
        fs::write(&files[1], key.serialize_pem()).unwrap();
        files
    }

    /// A server with this certificate, and with more in its `tls` block.
    fn serve(&self, version: NatsVersion, [certificate, key]: &[PathBuf; 2], more: &str) -> Nats {
        let (certificate, key) = (certificate.display(), key.display());
        let ca = self.file("ca.pem");
        let ca = ca.display();
        let more = format!(
            "tls {{ cert_file: \"{certificate}\", key_file: \"{key}\", ca_file: \"{ca}\" {more} }}\n"
        );
        Nats::with(1, NatsLimits { more, ..NatsLimits::on(version) })
    }

    fn url(&self, nats: &Nats) -> String {
        let ca = self.file("ca.pem");
        format!("tls://{}/{}?ca={}", nats.address(0), new_name(), ca.display())
    }
}

#[track_caller]
fn assert_says(url: &str, what: &str) {
    let error = refusal(url);
    assert!(matches!(error, JournalError::Unsuitable { .. }), "{error}");
    assert!(error.to_string().contains(what), "{error}");
}

fn a_trusted_server_is_used_and_what_is_wrong_with_another_is_named(version: NatsVersion) {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let right = authority.certify("127.0.0.1", |_| {});
    let nats = authority.serve(version, &right, "");
    open(&authority.url(&nats)).unwrap().append(&one("1")).unwrap();
    let plain = authority.url(&nats).replace("tls://", "nats://");
    open(&plain).unwrap().append(&one("1")).unwrap();
    assert_says(&stranger.url(&nats), "by ca= in JOURNAL_URL");
    assert_says(&format!("{}&tls_first=true", authority.url(&nats)), "handshake_first");
    let old = authority.certify("127.0.0.1", |it| it.not_after = date_time_ymd(2020, 1, 1));
    assert_says(&authority.url(&authority.serve(version, &old, "")), "has expired");
    let young = authority.certify("127.0.0.1", |it| it.not_before = date_time_ymd(4000, 1, 1));
    assert_says(&authority.url(&authority.serve(version, &young, "")), "not valid yet");
    let other = authority.certify("other.example", |_| {});
    assert_says(&authority.url(&authority.serve(version, &other, "")), "another name");
    for text in ["", "hunter2"] {
        fs::write(stranger.file("ca.pem"), text).unwrap();
        let error = refusal(&stranger.url(&nats));
        assert!(error.to_string().contains("by ca=, and this file has no certificate"), "{error}");
    }
}

fn a_client_certificate_is_shown_where_it_is_asked_for(version: NatsVersion) {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let server = authority.certify("127.0.0.1", |_| {});
    let nats = authority.serve(version, &server, ", verify: true");
    let url = authority.url(&nats);
    assert_says(&url, "by cert= and key=");
    let with = |[certificate, key]: [PathBuf; 2]| {
        format!("{url}&cert={}&key={}", certificate.display(), key.display())
    };
    let own = with(authority.certify("backend.example", |_| {}));
    open(&own).unwrap().append(&one("1")).unwrap();
    assert_says(&with(stranger.certify("backend.example", |_| {})), "the client certificate");
    let both = authority.certify("both.example", |_| {});
    let pem = both.each_ref().map(|it| fs::read_to_string(it).unwrap()).concat();
    fs::write(&both[0], pem).unwrap();
    open(&format!("{url}&cert={}", both[0].display())).unwrap().append(&one("1")).unwrap();
    fs::write(&both[1], "hunter2").unwrap();
    let error = refusal(&with(both));
    assert!(error.to_string().contains("by key=, and this file cannot be read as a private key"));
}

fn a_server_without_tls_is_named(version: NatsVersion) {
    let (authority, nats) = (Authority::new(), Nats::alone_on(version));
    assert_says(&authority.url(&nats), "use nats://");
    assert_says(&format!("{}&tls_first=true", authority.url(&nats)), "use nats://");
}

/// Servers can do this since 2.10.
#[test]
fn a_server_that_begins_with_tls_is_named_and_used() {
    let authority = Authority::new();
    let certificate = authority.certify("127.0.0.1", |_| {});
    let first = |how: &str| {
        authority.serve(NatsVersion::Current, &certificate, &format!(", handshake_first: {how}"))
    };
    let nats = first("true");
    let url = authority.url(&nats);
    assert_says(&url, "add tls_first=true");
    open(&format!("{url}&tls_first=true")).unwrap().append(&one("1")).unwrap();
    let either = first("auto");
    for end in ["", "&tls_first=true"] {
        let url = format!("{}{end}", authority.url(&either));
        open(&url).unwrap().append(&one("1")).unwrap();
    }
}

fn renewed_certificates_are_used_from_the_next_connection_on(version: NatsVersion) {
    let (authority, next) = (Authority::new(), Authority::new());
    let files = authority.certify("127.0.0.1", |_| {});
    let mut nats = authority.serve(version, &files, "");
    let mut journal = open(&authority.url(&nats)).unwrap();
    journal.append(&one("1")).unwrap();
    let new = next.certify("127.0.0.1", |_| {});
    for (from, to) in [(&new[0], &files[0]), (&new[1], &files[1])] {
        fs::copy(from, to).unwrap();
    }
    fs::copy(next.file("ca.pem"), authority.file("ca.pem")).unwrap();
    nats.kill(0);
    nats.restart(0);
    patiently(|| journal.recover().ok());
    journal.append(&one("2")).unwrap();
}
