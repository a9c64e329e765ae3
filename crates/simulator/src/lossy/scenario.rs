//! What is wrong in a world.

use std::ops::RangeInclusive;

use live_users_core::MINUTE_MS;

use super::wall_clock::WallClock;
use crate::rest::Behaviour;

/// The standard worlds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Every webhook arrives once, within 20 to 120 ms.
    Clean,
    /// 5 % of all webhooks are lost for good, 10 % arrive twice, and 20 % arrive up to 1.5 s late
    /// and so out of order.
    Lossy,
    /// The same network, which loses 5 % of all *attempts*. The URLs have `#rc=5&rp=all`, so Twilio
    /// retries.
    Retried,
    /// For 10 minutes in the middle, no webhook arrives.
    Outage,
    /// The service is killed each minute, and is back after 1.5 s. Of several replicas, one is
    /// killed.
    Killed,
    /// Every two minutes, one of several replicas is cut off from the journal for 30 s.
    Partitioned,
    /// Agents hand callers over: by `<Dial>`, by conference, by a queue, to AI hosts and to each
    /// other. Some callers come back.
    Handovers,
    /// A campaign calls many people, and voicemails and faxes pick up, too.
    Campaign,
    /// Calls move from agent to agent.
    Agents,
    /// The wall clock of the service jumps forwards and back.
    Clock,
}

impl Kind {
    /// All worlds, in the order of reports.
    pub const ALL: [Self; 10] = [
        Self::Clean,
        Self::Lossy,
        Self::Retried,
        Self::Outage,
        Self::Killed,
        Self::Partitioned,
        Self::Handovers,
        Self::Campaign,
        Self::Agents,
        Self::Clock,
    ];

    /// Its name on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Lossy => "lossy",
            Self::Retried => "retried",
            Self::Outage => "outage",
            Self::Killed => "killed",
            Self::Partitioned => "partitioned",
            Self::Handovers => "handovers",
            Self::Campaign => "campaign",
            Self::Agents => "agents",
            Self::Clock => "clock",
        }
    }

    /// Whether it needs several replicas. With one replica it equals the clean world.
    pub fn is_of_replicas(self) -> bool {
        self == Self::Partitioned
    }

    /// Whether it needs a single replica. With a shared journal the time is the journal's, whatever
    /// the clock of a replica says.
    pub fn is_of_one(self) -> bool {
        self == Self::Clock
    }

    /// Whether its callers are spelt, shared and handed over as in the worlds that are about that,
    /// and not as in the plain ones.
    pub(super) fn has_parties(self) -> bool {
        match self {
            Self::Handovers | Self::Campaign | Self::Agents | Self::Clock => true,
            Self::Clean
            | Self::Lossy
            | Self::Retried
            | Self::Outage
            | Self::Killed
            | Self::Partitioned => false,
        }
    }
}

/// A world. The same scenario gives the same world for every system: which attempt is lost depends
/// on the seed, and not on what a system does.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// The standard world that it is, or was made from.
    pub kind: Kind,
    /// Decides the calls and the fate of each webhook.
    pub seed: u64,
    /// For how long calls begin and accuracy is measured, in milliseconds. Then everybody hangs up
    /// after their time, and errors have [`Scenario::settle_ms`] to heal.
    pub length_ms: u64,
    /// The mean number of live calls.
    pub live: u32,
    /// The median length of a talk, in milliseconds. Lengths are log-normal, from a twelfth of it
    /// to seven and a half times as long.
    pub talk_ms: u64,
    /// From the last hang-up to the end of the world, in milliseconds.
    pub settle_ms: u64,
    /// The network from Twilio to the service.
    pub network: Network,
    /// When Twilio retries.
    pub retries: Retries,
    /// From one kill -9 to the next, in milliseconds.
    pub kill_every_ms: Option<u64>,
    /// From a kill to the restart, in milliseconds.
    pub down_ms: u64,
    /// When no webhook arrives, in milliseconds from the beginning: `(from, until)`.
    pub outage_ms: Option<(u64, u64)>,
    /// How many replicas count on one journal.
    pub replicas: u32,
    /// From cutting one replica off from the journal to cutting the next, in milliseconds. The
    /// first cut comes after half of that.
    pub cut_every_ms: Option<u64>,
    /// How long a cut lasts, in milliseconds.
    pub cut_ms: u64,
    /// The error of the sender's clock. It affects only the field `Timestamp`.
    pub sender_clock_error_ms: i64,
    /// Whether the system may ask Twilio's REST API.
    pub referee: bool,
    /// The behaviour of that API.
    pub rest: Behaviour,
    /// The wall clock of the service.
    pub clock: WallClock,
    /// Whether the truth is that of a rule without parties: an answered call is with its agent until
    /// it ends, whoever joins. The scores of earlier versions were made so.
    pub up_is_live: bool,
}

