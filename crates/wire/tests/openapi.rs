//! The documents of both servers, and what they have in common: each thing is described once, is
//! found, and is used.

use std::collections::{BTreeMap, BTreeSet};

use live_users_wire::openapi::{COMMON, document};
use serde_json::{Value, json};

const BACKEND: &str = include_str!("../../../backend/openapi.json");
const PROXY: &str = include_str!("../../../proxy/openapi.json");
const FILE: &str = "../crates/wire/openapi.json#/components/";

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// The components of a document by kind and name.
fn components(document: &Value) -> BTreeMap<String, Value> {
    let kinds = document["components"].as_object().expect("components").iter();
    let named = kinds.flat_map(|(kind, named)| {
        let named = named.as_object().expect("names").iter();
        named.map(move |(name, told)| (format!("{kind}/{name}"), told.clone()))
    });
    named.collect()
}

/// Whatever a value refers to, anywhere.
fn references(value: &Value) -> BTreeSet<String> {
    let below = match value {
        Value::Object(members) => members.values().flat_map(references).collect(),
        Value::Array(values) => values.iter().flat_map(references).collect(),
        _ => BTreeSet::new(),
    };
    value["$ref"].as_str().map(str::to_owned).into_iter().chain(below).collect()
}

fn pointer(component: &str) -> String {
    format!("#/components/{component}")
}

#[test]
fn what_is_served_is_one_document_in_which_each_reference_leads_somewhere() {
    for own in [BACKEND, PROXY] {
        let served = parsed(&document(own).expect("a document"));
        let own = parsed(own);
        for part in ["openapi", "info", "servers", "paths"] {
            assert_eq!(served[part], own[part], "{part}");
        }
        assert_eq!(served["components"]["securitySchemes"], own["components"]["securitySchemes"]);
        assert_eq!(served["info"]["version"], env!("CARGO_PKG_VERSION"));
        let referred = references(&served);
        assert!(referred.len() > 50, "{referred:?}");
        for to in &referred {
            let found = to.strip_prefix('#').and_then(|it| served.pointer(it));
            assert!(found.is_some_and(Value::is_object), "{to} is not there");
        }
        // And what is there is referred to.
        for name in components(&served).into_keys() {
            let is_named = name.starts_with("securitySchemes/");
            assert!(is_named || referred.contains(&pointer(&name)), "{name} is not used");
        }
        assert!(!served["components"].to_string().contains("\"allOf\""), "all is joined");
    }
    assert_eq!(parsed(COMMON)["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn no_document_has_a_component_that_nobody_uses() {
    let mut used_of_common = BTreeSet::new();
    for own in [BACKEND, PROXY] {
        let served = components(&parsed(&document(own).expect("a document")));
        let own = parsed(own);
        let joined = references(&own["components"]);
        for name in components(&own).into_keys() {
            let is_used = served.contains_key(&name) || joined.contains(&pointer(&name));
            assert!(is_used, "{name} is not used");
        }
        used_of_common.extend(served.into_keys());
        used_of_common.extend(joined.iter().filter_map(|it| it.strip_prefix(FILE)).map(Into::into));
    }
    for name in components(&parsed(COMMON)).into_keys() {
        assert!(used_of_common.contains(&name), "{name} is not used");
    }
}

#[test]
fn nothing_is_described_twice() {
    let [common, backend, proxy] = [COMMON, BACKEND, PROXY].map(|it| components(&parsed(it)));
    for (name, told) in &backend {
        let is_more = |told: &Value| references(told).contains(&format!("{FILE}{name}"));
        let Some(other) = proxy.get(name) else { continue };
        assert!(is_more(told) && is_more(other), "{name} is in both: it belongs to crates/wire");
    }
    let mut known: BTreeMap<String, &str> = BTreeMap::new();
    for (name, told) in common.iter().chain(&backend).chain(&proxy) {
        let other = known.insert(told.to_string(), name);
        assert_eq!(other, None, "{name} is described already");
    }
    // Nor in other words: a schema of both servers is the common one, or that and more.
    let served = [BACKEND, PROXY].map(|it| components(&parsed(&document(it).expect("one"))));
    let fields = |told: &Value| -> BTreeSet<String> {
        told["properties"].as_object().into_iter().flatten().map(|it| it.0.clone()).collect()
    };
    for (name, told) in &served[0] {
        let (Some(other), Some(base)) = (served[1].get(name), common.get(name)) else { continue };
        let both: BTreeSet<_> = fields(told).intersection(&fields(other)).cloned().collect();
        assert_eq!(both, fields(base), "{name}");
    }
}

fn with(schemas: &Value) -> Result<Value, String> {
    let own = json!({
        "openapi": "3.1.0", "info": {},
        "paths": {"/a": {"get": {"$ref": "#/components/schemas/Count"}}},
        "components": {"schemas": schemas},
    });
    document(&own.to_string()).map(|it| parsed(&it)).map_err(|it| it.to_string())
}

#[test]
fn a_component_that_is_more_has_what_is_said_of_both() {
    let common = format!("{FILE}schemas/Count");
    let alone = components(&with(&json!({})).expect("one"));
    let plain = &alone["schemas/Count"];
    assert_eq!(plain, &components(&parsed(COMMON))["schemas/Count"]);
    let more = json!({"properties": {"more": {"type": "string"}}, "required": ["more"]});
    let told = json!({
        "Count": {"description": "More.", "allOf": [{"$ref": "#/components/schemas/More"}, {"$ref": common}]},
        "More": more, "Other": {},
    });
    let served = components(&with(&told).expect("one"));
    assert_eq!(served.keys().collect::<Vec<_>>(), ["schemas/Count"]);
    let joined = &served["schemas/Count"];
    assert_eq!(joined["required"], json!(["more", "liveUsers"]));
    assert_eq!(joined["properties"]["more"], json!({"type": "string"}));
    assert_eq!(joined["properties"]["liveUsers"], plain["properties"]["liveUsers"]);
    assert_eq!((&joined["type"], &joined["description"]), (&json!("object"), &json!("More.")));
    let reworded = with(&json!({"Count": {"$ref": common, "description": "Other words."}}));
    let reworded = components(&reworded.expect("one"));
    assert_eq!(reworded["schemas/Count"]["description"], "Other words.");
    assert_eq!(reworded["schemas/Count"]["required"], plain["required"]);
}

#[test]
fn a_fault_of_a_document_is_told() {
    let common = format!("{FILE}schemas/Count");
    let anew = json!({"type": "object"});
    let again = json!({"allOf": [{"$ref": common}, {"properties": {"liveUsers": {}}}]});
    let nowhere = json!({"allOf": [{"$ref": common}, {"$ref": "#/components/schemas/Missing"}]});
    let below = json!({"allOf": [{"$ref": common}, {"properties": {"x": {"$ref": "#/components/schemas/Missing"}}}]});
    let elsewhere = json!({"allOf": [{"$ref": common}, {"items": {"$ref": "other.json"}}]});
    for (told, expected) in [
        (anew, "schemas/Count is described twice"),
        (again, "the field liveUsers is described twice"),
        (nowhere, "#/components/schemas/Missing is nowhere"),
        (below, "schemas/Missing is nowhere"),
        (elsewhere, "other.json is no component"),
    ] {
        assert_eq!(with(&json!({"Count": told})), Err(expected.to_owned()));
    }
}
