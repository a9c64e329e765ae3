//! The writing end: makes the document of a summary, and of the next one what has changed in it.

use serde_json::{Map, Value};

use super::rows::{Row, Rows, difference_of, fields};
use super::{AGES, LIST, moment_of, ms_of};
use crate::{
    AccountCount, AgentCount, AgentRef, AlertEventView, AlertView, AlertsView, CountryCount,
    DeliveryView, HealedView, RegionCount, SourceCount, Summary,
};

type Fields = Map<String, Value>;

/// A summary as a document.
pub struct Folded {
    /// Everything but the lists.
    head: Fields,
    /// The ages of these rows are moments, in milliseconds since 1970.
    agents: Rows<AgentCount>,
    countries: Rows<CountryCount>,
    regions: Rows<RegionCount>,
    sources: Rows<SourceCount>,
    accounts: Rows<AccountCount>,
    deliveries: Rows<DeliveryView>,
    healed: Rows<HealedView>,
    alerts: Option<(Rows<AlertView>, Rows<AlertEventView>)>,
}

impl Folded {
    /// The document of a summary.
    pub fn new(mut summary: Summary) -> Self {
        use std::mem::take;
        to_moments(&mut summary);
        Self {
            agents: Rows::new(take(&mut summary.by_agent)),
            countries: Rows::new(take(&mut summary.by_country)),
            regions: Rows::new(take(&mut summary.by_region)),
            sources: Rows::new(take(&mut summary.sources)),
            accounts: Rows::new(take(&mut summary.by_account)),
            deliveries: Rows::new(take(&mut summary.deliveries)),
            healed: Rows::new(take(&mut summary.drift.recent)),
            alerts: summary.alerts.take().map(rows_of_alerts),
            head: head(&summary),
        }
    }

    /// The whole document.
    pub fn document(&self) -> Fields {
        let mut document = self.head.clone();
        for (path, rows) in [
            (&["byAgent"][..], self.agents.fields()),
            (&["byCountry"], self.countries.fields()),
            (&["byRegion"], self.regions.fields()),
            (&["sources"], self.sources.fields()),
            (&["byAccount"], self.accounts.fields()),
            (&["deliveries"], self.deliveries.fields()),
            (&["drift", "recent"], self.healed.fields()),
        ] {
            put(&mut document, path, rows);
        }
        if let Some((alerts, recent)) = &self.alerts {
            put(&mut document, &["alerts", "alerts"], alerts.fields());
            put(&mut document, &["alerts", "recent"], recent.fields());
        }
        document
    }

    /// Takes the next summary.
    ///
    /// Returns the patch that makes its document of the one before.
    pub fn update(&mut self, mut summary: Summary) -> Fields {
        use std::mem::take;
        to_moments(&mut summary);
        let mut lists = vec![
            (&["byAgent"][..], self.agents.update(take(&mut summary.by_agent))),
            (&["byCountry"], self.countries.update(take(&mut summary.by_country))),
            (&["byRegion"], self.regions.update(take(&mut summary.by_region))),
            (&["sources"], self.sources.update(take(&mut summary.sources))),
            (&["byAccount"], self.accounts.update(take(&mut summary.by_account))),
            (&["deliveries"], self.deliveries.update(take(&mut summary.deliveries))),
            (&["drift", "recent"], self.healed.update(take(&mut summary.drift.recent))),
        ];
        let alerts = summary.alerts.take();
        let head = head(&summary);
        let mut patch = difference_of(&self.head, &head);
        self.head = head;
        match (&mut self.alerts, alerts) {
            (Some((rows, recent)), Some(next)) => {
                lists.push((&["alerts", "alerts"], rows.update(next.alerts)));
                lists.push((&["alerts", "recent"], recent.update(next.recent)));
            }
            (alerts @ None, Some(next)) => {
                let (rows, recent) = alerts.insert(rows_of_alerts(next));
                put(&mut patch, &["alerts", "alerts"], rows.fields());
                put(&mut patch, &["alerts", "recent"], recent.fields());
            }
            (alerts @ Some(_), None) => {
                *alerts = None;
                patch.insert("alerts".to_owned(), Value::Null);
            }
            (None, None) => {}
        }
        for (path, rows) in lists.into_iter().filter(|(_, rows)| !rows.is_empty()) {
            put(&mut patch, path, rows);
        }
        patch
    }
}

