//! Writes what the fuzz targets begin with: `seeds FOLDER` fills `FOLDER/TARGET` from the fixtures,
//! and from what the product itself writes.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use live_users_core::{CallId, Evidence, Millis, Said, Source};
use live_users_intake::agents::Agents;
use live_users_intake::{CallerKey, Farewell, Inbound, InboundRules};
use live_users_journal::pack_nats_message;
use live_users_state::record::{Change, Record};
use live_users_state::snapshot::encode;
use live_users_state::{
    AlertChange, AlertStep, CallbackId, Cursor, EndedSession, Forward, Forwarded, LinkChange,
    LinkId, LinkScope, LinkView, PassedOn, ReceiverId, SealedCallback, SessionHash, ShardMark,
    SharedLink, State, TokenDigest, Told,
};
use live_users_twilio::Form;
use serde_json::Value;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// 2026-11-23, 09:30:17 in UTC.
const NOW: u64 = 1_795_426_217_000;

const QUERIES: [&str; 8] = [
    "limit=20&after=41",
    "from=-24h&to=now&step=15m",
    "from=2026-11-22T09:30:00Z&to=2026-11-23T09:30:00+01:00&step=1h&agent=booking",
    "from=-7d",
    "from=-4w&step=1d&width=600&height=200&theme=dark",
    "callSid=CAfa4e0000000000000000000000000001",
    "from=+-30m+&step=%31m&&=x&a=%ff",
    "limit=0&limit=201&after=-1",
];

fn main() -> Result<()> {
    let folder = env::args().nth(1).ok_or("usage: seeds FOLDER")?;
    let corpus = Corpus(PathBuf::from(folder));
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let fixtures = root.join("crates/twilio/tests/fixtures");
    let webhooks = webhooks(&fixtures.join("webhooks"))?;
    for (n, webhook) in webhooks.iter().enumerate() {
        corpus.add("form", n, webhook)?;
        corpus.add("webhook", n, webhook)?;
        corpus.add("webhook", format!("{n}.json"), json(webhook))?;
        corpus.add("calls", n, [b"v\x01", &webhook[..], b"\nc\x05", webhook].concat())?;
    }
    let day: Vec<_> = webhooks.iter().flat_map(|it| [b"c\x07", &it[..], b"\n"].concat()).collect();
    corpus.add("calls", "all", day)?;
    for (n, conference) in CONFERENCE.iter().enumerate() {
        corpus.add("webhook", format!("conference{n}"), conference)?;
    }
    let conference = CONFERENCE.map(|form| format!("c\x03{form}\n")).concat();
    corpus.add("calls", "conference", format!("v\x01{}\n{conference}f\x40", CONFERENCE[0]))?;
    signatures(&corpus, &fixtures)?;
    answers(&corpus, &fixtures)?;
    recorded(&corpus, &webhooks)?;
    corpus.add("agents", "root", fs::read(root.join("examples/agents.toml"))?)?;
    corpus.add("agents", "all", AGENTS)?;
    for (n, query) in QUERIES.iter().enumerate() {
        corpus.add("query", n, query)?;
        corpus.add("history", n, format!("{NOW}\n{query}"))?;
    }
    for (n, headers) in FORWARDED.iter().enumerate() {
        corpus.add("forwarded", n, headers)?;
    }
    for (n, stream) in STREAMS.iter().enumerate() {
        for size in [1, 7, 255] {
            corpus.add("sse", format!("{n}-{size}"), [&[size], stream.as_bytes()].concat())?;
        }
    }
    for (n, frames) in FRAMES.iter().enumerate() {
        corpus.add("websocket", n, frames)?;
    }
    let id = "000102030405060708090a0b0c0d0e0f";
    let signed = format!("__Host-live-users=c2lnbmF0dXJlIG9mIDMyIGJ5dGVzISEhISEhISEhIQ%3D%3D{id}");
    corpus.add("session", "plain", format!("a=b; __Host-live-users={id}.{NOW}"))?;
    corpus.add("session", "signed", format!("{signed}.{NOW}; c=\"d\""))?;
    Ok(())
}

/// Where seeds go: a folder for each target.
struct Corpus(PathBuf);

impl Corpus {
    fn add(&self, target: &str, name: impl ToString, seed: impl AsRef<[u8]>) -> Result<()> {
        let folder = self.0.join(target);
        fs::create_dir_all(&folder)?;
        Ok(fs::write(folder.join(format!("seed-{}", name.to_string())), seed)?)
    }
}