/// The network from Twilio to the service. Shares are in thousandths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// How long an attempt travels, in milliseconds.
    pub travel_ms: RangeInclusive<u64>,
    /// The share that is lost.
    pub lost: u32,
    /// What that is a share of.
    pub loses: Loss,
    /// The share that arrives a second time.
    pub repeated: u32,
    /// The share that is late.
    pub reordered: u32,
    /// The longest delay of a late one, in milliseconds.
    pub reordered_ms_max: u64,
    /// How long Twilio takes to notice that an attempt has failed, in milliseconds. The default is
    /// that of a reset connection. A connection that is never answered takes `ct`, which is 5 s by
    /// default.
    pub notices_ms: RangeInclusive<u64>,
}

/// What the network loses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// A webhook, with all attempts at it.
    ForGood,
    /// One attempt.
    Attempt,
}

/// When Twilio retries. (Twilio, "Webhooks: connection overrides".)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retries {
    /// One more attempt, if there was no connection.
    Default,
    /// `#rc=5&rp=all`: up to five more attempts after any failure, within 15 s in all.
    All,
}

/// The length of an outage, unless the world is shorter than four times that.
const OUTAGE_MS: u64 = 10 * MINUTE_MS;

impl Scenario {
    /// A standard world.
    pub fn standard(kind: Kind, seed: u64, length_ms: u64, live: u32) -> Self {
        let mut scenario = Self {
            kind,
            seed,
            length_ms,
            live,
            talk_ms: 4 * MINUTE_MS,
            settle_ms: 3 * MINUTE_MS,
            network: Network::default(),
            retries: Retries::Default,
            kill_every_ms: None,
            down_ms: 1_500,
            outage_ms: None,
            replicas: 1,
            cut_every_ms: None,
            cut_ms: MINUTE_MS / 2,
            sender_clock_error_ms: 0,
            referee: true,
            rest: Behaviour::default(),
            clock: WallClock::default(),
            up_is_live: false,
        };
        match kind {
            Kind::Clean => {}
            Kind::Lossy => scenario.network = Network::lossy(Loss::ForGood),
            Kind::Retried => {
                scenario.network = Network::lossy(Loss::Attempt);
                scenario.retries = Retries::All;
            }
            Kind::Outage => {
                let from = length_ms / 2;
                scenario.outage_ms = Some((from, from + OUTAGE_MS.min(length_ms / 4)));
            }
            Kind::Killed => scenario.kill_every_ms = Some(MINUTE_MS),
            Kind::Partitioned => scenario.cut_every_ms = Some(2 * MINUTE_MS),
            Kind::Handovers | Kind::Campaign | Kind::Agents => {}
            Kind::Clock => scenario.clock = WallClock::jumping_within(length_ms),
        }
        scenario
    }

    /// The command that plays this world, as far as the command line can make it.
    pub fn command(&self) -> String {
        #[expect(clippy::cast_precision_loss, reason = "no world is 2^53 ms long")]
        let hours = self.length_ms as f64 / 3_600_000.0;
        let mut command = format!(
            "live-users simulate --world {} --seed {} --hours {hours} --live {}",
            self.kind.name(),
            self.seed,
            self.live
        );
        let standard = Self::standard(self.kind, self.seed, self.length_ms, self.live);
        if self.talk_ms != standard.talk_ms {
            #[expect(clippy::cast_precision_loss, reason = "nobody talks for 2^53 ms")]
            let seconds = self.talk_ms as f64 / 1_000.0;
            command.push_str(&format!(" --talk-seconds {seconds}"));
        }
        if self.network.lost != standard.network.lost {
            command.push_str(&format!(" --lost {}", f64::from(self.network.lost) / 10.0));
        }
        if self.network.notices_ms != standard.network.notices_ms {
            command.push_str(&format!(" --failure-noticed-ms {}", self.network.notices_ms.end()));
        }
        if self.replicas != standard.replicas {
            command.push_str(&format!(" --replicas {}", self.replicas));
        }
        if !self.referee {
            command.push_str(" --no-referee");
        }
        command
    }

    /// The shortest and the longest talk, in milliseconds.
    pub(super) fn talk_ms_range(&self) -> (u64, u64) {
        (self.talk_ms / 12, self.talk_ms * 15 / 2)
    }
}

impl Default for Network {
    /// Nothing is lost, repeated or late.
    fn default() -> Self {
        Self {
            travel_ms: 20..=120,
            lost: 0,
            loses: Loss::ForGood,
            repeated: 0,
            reordered: 0,
            reordered_ms_max: 1_500,
            notices_ms: 50..=250,
        }
    }
}

impl Network {
    fn lossy(loses: Loss) -> Self {
        Self { lost: 50, loses, repeated: 100, reordered: 200, ..Self::default() }
    }
}
