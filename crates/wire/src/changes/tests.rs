//! Any sequence of summaries, by a snapshot and changes.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree;
use serde_json::{Value, json};

use super::*;
use crate::{
    AccountCount, AgentCount, AgentRef, AlertEventView, AlertRuleView, AlertView, AlertsView,
    CountryCount, DeliveryView, DriftView, HealedView, LineView, RefereeView, RegionCount,
    SourceCount, Summary, TalkedView,
};

/// 2026-11-23T09:30:00.000Z.
const START_MS: u64 = 1_795_426_200_000;

fn talked() -> impl Strategy<Value = TalkedView> {
    proptest::option::of(0_u64..9).prop_map(|of| TalkedView {
        calls: of.unwrap_or(0),
        average_ms: of.map(|ms| ms * 1000),
        longest_ms: of.map(|ms| ms * 2000),
    })
}

fn agent_refs() -> Vec<AgentRef> {
    let of = |agent: Option<&str>, address: Option<&str>| AgentRef {
        agent: agent.map(str::to_owned),
        address: address.map(str::to_owned),
    };
    // Two addresses may be shown alike, and an id may look like a number or like a list.
    vec![
        of(Some("booking"), None),
        of(Some("7"), None),
        of(Some("10"), None),
        of(Some("a[]"), None),
        of(Some("\u{10ffff}"), None),
        of(Some("\u{e000}"), None),
        of(None, Some("+1...06")),
        of(None, Some("+1...06")),
        of(None, None),
    ]
}

fn agent((agent, now): (AgentRef, u64)) -> impl Strategy<Value = AgentCount> {
    let age = || proptest::option::of(0_u64..40_000);
    let names = proptest::option::of(select(vec!["Table bookings", "\"quoted\"\n"]));
    (
        0_u64..3,
        0_u64..3,
        age(),
        age(),
        talked(),
        names,
        any::<bool>(),
        proptest::option::of(0_u64..3),
    )
        .prop_map(move |(users, waiting, average, longest, hour, name, own_voice, suspect)| {
            // They last since a moment, whenever that is asked.
            let age = |since: Option<u64>| since.map(|since| now.saturating_sub(since));
            AgentCount {
                agent: agent.clone(),
                name: name.map(str::to_owned),
                numbers: name.into_iter().map(str::to_owned).collect(),
                account: name.filter(|_| own_voice).map(str::to_owned),
                capacity: own_voice.then_some(20),
                own_voice,
                live_users: users,
                public_suspect: suspect,
                live_calls: users,
                line: LineView { with_agent: users, waiting, ..LineView::default() },
                average_ms: age(average),
                longest_ms: age(longest),
                last_hour: hour.clone(),
                last_day: hour,
            }
        })
}

fn some_of<T: Clone + std::fmt::Debug + 'static>(all: Vec<T>) -> impl Strategy<Value = Vec<T>> {
    let count = all.len();
    subsequence(all, 0..=count).prop_shuffle()
}

fn alerts() -> impl Strategy<Value = AlertsView> {
    let rule = AlertRuleView { when: "users".to_owned(), ..AlertRuleView::default() };
    let of_alert = rule.clone();
    let alerts = some_of(vec!["a", "b"]).prop_map(move |ids| {
        let alert = |id: &str| AlertView {
            alert: id.to_owned(),
            firing: false,
            since: None,
            value: None,
            rule: of_alert.clone(),
            for_seconds: 5,
        };
        ids.into_iter().map(alert).collect()
    });
    let recent = some_of(vec![1_u64, 2, 3]).prop_map(move |values| {
        let event = |value: u64| AlertEventView {
            alert: "a".to_owned(),
            state: "firing".to_owned(),
            at: "2026-11-23T09:30:00.000Z".to_owned(),
            since: None,
            value: Some(value).filter(|value| *value > 1),
            rule: rule.clone(),
            reminder: value > 2,
            rule_changed: false,
        };
        values.into_iter().map(event).collect()
    });
    (alerts, recent).prop_map(|(alerts, recent)| AlertsView { alerts, recent })
}

fn sources(accounts: &[Option<&str>], users: u64) -> Vec<SourceCount> {
    let source = |id: &Option<&str>| SourceCount {
        source: id.unwrap_or("twilio").to_owned(),
        kind: "telnyx".to_owned(),
        title: "Telnyx".to_owned(),
        account: id.map(str::to_owned),
        live_users: users,
        live_calls: 1,
        heard_at: (users > 0).then(|| moment_of(START_MS + users)),
        refused_at: None,
        start: "event".to_owned(),
        answer: "event".to_owned(),
        hand_over: "untold".to_owned(),
        end: "event".to_owned(),
        ends_by: "by word".to_owned(),
        ends: None,
        referee: None,
    };
    accounts.iter().map(source).collect()
}

/// What a summary is made of, beside its agents.
#[derive(Clone, Debug)]
struct Drawn {
    now: u64,
    users: u64,
    countries: Vec<Option<&'static str>>,
    healed: Vec<&'static str>,
    accounts: Vec<Option<&'static str>>,
    alerts: Option<AlertsView>,
    talked: TalkedView,
}

