//! The summary of several parts.

use std::cmp::Reverse;

use super::rows::{
    AgentKey, AgentSum, AlertsSum, Rows, add_delivery, add_source, newest_healed, sum_of_lines,
    worse,
};
use super::spans::{Ages, Talked};
use super::{Cursor, Summed, least, sum_by_agent, sum_of_told};
use crate::{
    AccountCount, CountryCount, DeliveryView, RefereeView, RegionCount, SourceCount, Summary,
};

/// From good to bad.
const REFEREE_STATES: [&str; 4] = ["elsewhere", "watching", "off", "failing"];

/// The id of what Twilio's own webhooks and lists tell.
const TWILIO: &str = "twilio";

/// Where people are.
type RegionKey = (Option<String>, Option<String>);

/// Some summaries, added up so far. Averages stay exact until the sum is finished.
#[derive(Clone, Debug)]
pub struct SummarySum {
    cursor: Cursor,
    /// What has no list and no average.
    plain: Summary,
    ages: Ages,
    hour: Talked,
    day: Talked,
    agents: Rows<AgentKey, AgentSum>,
    countries: Rows<Option<String>, CountryCount>,
    regions: Rows<RegionKey, RegionCount>,
    sources: Rows<String, SourceCount>,
    accounts: Rows<Option<String>, AccountCount>,
    deliveries: Rows<String, DeliveryView>,
    alerts: Option<AlertsSum>,
    /// Users and calls of parts that list no sources, since only Twilio tells of any.
    of_twilio: (u64, u64),
    /// The same of parts that list no accounts, since no call has one.
    of_no_account: (u64, u64),
}

impl SummarySum {
    /// One part.
    pub fn of(mut summary: Summary) -> Self {
        use std::mem::take;
        let as_of = summary.as_of.clone();
        let agents = take(&mut summary.by_agent).into_iter().enumerate();
        let agents = agents.map(|(place, row)| AgentSum::of(place, row, &as_of));
        let countries = take(&mut summary.by_country).into_iter();
        let regions = take(&mut summary.by_region).into_iter();
        let sources = take(&mut summary.sources).into_iter().enumerate();
        let accounts = take(&mut summary.by_account).into_iter();
        let deliveries = take(&mut summary.deliveries).into_iter().enumerate();
        let all = (summary.live_users, summary.live_calls);
        let all_if = |is_unlisted: bool| if is_unlisted { all } else { (0, 0) };
        let of_region = |it: RegionCount| ((it.country.clone(), it.region.clone()), 0, it);
        Self {
            cursor: Cursor::of(&summary.epoch, summary.seq),
            ages: Ages::of(summary.live_calls, (summary.average_ms, summary.longest_ms), &as_of),
            hour: Talked::of(&summary.last_hour),
            day: Talked::of(&summary.last_day),
            agents: Rows::of(agents, AgentSum::add),
            countries: Rows::of(countries.map(|it| (it.country.clone(), 0, it)), add_country),
            regions: Rows::of(regions.map(of_region), add_region),
            of_twilio: all_if(sources.len() == 0),
            of_no_account: all_if(accounts.len() == 0),
            sources: Rows::of(sources.map(|(n, it)| (it.source.clone(), n, it)), add_source),
            accounts: Rows::of(accounts.map(|it| (it.account.clone(), 0, it)), add_account),
            deliveries: Rows::of(deliveries.map(|(n, it)| (it.to.clone(), n, it)), add_delivery),
            alerts: summary.alerts.take().map(AlertsSum::of),
            plain: summary,
        }
    }

    /// Adds other parts.
    pub fn add(&mut self, other: Self) {
        self.cursor.add(other.cursor);
        add_plain(&mut self.plain, other.plain);
        self.ages.add(other.ages);
        self.hour.add(other.hour);
        self.day.add(other.day);
        self.agents.add(other.agents, AgentSum::add);
        self.countries.add(other.countries, add_country);
        self.regions.add(other.regions, add_region);
        self.sources.add(other.sources, add_source);
        self.accounts.add(other.accounts, add_account);
        self.deliveries.add(other.deliveries, add_delivery);
        match (&mut self.alerts, other.alerts) {
            (Some(alerts), Some(other)) => alerts.add(other),
            (alerts @ None, other) => *alerts = other,
            (Some(_), None) => {}
        }
        add_numbers(&mut self.of_twilio, other.of_twilio);
        add_numbers(&mut self.of_no_account, other.of_no_account);
    }