/// Puts a list where it belongs, beside what is there already.
fn put(fields: &mut Fields, path: &[&str], rows: Fields) {
    match path {
        [name] => _ = fields.insert(format!("{name}{LIST}"), Value::Object(rows)),
        [name, rest @ ..] => {
            let inner = fields.entry(*name).or_insert_with(|| Value::Object(Fields::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, rows);
            }
        }
        [] => {}
    }
}

fn rows_of_alerts(
    AlertsView { alerts, recent }: AlertsView,
) -> (Rows<AlertView>, Rows<AlertEventView>) {
    (Rows::new(alerts), Rows::new(recent))
}

/// Puts moments in the place of ages, in milliseconds since 1970: they stay as they are while time passes.
fn to_moments(summary: &mut Summary) {
    let Some(now) = ms_of(&summary.as_of) else { return };
    let to_moment = |age: &mut Option<u64>| *age = age.map(|ms| now.saturating_sub(ms));
    to_moment(&mut summary.average_ms);
    to_moment(&mut summary.longest_ms);
    for agent in &mut summary.by_agent {
        to_moment(&mut agent.average_ms);
        to_moment(&mut agent.longest_ms);
    }
}

/// What is not in a list, of a summary whose lists are taken.
fn head(summary: &Summary) -> Fields {
    let Value::Object(mut head) = fields(summary) else { unreachable!("it is a struct") };
    for beside in ["epoch", "seq", "asOf", "byAgent", "byCountry", "byRegion"] {
        head.remove(beside);
    }
    if let Some(Value::Object(drift)) = head.get_mut("drift") {
        drift.remove("recent");
    }
    name_moments(&mut head);
    head
}

/// Writes the moments that stand in the place of ages.
fn name_moments(fields: &mut Fields) {
    for (age, since) in AGES {
        if let Some(ms) = fields.remove(age).and_then(|ms| ms.as_u64()) {
            fields.insert(since.to_owned(), Value::String(moment_of(ms)));
        }
    }
}

impl Row for AgentCount {
    type Id = AgentRef;

    fn id(&self) -> AgentRef {
        self.agent.clone()
    }

    fn fields(&self) -> Value {
        let mut row = fields(self);
        if let Value::Object(row) = &mut row {
            name_moments(row);
        }
        row
    }
}

impl Row for CountryCount {
    type Id = Option<String>;

    fn id(&self) -> Self::Id {
        self.country.clone()
    }

    fn fields(&self) -> Value {
        fields(self)
    }
}

impl Row for RegionCount {
    type Id = (Option<String>, Option<String>);

    fn id(&self) -> Self::Id {
        (self.country.clone(), self.region.clone())
    }

    fn fields(&self) -> Value {
        fields(self)
    }
}

impl Row for SourceCount {
    type Id = String;

    fn id(&self) -> String {
        self.source.clone()
    }

    fn fields(&self) -> Value {
        fields(self)
    }
}

impl Row for AccountCount {
    type Id = Option<String>;

    fn id(&self) -> Self::Id {
        self.account.clone()
    }

    fn fields(&self) -> Value {
        fields(self)
    }
}

impl Row for DeliveryView {
    type Id = String;

    fn id(&self) -> String {
        self.to.clone()
    }

    fn fields(&self) -> Value {
        fields(self)
    }
}

impl Row for HealedView {
    type Id = (String, String, String);

    fn id(&self) -> Self::Id {
        (self.at.clone(), self.call_sid.clone(), self.cause.clone())
    }

    fn fields(&self) -> Value {
        fields(self)
    }
}

impl Row for AlertView {
    type Id = String;

    fn id(&self) -> String {
        self.alert.clone()
    }

    fn fields(&self) -> Value {
        fields(self)
    }
}

impl Row for AlertEventView {
    type Id = (String, String, String);

    fn id(&self) -> Self::Id {
        (self.alert.clone(), self.at.clone(), self.state.clone())
    }

    fn fields(&self) -> Value {
        fields(self)
    }
}