fn summary() -> impl Strategy<Value = Summary> {
    let lists = (
        some_of(agent_refs()),
        some_of(vec![Some("US"), Some("DE"), None, Some("FR")]),
        some_of(vec!["CA1", "CA2", "CA3", "CA4"]),
        some_of(vec![Some("acme"), None]),
    );
    (0_u64..60_000, 0_u64..3, lists, proptest::option::of(alerts()), talked())
        .prop_flat_map(|(after, users, (agents, countries, healed, accounts), alerts, talked)| {
            let now = START_MS + after;
            let agents: Vec<_> = agents.into_iter().map(|it| agent((it, now))).collect();
            (agents, Just(Drawn { now, users, countries, healed, accounts, alerts, talked }))
        })
        .prop_map(|(agents, drawn)| made(agents, drawn))
}

fn made(by_agent: Vec<AgentCount>, drawn: Drawn) -> Summary {
    let Drawn { now, users, countries, healed, accounts, alerts, talked } = drawn;
    let country = |it: &Option<&str>| it.map(str::to_owned);
    let by_country = countries.iter().map(|it| CountryCount {
        country: country(it),
        live_users: users,
        live_calls: 1,
    });
    let by_region = countries.iter().map(|it| RegionCount {
        country: country(it),
        region: Some("CA".to_owned()),
        live_users: 1,
        live_calls: users,
    });
    let by_account = accounts.iter().map(|it| AccountCount {
        account: country(it),
        live_users: users,
        live_calls: 1,
    });
    Summary {
        live_users: users,
        upper_bound: false,
        sum_is_upper_bound: false,
        live_calls: users,
        line: LineView { with_agent: users, ..LineView::default() },
        public_by_agent: (users > 0).then(|| BTreeMap::from([("a".to_owned(), users)])),
        public_suspect: (users > 1).then_some(1),
        confirmed: users,
        suspect: 0,
        as_of: moment_of(now),
        epoch: "0a1b".to_owned(),
        seq: now,
        average_ms: (users > 0).then_some(now - START_MS + 7),
        longest_ms: (users > 0).then_some(users * 1000),
        last_hour: talked.clone(),
        last_day: talked,
        by_agent,
        by_country: by_country.collect(),
        by_region: by_region.collect(),
        sources: sources(&accounts, users),
        by_account: by_account.collect(),
        referee: referee(now, users),
        drift: drift(&healed),
        deliveries: deliveries(&healed, users),
        alerts,
    }
}

fn referee(now: u64, users: u64) -> RefereeView {
    RefereeView {
        state: "off".to_owned(),
        looked_at: None,
        next_at: (users > 0).then(|| moment_of(now)),
        failure: None,
        requests: users,
        unlisted: 0,
    }
}

fn drift(healed: &[&str]) -> DriftView {
    let recent = healed.iter().map(|it| HealedView {
        at: moment_of(START_MS),
        call_sid: (*it).to_owned(),
        cause: "missed-end".to_owned(),
    });
    DriftView {
        healed: healed.len() as u64,
        by_cause: healed.iter().map(|it| ((*it).to_owned(), 1)).collect(),
        recent: recent.collect(),
    }
}

fn deliveries(to: &[&str], users: u64) -> Vec<DeliveryView> {
    let delivery = |to: &&str| DeliveryView {
        to: (*to).to_owned(),
        pending: users,
        undelivered: 0,
        failing_since: None,
        failure: (users > 1).then(|| "status 500".to_owned()),
    };
    to.iter().map(delivery).collect()
}

/// What a patch says, as it comes over the wire.
fn sent(patch: &Map<String, Value>) -> Map<String, Value> {
    serde_json::from_str(&serde_json::to_string(patch).unwrap()).unwrap()
}

fn of_document(document: &Document, of: &Summary) -> Summary {
    document.summary(&of.epoch, of.seq, &of.as_of).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_snapshot_and_its_changes_give_each_summary_exactly(
        summaries in proptest::collection::vec(summary(), 1..8)
    ) {
        let mut folded = Folded::new(summaries[0].clone());
        let mut document = Document::new(sent(&folded.document()));
        prop_assert_eq!(&of_document(&document, &summaries[0]), &summaries[0]);
        for summary in &summaries[1..] {
            let patch = folded.update(summary.clone());
            document.merge(sent(&patch));
            prop_assert_eq!(&of_document(&document, summary), summary);
            // Who comes now has the same as who was there.
            let whole = Value::Object(folded.document());
            prop_assert_eq!(&serde_json::from_str::<Value>(&document.to_json()).unwrap(), &whole);
            // A change that comes twice does nothing.
            document.merge(sent(&patch));
            prop_assert_eq!(&serde_json::from_str::<Value>(&document.to_json()).unwrap(), &whole);
        }
    }

    #[test]
    fn the_keys_of_a_list_rise_whatever_moves(
        lists in proptest::collection::vec(some_of((0_u64..40).collect()), 1..20)
    ) {
        let rows = |ids: &[u64]| -> Vec<CountryCount> {
            let row = |id: &u64| CountryCount { country: Some(id.to_string()), live_users: 1, live_calls: 1 };
            ids.iter().map(row).collect()
        };
        let mut kept = super::rows::Rows::new(rows(&lists[0]));
        for ids in &lists[1..] {
            kept.update(rows(ids));
            let fields: BTreeMap<_, _> = kept.fields().into_iter().collect();
            let shown: Vec<u64> =
                fields.values().map(|row| row["country"].as_str().unwrap().parse().unwrap()).collect();
            prop_assert_eq!(&shown, ids);
        }
    }
}

