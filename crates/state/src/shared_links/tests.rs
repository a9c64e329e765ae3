//! Links as records and snapshots have them, until they end.

use live_users_core::Millis;

use super::*;
use crate::record::{Change, Record};
use crate::snapshot;
use crate::state::State;

fn link(n: u64, expires: u64) -> SharedLink {
    SharedLink {
        id: LinkId(n),
        name: format!("Link {n}").into(),
        digest: TokenDigest([u8::try_from(n % 256).unwrap(); 32]),
        scope: LinkScope::Agent("booking".into()),
        view: LinkView::Page,
        expires: Millis(expires),
    }
}

fn apply(state: &mut State, at: u64, change: LinkChange) {
    // As it comes back from a journal.
    let bytes = Record { at: Millis(at), change: Change::Link(change) }.encode();
    state.apply(&Record::decode(&bytes).unwrap());
}

fn in_force(state: &State, now: u64) -> Vec<u64> {
    state.shared_links().in_force(Millis(now)).map(|known| known.link.id.0).collect()
}

#[test]
fn a_link_is_in_force_until_it_ends_or_is_revoked() {
    let mut state = State::default();
    apply(&mut state, 1, LinkChange::Share(link(7, 100)));
    apply(&mut state, 2, LinkChange::Share(link(8, 200)));
    apply(&mut state, 3, LinkChange::Use(LinkId(8)));
    assert_eq!(in_force(&state, 99), [7, 8]);
    assert_eq!(in_force(&state, 100), [8]);
    let known = state.shared_links().by_digest(TokenDigest([8; 32]), Millis(99)).unwrap();
    assert_eq!((known.created, known.used), (Millis(2), Some(Millis(3))));
    assert_eq!(state.shared_links().by_digest(TokenDigest([9; 32]), Millis(99)), None);
    // Shared once more, by a record that was written twice.
    apply(&mut state, 4, LinkChange::Share(link(8, 900)));
    assert_eq!(in_force(&state, 300), [] as [u64; 0]);
    apply(&mut state, 5, LinkChange::Revoke(LinkId(8)));
    apply(&mut state, 6, LinkChange::Use(LinkId(8)));
    assert_eq!(in_force(&state, 99), [7]);
    assert_eq!(state.shared_links().get(LinkId(8), Millis(99)), None);
}

#[test]
fn there_are_no_more_than_the_most_and_those_that_have_ended_make_room() {
    let mut state = State::default();
    let most = SHARED_LINKS_MAX as u64;
    for n in 0..most + 5 {
        apply(&mut state, 1, LinkChange::Share(link(n, 100 + n)));
    }
    assert_eq!(in_force(&state, 1), (0..most).collect::<Vec<_>>());
    apply(&mut state, 101, LinkChange::Share(link(500, 900)));
    apply(&mut state, 101, LinkChange::Share(link(501, 900)));
    apply(&mut state, 101, LinkChange::Share(link(502, 900)));
    let expected: Vec<_> = (2..most).chain([500, 501]).collect();
    assert_eq!(in_force(&state, 101), expected);
    // A record from the future of a link that is over when it is applied.
    apply(&mut state, 950, LinkChange::Share(link(503, 940)));
    assert_eq!(in_force(&state, 930), [] as [u64; 0]);
}

#[test]
fn a_snapshot_has_the_links_and_one_from_before_has_none() {
    let mut state = State::default();
    let scopes = [
        LinkScope::All,
        LinkScope::Total,
        LinkScope::Agent("booking".into()),
        LinkScope::Account("acme".into()),
    ];
    for (n, scope) in (1..).zip(scopes) {
        let view = LinkView::Wallboard;
        apply(&mut state, n, LinkChange::Share(SharedLink { scope, view, ..link(n, 900) }));
    }
    apply(&mut state, 9, LinkChange::Use(LinkId(2)));
    let parts = snapshot::encode(&state);
    let read = snapshot::decode(parts.clone()).unwrap();
    assert_eq!(read.shared_links(), state.shared_links());
    assert_eq!(snapshot::encode(&read), parts);
    let text = String::from_utf8(snapshot::encode_version_2(&state)).unwrap();
    let (before, links) = text.split_once(",\"sharedLinks\":[").unwrap();
    let (_, behind) = links.split_once("}]").unwrap();
    let without = snapshot::decode_whole(format!("{before}{behind}").as_bytes()).unwrap();
    assert_eq!(without.shared_links(), &SharedLinks::default());
}

#[test]
fn an_older_program_reads_a_link_as_a_record_that_forgets_nothing() {
    let change = Change::Link(LinkChange::Revoke(LinkId(0xa0f)));
    let text = String::from_utf8(Record { at: Millis(5), change }.encode()).unwrap();
    assert_eq!(text, r#"{"v":2,"at":5,"forget":0,"link":{"revoke":"0000000000000a0f"}}"#);
    let share = Change::Link(LinkChange::Share(link(1, 9)));
    let text = String::from_utf8(Record { at: Millis(5), change: share }.encode()).unwrap();
    let expected = format!(
        r#"{{"v":2,"at":5,"forget":0,"link":{{"share":{{"id":"0000000000000001","name":"Link 1","digest":"{}","agent":"booking","view":"page","expires":9}}}}}}"#,
        "01".repeat(32)
    );
    assert_eq!(text, expected);
}

#[test]
fn what_cannot_be_read_as_one_scope_opens_none() {
    let good = String::from_utf8(
        Record { at: Millis(5), change: Change::Link(LinkChange::Share(link(1, 9))) }.encode(),
    );
    let good = good.unwrap();
    for (from, to) in [
        (r#""agent":"booking""#, r#""agent":"booking","account":"acme""#),
        (r#""agent":"booking""#, r#""agent":"booking","total":true"#),
        (r#""view":"page""#, r#""view":"x""#),
        ("0101", "01"),
        ("0101", "x101"),
        ("0000000000000001", "1"),
        (r#""share""#, r#""other""#),
    ] {
        let wrong = good.replacen(from, to, 1);
        assert!(wrong != good && Record::decode(wrong.as_bytes()).is_err(), "{wrong}");
    }
}

#[test]
fn a_digest_is_not_logged() {
    assert_eq!(format!("{:?}", link(7, 1).digest), "TokenDigest(..)");
    assert_eq!(LinkId::parse("000000000000000A"), None, "one link has one id");
}