fn webhooks(folder: &Path) -> Result<Vec<Vec<u8>>> {
    let mut files: Vec<_> =
        fs::read_dir(folder)?.map(|file| Ok(file?.path())).collect::<Result<_>>()?;
    files.retain(|file| file.extension().is_some_and(|it| it == "txt"));
    files.sort();
    files.iter().map(|file| Ok(fs::read(file)?)).collect()
}

fn json(webhook: &[u8]) -> String {
    let fields = form_urlencoded::parse(webhook).into_owned();
    let fields = fields.map(|(name, value)| (name, Value::from(value)));
    Value::Object(fields.collect()).to_string()
}

/// What the provider's own packages sign.
fn signatures(corpus: &Corpus, fixtures: &Path) -> Result<()> {
    let vectors: Vec<Value> =
        serde_json::from_slice(&fs::read(fixtures.join("signature-vectors.json"))?)?;
    for (n, vector) in vectors.iter().enumerate() {
        let text = |name: &str| vector[name].as_str().unwrap_or_default();
        let pairs = vector["params"].as_array().into_iter().flatten();
        let pairs = pairs.filter_map(|pair| Some((pair[0].as_str()?, pair[1].as_str()?)));
        let form = Form::from_pairs(pairs).encode();
        corpus.add("signature", n, format!("{}\n{}\n{form}", text("url"), text("auth_token")))?;
    }
    Ok(())
}

/// A page of the provider's list, each of its calls, and errors.
fn answers(corpus: &Corpus, fixtures: &Path) -> Result<()> {
    let page = fs::read(fixtures.join("calls-list-example.json"))?;
    corpus.add("rest", "page", &page)?;
    let page: Value = serde_json::from_slice(&page)?;
    for (n, call) in page["calls"].as_array().into_iter().flatten().enumerate() {
        corpus.add("rest", format!("call{n}"), call.to_string())?;
    }
    let small = r#"{"calls":[{"sid":"CA1","status":"in-progress","direction":"outbound-dial",
        "parent_call_sid":"CA2","duration":"7","answered_by":"machine_start"}],
        "next_page_uri":"/2010-04-01/Accounts/AC1/Calls.json?Page=1&PageToken=PACA1"}"#;
    corpus.add("rest", "small", small)?;
    corpus.add("rest", "error", r#"{"code":20404,"message":"gone","status":404}"#)
}

/// What the journal keeps after these webhooks: records, snapshots, and messages of NATS.
fn recorded(corpus: &Corpus, webhooks: &[Vec<u8>]) -> Result<()> {
    let (agents, _) = Agents::parse(AGENTS);
    let (key, farewell) = (CallerKey::derived_from("a token"), Farewell::default());
    let rules = InboundRules { agents: &agents, key: &key, farewell: &farewell, accounts: &[] };
    let mut said: Vec<Evidence> = Vec::new();
    let conference = CONFERENCE.iter().map(|form| form.as_bytes().to_vec());
    for webhook in webhooks.iter().cloned().chain(conference) {
        let form = Form::parse(&webhook)?;
        let read = Inbound::read(&form, Source::Voice, None, rules).evidence;
        said.extend(read.into_iter().flatten());
    }
    let session = SessionHash::parse("000102030405060708090a0b0c0d0e0f").ok_or("a hash")?;
    let session = EndedSession { id: session, until: Millis(NOW + 60_000) };
    let forget = Change::Forget { ended_before: Millis(NOW - 60_000) };
    let changes = said.into_iter().map(Change::Evidence);
    let changes = others()
        .into_iter()
        .chain(forwards())
        .chain(links())
        .chain(alerts())
        .chain([marked()])
        .chain(changes);
    let changes = changes.chain([Change::EndSession(session), forget]);
    let (mut state, mut records) = (State::default(), Vec::new());
    let mut kinds = BTreeSet::new();
    for (n, change) in (0..).zip(changes) {
        kinds.insert(kind(&change));
        let record = Record { at: Millis(NOW + n * 1_000), change };
        state.apply(&record);
        records.push(record.encode());
        corpus.add("record", n, record.encode())?;
        if n % 8 == 7 {
            snapshot(&corpus, &n.to_string(), &state)?;
        }
    }
    if !kinds.iter().copied().eq(0..KINDS) {
        return Err(format!("of the kinds of records there are only {kinds:?}").into());
    }
    snapshot(&corpus, "all", &state)?;
    corpus.add("nats_frame", "all", pack_nats_message(&records))?;
    corpus.add("nats_frame", "few", pack_nats_message(&records[..3]))?;
    corpus.add("nats_frame", "small", pack_nats_message(&[b"{}".to_vec(), Vec::new()]))
}

