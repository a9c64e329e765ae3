//! What is wrong in a world.

use std::ops::RangeInclusive;

use live_users_core::MINUTE_MS;

use crate::rest::Behaviour;

/// The standard worlds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Every webhook arrives, once, within 20 to 120 ms.
    Clean,
    /// 5 % of all webhooks are lost for good, 10 % come twice, 20 % come up to 1.5 s late and so
    /// out of order.
    Lossy,
    /// The same network, which loses each *attempt* with 5 %; the URLs have `#rc=5&rp=all`, so
    /// Twilio tries again.
    Retried,
    /// For 10 minutes in the middle no webhook reaches us.
    Outage,
    /// The service is killed each minute, and is back after 1.5 s; of several replicas one is.
    Killed,
    /// Every two minutes one of several replicas is cut off from the journal for 30 s.
    Partitioned,
}

impl Kind {
    /// All, in the order of reports.
    pub const ALL: [Self; 6] =
        [Self::Clean, Self::Lossy, Self::Retried, Self::Outage, Self::Killed, Self::Partitioned];

    /// Its name on the command line and in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Lossy => "lossy",
            Self::Retried => "retried",
            Self::Outage => "outage",
            Self::Killed => "killed",
            Self::Partitioned => "partitioned",
        }
    }

    /// Whether there has to be more than one replica for it to be any other world than the clean
    /// one.
    pub fn is_of_replicas(self) -> bool {
        self == Self::Partitioned
    }
}

/// A world. The same scenario is the same world, whatever system is in it: which attempt is lost
/// depends on the seed and on nothing that a system does.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// Which of the standard worlds it is, or was made from.
    pub kind: Kind,
    /// Makes the calls and the fate of each webhook.
    pub seed: u64,
    /// How long calls begin and accuracy is measured, in milliseconds. Then everybody hangs up in
    /// their time, and what is wrong has [`Scenario::settle_ms`] to heal.
    pub length_ms: u64,
    /// How many calls are on the line, on average.
    pub live: u32,
    /// The median of how long people talk, in milliseconds: log-normal, from a twelfth of it to
    /// seven and a half times as long.
    pub talk_ms: u64,
    /// From the last hang-up to the end of the world, in milliseconds.
    pub settle_ms: u64,
    /// The way from Twilio to us.
    pub network: Network,
    /// What Twilio tries again.
    pub retries: Retries,
    /// From one kill -9 to the next, in milliseconds.
    pub kill_every_ms: Option<u64>,
    /// From a kill to the service's being up again, in milliseconds.
    pub down_ms: u64,
    /// When no webhook reaches us, in milliseconds from the beginning, `(from, until)`.
    pub outage_ms: Option<(u64, u64)>,
    /// How many replicas count on one journal.
    pub replicas: u32,
    /// From one replica's being cut off from the journal to the next one's, in milliseconds. The
    /// first is after half of that.
    pub cut_every_ms: Option<u64>,
    /// For how long it is, in milliseconds.
    pub cut_ms: u64,
    /// How wrong the clock of the sender is. It is in the field `Timestamp` and nowhere else.
    pub sender_clock_error_ms: i64,
    /// Whether the system may ask Twilio's REST API.
    pub referee: bool,
    /// How that behaves.
    pub rest: Behaviour,
}

/// The way from Twilio to us. Shares are in thousandths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// How long an attempt travels, in milliseconds.
    pub travel_ms: RangeInclusive<u64>,
    /// What is lost.
    pub lost: u32,
    /// Of what that is the share.
    pub loses: Loss,
    /// What comes a second time.
    pub repeated: u32,
    /// What is late.
    pub reordered: u32,
    /// How late that is at most, in milliseconds.
    pub reordered_ms_max: u64,
    /// How long Twilio takes to notice that an attempt has failed, in milliseconds. As a reset
    /// connection by default; a connection that is never answered takes `ct`, 5 s unless the URL
    /// says otherwise.
    pub notices_ms: RangeInclusive<u64>,
}

/// What the network loses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// A webhook, with whatever attempts Twilio makes.
    ForGood,
    /// One attempt.
    Attempt,
}

/// What Twilio tries again. (Twilio, "Webhooks: connection overrides".)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retries {
    /// One more attempt, if no connection came about.
    Default,
    /// `#rc=5&rp=all`: up to five more attempts after any failure, within 15 s in all.
    All,
}

/// As long as an outage is, unless the world is shorter than four times that.
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
        }
        scenario
    }

    /// The command that plays this world, if it is one that the command line can make.
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

    /// The longest talk, in milliseconds.
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
