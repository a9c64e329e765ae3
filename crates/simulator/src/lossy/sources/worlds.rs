//! The worlds of sources: who tells of calls, how each sends webhooks again, and what can happen.

use live_users_intake::sources::{SourceSettings, SourceTable};

use super::script::{Moment, Script};
use super::{carriers, own, platforms};

/// A world in which calls are told of by one of the sources, or by two.
pub struct SourceWorld {
    /// Its name on the command line and in reports.
    pub name: &'static str,
    /// Whether each change of who is with an agent is told at once: then the number is right
    /// without faults.
    pub tells_all: bool,
    pub(super) tellers: &'static [Teller],
    pub(super) hands_over: HandsOver,
    pub(super) voicemails: Voicemails,
    /// Whether the application that has a call may die with it.
    pub(super) may_die: bool,
}

/// One who tells of calls.
pub(super) struct Teller {
    /// The kind of source; `None` is Twilio itself.
    pub(super) kind: Option<&'static str>,
    /// What it sends of a moment.
    pub(super) tell: fn(&mut Script<'_>, Moment),
    /// From the failure of an attempt to the next one, in milliseconds.
    pub(super) retries_ms: &'static [u64],
    /// It promises to be heard of each call so often, in seconds.
    pub(super) heartbeat_s: Option<u32>,
}

/// How callers are handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HandsOver {
    /// The agent leaves, and the provider connects the caller with somebody else.
    Alone,
    /// A colleague is dialled while the caller waits, who may come back afterwards.
    ByDial { and_back: bool },
}

/// Who knows that a voicemail has picked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Voicemails {
    /// Nobody.
    Unknown,
    /// Whoever tells of the call, who may say so at once or at the end.
    Known,
}

const NEVER: &[u64] = &[];
/// Once more at once, as Twilio does by default.
const ONCE: &[u64] = &[0];
/// Two tries more.
const TWICE: &[u64] = &[1_000, 2_000];
/// Three tries more, each after twice the time.
const THRICE: &[u64] = &[1_000, 2_000, 4_000];
/// Three tries in all, and as many to the failover URL.
const WITH_FAILOVER: &[u64] = &[500, 1_000, 0, 500, 1_000];
/// Twice the time after each failure, for 72 hours.
const FOR_DAYS: &[u64] = &[
    5_000, 10_000, 20_000, 40_000, 80_000, 160_000, 320_000, 640_000, 1_280_000, 2_560_000,
    5_120_000, 10_240_000, 20_480_000, 40_960_000, 81_920_000,
];
/// Until it is taken, for some 20 minutes.
const AT_LEAST_ONCE: &[u64] = &[
    1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 60_000, 120_000, 240_000, 240_000, 240_000, 240_000,
];

const fn teller(
    kind: &'static str,
    tell: fn(&mut Script<'_>, Moment),
    retries_ms: &'static [u64],
) -> Teller {
    Teller { kind: Some(kind), tell, retries_ms, heartbeat_s: None }
}

const TWILIO: Teller =
    Teller { kind: None, tell: carriers::twilio, retries_ms: ONCE, heartbeat_s: None };
const EVENTS: Teller =
    Teller { heartbeat_s: Some(30), ..teller("events", own::events, AT_LEAST_ONCE) };
const ELEVENLABS: Teller = teller("elevenlabs", platforms::elevenlabs, NEVER);
const OPENAI: Teller = teller("openai", platforms::openai, FOR_DAYS);
const VAPI: Teller = teller("vapi", platforms::vapi, NEVER);

const fn platform(name: &'static str, tells_all: bool, tellers: &'static [Teller]) -> SourceWorld {
    let (hands_over, voicemails) = (HandsOver::Alone, Voicemails::Unknown);
    SourceWorld { name, tells_all, tellers, hands_over, voicemails, may_die: false }
}

const fn carrier(name: &'static str, tells_all: bool, tellers: &'static [Teller]) -> SourceWorld {
    let hands_over = HandsOver::ByDial { and_back: true };
    SourceWorld { hands_over, ..platform(name, tells_all, tellers) }
}

/// Every world, in the order of reports. The name of one with one source is that of its kind.
pub const SOURCE_WORLDS: &[SourceWorld] = &[
    platform("elevenlabs", false, &[ELEVENLABS]),
    platform("elevenlabs+twilio", false, &[ELEVENLABS, TWILIO]),
    SourceWorld { may_die: true, ..carrier("events", false, &[EVENTS]) },
    carrier("jambonz", true, &[teller("jambonz", carriers::jambonz, NEVER)]),
    platform("livekit", false, &[teller("livekit", platforms::livekit, THRICE)]),
    platform("openai", false, &[OPENAI]),
    platform("openai+events", true, &[OPENAI, Teller { tell: own::events_of_openai, ..EVENTS }]),
    SourceWorld {
        voicemails: Voicemails::Known,
        ..carrier("plivo", false, &[teller("plivo", carriers::plivo, ONCE)])
    },
    SourceWorld {
        voicemails: Voicemails::Known,
        ..platform("retell", false, &[teller("retell", platforms::retell, TWICE)])
    },
    SourceWorld {
        voicemails: Voicemails::Known,
        ..carrier("signalwire", true, &[teller("signalwire", carriers::signalwire, ONCE)])
    },
    SourceWorld {
        voicemails: Voicemails::Known,
        hands_over: HandsOver::ByDial { and_back: false },
        ..carrier("telnyx", true, &[teller("telnyx", carriers::telnyx, WITH_FAILOVER)])
    },
    carrier("telnyx-texml", true, &[teller("telnyx", carriers::texml, WITH_FAILOVER)]),
    SourceWorld { voicemails: Voicemails::Known, ..platform("vapi", false, &[VAPI]) },
    platform("vapi+twilio", true, &[VAPI, TWILIO]),
    SourceWorld {
        voicemails: Voicemails::Known,
        hands_over: HandsOver::ByDial { and_back: false },
        ..carrier("vonage", false, &[teller("vonage", carriers::vonage, ONCE)])
    },
];

impl SourceWorld {
    /// The world of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        SOURCE_WORLDS.iter().find(|world| world.name == name)
    }

    /// Whether Twilio tells of the calls, too, so that it can be asked about them.
    pub(super) fn has_twilio(&self) -> bool {
        self.tellers.iter().any(|teller| teller.kind.is_none())
    }
}

impl Teller {
    /// Its settings, as if its table in the configuration had the kind alone, with its id; and how
    /// long a call of it may be, in minutes, if that is configured.
    pub(super) fn settings(&self, longest_call_minutes: Option<u32>) -> Option<SourceSettings> {
        let kind = self.kind?;
        let table = SourceTable {
            heartbeat_seconds: self.heartbeat_s,
            longest_call_minutes,
            ..SourceTable::named(kind, kind)
        };
        Some(table.settings())
    }
}