/// The parts of a snapshot, in the form of the fuzz target.
fn snapshot(corpus: &Corpus, name: &str, state: &State) -> Result<()> {
    for part in encode(state) {
        let kind: &[u8] = match &*part.name {
            "conferences" => &[1],
            name if name.starts_with("calls/") => &[0],
            _ => &[],
        };
        let name = format!("{name}-{}", part.name.replace('/', "-"));
        corpus.add("snapshot", name, [kind, &part.bytes].concat())?;
    }
    Ok(())
}

/// What is to be told and passed on: a hook that is told of calls and one that is gone; a callback that
/// waits for one of two receivers, one that waits for both, and one that is done.
fn others() -> Vec<Change> {
    let cursor =
        Cursor { news: Some(0), live_users: Some(3), is_reached: Some(false), alerts: Some(0) };
    let told = |hook: &str, cursor| Change::Told(Told { hook: hook.into(), cursor });
    let receivers = vec![ReceiverId(0xb0b), ReceiverId(0xa11ce)];
    let waits = |id| {
        Change::PassOn(SealedCallback {
            id: CallbackId(id),
            agent: "booking".into(),
            receivers: receivers.clone(),
            sealed: [b"a nonce with", &[0, 1, 254, 255][..]].concat().into(),
        })
    };
    let done = |id, receiver| Change::PassedOn(PassedOn { id: CallbackId(id), receiver });
    let calls = told("crm", Some(cursor));
    let gone = told("gone", None);
    let one = done(1, Some(receivers[0]));
    vec![calls, gone, waits(1), waits(2), waits(3), one, done(3, None)]
}

/// Evidence for two other shards: one piece waits, and one is recorded there.
fn forwards() -> Vec<Change> {
    let piece = |shard| {
        let call = CallId::parse("CAfa4e0000000000000000000000000001").expect("an id");
        let evidence = Evidence::about(call, Source::StatusCallback, Said::InProgress);
        let (sent_at_ms, first_in_conference) = (Some(NOW), Some(1));
        Change::Forward(Box::new(Forward { shard, sent_at_ms, first_in_conference, evidence }))
    };
    let recorded = Change::Forwarded(Forwarded { shards: vec![2], through: 2 });
    vec![piece(1), piece(2), recorded]
}

/// Links with each scope: one that is used, one that is revoked.
fn links() -> Vec<Change> {
    let scopes = [
        LinkScope::All,
        LinkScope::Total,
        LinkScope::Agent("booking".into()),
        LinkScope::Account("acme".into()),
    ];
    let shared = (1..).zip(scopes).map(|(n, scope)| {
        LinkChange::Share(SharedLink {
            id: LinkId(n),
            name: "Lobby \u{1f4de}".into(),
            digest: TokenDigest([u8::try_from(n).unwrap_or_default(); 32]),
            scope,
            view: if n % 2 == 0 { LinkView::Wallboard } else { LinkView::Page },
            expires: Millis(NOW + 86_400_000),
        })
    });
    let later = [LinkChange::Use(LinkId(1)), LinkChange::Revoke(LinkId(2))];
    shared.chain(later).map(Change::Link).collect()
}

/// An alert that fires, is told again, and is over since its rule was changed; one that is tested, and one
/// that is not in the file any more.
fn alerts() -> Vec<Change> {
    let busy = AlertChange {
        alert: "busy".into(),
        what: AlertStep::Firing,
        told: true,
        condition: "users".into(),
        value: Some(85),
        threshold: Some(80),
        below: false,
        agent: Some("booking".into()),
        source: None,
        rule_changed: false,
        hooks: Some(vec!["crm".into()]),
    };
    let over =
        AlertChange { what: AlertStep::Resolved, value: None, rule_changed: true, ..busy.clone() };
    let silent = AlertChange {
        alert: "silent".into(),
        condition: "source_silent".into(),
        below: true,
        agent: None,
        source: Some("app".into()),
        hooks: None,
        ..busy.clone()
    };
    let test = AlertChange { what: AlertStep::Test, ..silent.clone() };
    let removed = AlertChange { what: AlertStep::Removed, told: false, ..silent.clone() };
    vec![busy.clone(), busy, over, silent, test, removed].into_iter().map(Change::Alert).collect()
}