    /// The sum, at the moment of its oldest part.
    pub fn finish(self) -> Summed<Summary> {
        let as_of = self.plain.as_of.clone();
        let (average_ms, longest_ms) = self.ages.at(&as_of);
        let agents = self.agents.into_rows().into_iter().map(|agent| agent.row(&as_of));
        let mut by_country = self.countries.into_rows();
        // Countries with the same number stay in alphabetical order; the unknown comes last.
        by_country.sort_by_key(|it| (Reverse(it.live_users), it.country.is_none()));
        let value = Summary {
            upper_bound: self.plain.sum_is_upper_bound,
            sum_is_upper_bound: false,
            epoch: self.cursor.epoch(),
            seq: self.cursor.seq,
            average_ms,
            longest_ms,
            last_hour: self.hour.view(),
            last_day: self.day.view(),
            by_agent: agents.collect(),
            by_country,
            by_region: self.regions.into_rows(),
            sources: with_twilio(self.sources.into_rows(), self.of_twilio),
            by_account: with_no_account(self.accounts, self.of_no_account),
            deliveries: self.deliveries.into_rows(),
            alerts: self.alerts.map(AlertsSum::view),
            ..self.plain
        };
        // Ages and doubts change without a record.
        let name = format!("{}-{}-{}", self.cursor.name(), value.suspect, value.as_of);
        Summed { value, name }
    }
}

/// Where others tell of calls in some shards, Twilio has told of all calls in the rest.
fn with_twilio(mut sources: Vec<SourceCount>, of_rest: (u64, u64)) -> Vec<SourceCount> {
    if let Some(twilio) = sources.iter_mut().find(|it| it.source == TWILIO) {
        twilio.live_users = twilio.live_users.saturating_add(of_rest.0);
        twilio.live_calls = twilio.live_calls.saturating_add(of_rest.1);
    }
    sources
}

/// Where calls of some shards have accounts, those of the rest are of no account.
fn with_no_account(
    mut accounts: Rows<Option<String>, AccountCount>,
    (live_users, live_calls): (u64, u64),
) -> Vec<AccountCount> {
    if !accounts.is_empty() && live_calls > 0 {
        let row = AccountCount { account: None, live_users, live_calls };
        accounts.add(Rows::of([(None, 0, row)], add_account), add_account);
    }
    accounts.into_rows()
}

fn add_numbers(sum: &mut (u64, u64), part: (u64, u64)) {
    *sum = (sum.0.saturating_add(part.0), sum.1.saturating_add(part.1));
}

fn add_plain(sum: &mut Summary, part: Summary) {
    use std::mem::take;
    let add = |one: &mut u64, other: u64| *one = one.saturating_add(other);
    add(&mut sum.live_users, part.live_users);
    sum.sum_is_upper_bound |= part.sum_is_upper_bound;
    add(&mut sum.live_calls, part.live_calls);
    add(&mut sum.confirmed, part.confirmed);
    add(&mut sum.suspect, part.suspect);
    sum.line = sum_of_lines(sum.line, part.line);
    sum.public_by_agent = sum_by_agent(sum.public_by_agent.take(), part.public_by_agent);
    sum.public_suspect = sum_of_told(sum.public_suspect, part.public_suspect);
    sum.as_of = take(&mut sum.as_of).min(part.as_of);
    add_referee(&mut sum.referee, part.referee);
    let drift = &mut sum.drift;
    add(&mut drift.healed, part.drift.healed);
    for (cause, healed) in part.drift.by_cause {
        add(drift.by_cause.entry(cause).or_default(), healed);
    }
    drift.recent = newest_healed(take(&mut drift.recent), part.drift.recent);
}

/// Each shard asks for itself: the sum is as well off as the worst of them.
fn add_referee(sum: &mut RefereeView, part: RefereeView) {
    use std::mem::take;
    sum.state = worse(&REFEREE_STATES, take(&mut sum.state), part.state);
    // The oldest; none if one has none.
    sum.looked_at = sum.looked_at.take().zip(part.looked_at).map(|(one, other)| one.min(other));
    sum.next_at = least(sum.next_at.take(), part.next_at);
    sum.failure = least(sum.failure.take(), part.failure);
    sum.requests = sum.requests.saturating_add(part.requests);
    sum.unlisted = sum.unlisted.saturating_add(part.unlisted);
}

fn add_country(sum: &mut CountryCount, part: CountryCount) {
    sum.live_users = sum.live_users.saturating_add(part.live_users);
    sum.live_calls = sum.live_calls.saturating_add(part.live_calls);
}

fn add_region(sum: &mut RegionCount, part: RegionCount) {
    sum.live_users = sum.live_users.saturating_add(part.live_users);
    sum.live_calls = sum.live_calls.saturating_add(part.live_calls);
}

fn add_account(sum: &mut AccountCount, part: AccountCount) {
    sum.live_users = sum.live_users.saturating_add(part.live_users);
    sum.live_calls = sum.live_calls.saturating_add(part.live_calls);
}