fn country(id: usize) -> CountryCount {
    CountryCount { country: Some(format!("{id:03}")), live_users: 1, live_calls: 1 }
}

#[test]
fn a_row_that_moves_past_many_moves_alone() {
    let mut ids: Vec<_> = (0..200).collect();
    let mut rows = super::rows::Rows::new(ids.iter().map(|id| country(*id)).collect());
    for (from, to) in [(199, 3), (0, 150), (77, 78)] {
        let moved = ids.remove(from);
        ids.insert(to, moved);
        let patch = rows.update(ids.iter().map(|id| country(*id)).collect());
        assert_eq!(patch.len(), 2, "it leaves its key, and gets another one: {patch:?}");
    }
}

#[test]
fn a_list_that_grows_at_one_place_for_ever_stays_in_order() {
    let mut ids = vec![0, 1];
    let mut rows = super::rows::Rows::new(ids.iter().map(|id| country(*id)).collect());
    let mut renewed = 0;
    for id in 2..100 {
        ids.insert(1, id);
        let patch = rows.update(ids.iter().map(|id| country(*id)).collect());
        renewed += usize::from(patch.len() > 1);
        let fields: BTreeMap<_, _> = rows.fields().into_iter().collect();
        let shown: Vec<_> = fields.values().map(|row| row["country"].clone()).collect();
        assert_eq!(shown, ids.iter().map(|id| json!(format!("{id:03}"))).collect::<Vec<_>>());
    }
    assert!((1..10).contains(&renewed), "all keys are new now and then: {renewed}");
}

#[test]
fn time_alone_changes_nothing() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let summary = summary().new_tree(&mut runner).unwrap().current();
    let mut folded = Folded::new(summary.clone());
    let now = ms_of(&summary.as_of).unwrap();
    let mut later = Summary { as_of: moment_of(now + 5_000), ..summary };
    later.average_ms = later.average_ms.map(|ms| ms + 5_000);
    later.longest_ms = later.longest_ms.map(|ms| ms + 5_000);
    for agent in &mut later.by_agent {
        agent.average_ms = agent.average_ms.map(|ms| ms + 5_000);
        agent.longest_ms = agent.longest_ms.map(|ms| ms + 5_000);
    }
    assert_eq!(folded.update(later), Map::new());
}

/// Frames and the summaries that they lead to. The page reads the same ones.
#[derive(Serialize, Deserialize)]
struct Vector {
    frame: ChangesFrame,
    summary: Summary,
}

const VECTORS: &str = include_str!("../../fixtures/summary_changes.json");

#[test]
fn the_vectors_lead_to_their_summaries() {
    let vectors: Vec<Vector> = serde_json::from_str(VECTORS).unwrap();
    let mut document: Option<Document> = None;
    for Vector { frame, summary } in vectors {
        let known = match (&mut document, frame.snapshot, frame.changed) {
            (unknown, Some(snapshot), None) => unknown.insert(Document::new(snapshot)),
            (Some(known), None, Some(changed)) => {
                known.merge(changed);
                known
            }
            _ => panic!("either a snapshot or a change"),
        };
        assert_eq!(of_document(known, &summary), summary);
    }
}

/// The test of the page reads the same vectors. Where this fails rightly, the file gets what is
/// printed as the left side.
#[test]
fn the_vectors_are_what_is_told_now() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut folded: Option<Folded> = None;
    let vectors = (0..8).map(|n| {
        let summary = summary().new_tree(&mut runner).unwrap().current();
        let (epoch, seq, as_of) = (summary.epoch.clone(), summary.seq, summary.as_of.clone());
        let (since, snapshot, changed) = match &mut folded {
            Some(folded) => {
                (Some(format!("run-{}", n - 1)), None, Some(folded.update(summary.clone())))
            }
            none => (None, Some(none.insert(Folded::new(summary.clone())).document()), None),
        };
        let frame =
            ChangesFrame { frame: format!("run-{n}"), since, epoch, seq, as_of, snapshot, changed };
        Vector { frame, summary }
    });
    let lines: Vec<_> = vectors.map(|it| serde_json::to_string(&it).unwrap()).collect();
    let json = format!("[\n{}\n]\n", lines.join(",\n"));
    assert_eq!(json, VECTORS);
}
