//! The reading end: keeps the document, applies patches to it, and makes a summary of it.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{AGES, LIST, ms_of};
use crate::Summary;

/// The document of a summary.
///
/// Of its lists the rows are kept as text. As values, each would take ten times the memory.
#[derive(Debug)]
pub struct Document {
    /// Everything but the lists at the top.
    head: Value,
    /// By their names, without what marks a list.
    lists: BTreeMap<String, BTreeMap<String, String>>,
}

/// A document that is none of a summary.
#[derive(Debug, thiserror::Error)]
#[error("no summary: {0}")]
pub struct NotADocument(#[from] serde_json::Error);

impl Document {
    /// Takes the document of a snapshot.
    pub fn new(snapshot: Map<String, Value>) -> Self {
        let mut document = Self { head: Value::Object(Map::new()), lists: BTreeMap::new() };
        document.merge(snapshot);
        document
    }

    /// Applies a JSON Merge Patch.
    pub fn merge(&mut self, patch: Map<String, Value>) {
        let mut head = Map::new();
        for (name, change) in patch {
            match (name.strip_suffix(LIST), change) {
                (Some(list), Value::Object(rows)) => self.merge_rows(list, rows),
                (Some(list), _) => _ = self.lists.remove(list),
                (None, change) => _ = head.insert(name, change),
            }
        }
        json_patch::merge(&mut self.head, &Value::Object(head));
    }

    fn merge_rows(&mut self, list: &str, changes: Map<String, Value>) {
        let rows = self.lists.entry(list.to_owned()).or_default();
        for (key, change) in changes {
            if change.is_null() {
                rows.remove(&key);
                continue;
            }
            let before = rows.get(&key).and_then(|row| serde_json::from_str(row).ok());
            let mut row = before.unwrap_or(Value::Null);
            json_patch::merge(&mut row, &change);
            rows.insert(key, row.to_string());
        }
    }

    /// A field that is in no list; `None` if it has no value, or another one.
    pub fn field<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        T::deserialize(self.head.get(name)?).ok()
    }

    /// The whole document as JSON.
    pub fn to_json(&self) -> String {
        let mut json = self.head.to_string();
        // Behind the last field of an object.
        json.pop();
        for (name, rows) in &self.lists {
            let comma = if json.len() > 1 { "," } else { "" };
            json.extend([comma, &Value::from(format!("{name}{LIST}")).to_string(), ":{"]);
            for (n, (key, row)) in rows.iter().enumerate() {
                let comma = if n > 0 { "," } else { "" };
                json.extend([comma, &Value::from(key.as_str()).to_string(), ":", row]);
            }
            json.push('}');
        }
        json.push('}');
        json
    }

    /// The summary of this document, of the frame with this epoch, number and moment.
    ///
    /// # Errors
    /// If a field is missing that each summary has.
    pub fn summary(&self, epoch: &str, seq: u64, as_of: &str) -> Result<Summary, NotADocument> {
        let now = ms_of(as_of);
        let mut head = self.head.clone();
        unfold(&mut head, now);
        for (name, rows) in &self.lists {
            let rows = rows.values().map(|row| {
                let mut row = serde_json::from_str(row)?;
                unfold(&mut row, now);
                Ok::<Value, NotADocument>(row)
            });
            head[name] = Value::Array(rows.collect::<Result<_, _>>()?);
        }
        head["epoch"] = epoch.into();
        head["seq"] = seq.into();
        head["asOf"] = as_of.into();
        Ok(serde_json::from_value(head)?)
    }
}

/// Makes lists of objects that stand for them, and ages of moments.
fn unfold(value: &mut Value, now: Option<u64>) {
    let Value::Object(fields) = value else { return };
    for (age, since) in AGES {
        let at = fields.remove(since).and_then(|at| ms_of(at.as_str()?));
        if let (Some(now), Some(at)) = (now, at) {
            fields.insert(age.to_owned(), now.saturating_sub(at).into());
        }
    }
    let lists: Vec<_> = fields.keys().filter(|name| name.ends_with(LIST)).cloned().collect();
    for name in lists {
        let Some(Value::Object(rows)) = fields.remove(&name) else { continue };
        let rows: BTreeMap<String, Value> = rows.into_iter().collect();
        let list = rows.into_values().collect();
        fields.insert(name.trim_end_matches(LIST).to_owned(), Value::Array(list));
    }
    for field in fields.values_mut() {
        match field {
            Value::Array(rows) => rows.iter_mut().for_each(|row| unfold(row, now)),
            other => unfold(other, now),
        }
    }
}