/// That the journal is of one shard.
fn marked() -> Change {
    Change::Shard(ShardMark { shard: 3, of: 4, by: "agent".into() })
}

/// How many kinds of records there are.
const KINDS: u8 = 11;

/// Which of them this is. A new one belongs among the seeds, too.
fn kind(change: &Change) -> u8 {
    match change {
        Change::Evidence(_) => 0,
        Change::Forget { .. } => 1,
        Change::EndSession(_) => 2,
        Change::Told(_) => 3,
        Change::PassOn(_) => 4,
        Change::PassedOn(_) => 5,
        Change::Alert(_) => 6,
        Change::Link(_) => 7,
        Change::Shard(_) => 8,
        Change::Forward(_) => 9,
        Change::Forwarded(_) => 10,
    }
}

const CONFERENCE: [&str; 5] = [
    "CallSid=CA1&AccountSid=AC1&CallStatus=ringing&Direction=inbound&From=%2B14155550123&\
     To=%2B15005550006",
    "ConferenceSid=CF1&CallSid=CA1&AccountSid=AC1&StatusCallbackEvent=participant-join&\
     SequenceNumber=1&FriendlyName=support&Muted=false&Hold=false&Coaching=false",
    "ConferenceSid=CF1&CallSid=CA1&AccountSid=AC1&StatusCallbackEvent=participant-hold&\
     SequenceNumber=2&Hold=true",
    "ConferenceSid=CF1&CallSid=CA1&AccountSid=AC1&StatusCallbackEvent=participant-leave&\
     SequenceNumber=3&ReasonParticipantLeft=participant_hung_up",
    "ConferenceSid=CF1&AccountSid=AC1&StatusCallbackEvent=conference-end&SequenceNumber=4",
];

const FORWARDED: [&str; 4] = [
    "for=192.0.2.60;proto=http;by=203.0.113.43, for=\"[2001:db8::1]:4711\"\n203.0.113.9, 192.0.2.7",
    "For=\"_gazonk\";host=\"agent.example.com:443\";proto=https\n\nagent.example.com\nhttps",
    "\n[2001:db8::17]:80 , unknown,203.0.113.9:1234\nagent.example.com, other.example\nhttps,http",
    "for=unknown\n::ffff:203.0.113.9\n\nHTTPS\nfor=198.51.100.4",
];

const STREAMS: [&str; 4] = [
    ": heartbeat\n\nid: 7\ndata: {\"liveUsers\":3}\n\ndata: {\"liveUsers\":4}\n\n",
    "\u{feff}event: total\r\nretry: 10\r\ndata: a\r\ndata:  b\r\n\r\ndata\r\rid\n\n",
    "data: one\rdata: two\n\nid: \0\ndata: three\n\n",
    "data: {\"choices\":[{\"delta\":{\"content\":\"Good\"}}]}\n\ndata: [DONE]\n\n",
];

/// Frames of a client: ping, pong, close with a code, text, and a fragment of a long one.
const FRAMES: [&[u8]; 5] = [
    b"\x89\x84\x01\x02\x03\x04abcd\x8a\x80\x01\x02\x03\x04",
    b"\x88\x82\x00\x00\x00\x00\x03\xe8",
    b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58",
    b"\x02\xfe\x01\x00\x01\x02\x03\x04",
    b"\x8a\x84\x00\x00\x00\x00\x00\x00\x00\x01\x88\x80\x00\x00\x00\x00",
];

const AGENTS: &str = r#"
shared = ["+14155550101"]

[[agent]]
id = "booking"
name = "Table bookings"
numbers = ["+15005550006", "sip:table@sip.example.com"]
capacity = 20
chat_url = "https://agent.example.com/v1"

[[agent]]
id = "reception"
name = "Front desk"
voice_url = "https://agent.example.com/voice"
fallback_url = "https://standby.example.com/voice"
fallback_number = "+14155550100"
sip_hosts = ["sip.agent.example.com"]
"#;
