//! Whether the clients were generated again after a change of the documents. It needs no network: what the
//! generators would write is known to them alone, but not what has to be in it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{JAVASCRIPT, in_repository};

const PYTHON: &str = "clients/python-api/live_users_api";
const AGAIN: &str = "run tools/generate_clients.py";

fn text(path: &str) -> String {
    std::fs::read_to_string(in_repository(path)).unwrap_or_default()
}

fn document(server: &str) -> Value {
    let own = text(&format!("{server}/openapi.json"));
    let whole = live_users_wire::openapi::document(&own).expect("a document");
    serde_json::from_str(&whole).expect("JSON")
}

fn strings(value: &Value) -> BTreeSet<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// What the clients have to have of one operation.
#[derive(Default)]
struct Operation {
    tag: String,
    parameters: BTreeSet<String>,
    /// Whether its answer is JSON or a table, as the client asks. That for Python gives JSON alone.
    has_forms: bool,
}

/// Those that a program asks for, by their ids.
fn operations(of: &[Value]) -> BTreeMap<String, Operation> {
    let mut found: BTreeMap<String, Operation> = BTreeMap::new();
    for document in of {
        for (path, item) in document["paths"].as_object().expect("paths") {
            for operation in item.as_object().expect("methods").values() {
                let tags = strings(&operation["tags"]);
                let Some(id) = operation["operationId"].as_str() else { continue };
                if tags.contains("webhooks") || tags.contains("pages") || path.ends_with("/ws") {
                    continue;
                }
                let forms = operation["responses"]["200"]["content"].as_object();
                if forms.is_some_and(|it| it.keys().eq(["text/html"])) {
                    continue;
                }
                let entry = found.entry(id.to_owned()).or_default();
                entry.tag = tags.first().map_or_else(String::new, ToString::to_string);
                entry.has_forms |=
                    forms.is_some_and(|it| it.len() > 1 && it.contains_key("application/json"));
                for list in [&item["parameters"], &operation["parameters"]] {
                    entry.parameters.extend(parameters(document, list));
                }
            }
        }
    }
    found
}

fn parameters(document: &Value, list: &Value) -> Vec<String> {
    let referred = |it: &Value| {
        let to = it["$ref"].as_str()?.trim_start_matches('#');
        Some(document.pointer(to).expect("a parameter")["name"].clone())
    };
    let names = list.as_array().into_iter().flatten();
    let names = names.map(|it| referred(it).unwrap_or_else(|| it["name"].clone()));
    names.map(|it| it.as_str().expect("a name").to_owned()).collect()
}

fn snake(name: &str) -> String {
    let letters = name.chars().map(|it| match it.is_uppercase() {
        true => format!("_{}", it.to_lowercase()),
        false => it.to_string(),
    });
    letters.collect()
}

#[test]
fn each_operation_and_each_of_its_parameters_is_in_both_clients() {
    let operations = operations(&[document("backend"), document("proxy")]);
    let (sdk, types) =
        (text(&format!("{JAVASCRIPT}/sdk.gen.js")), text(&format!("{JAVASCRIPT}/types.gen.d.ts")));
    for (id, Operation { tag, parameters, has_forms }) in &operations {
        assert!(sdk.contains(&format!("\n    {id}(options)")), "{id} of JavaScript: {AGAIN}");
        let data = format!("export type {}{}Data = {{", id[..1].to_uppercase(), &id[1..]);
        let of_it = types.split(&data).nth(1).expect(AGAIN).split("\nexport").next().expect(AGAIN);
        let python = text(&format!("{PYTHON}/api/{tag}/{}.py", snake(id)));
        assert!(tag == "streams" || !python.is_empty(), "{id} of Python: {AGAIN}");
        for name in parameters {
            let has = |it: &str| of_it.contains(it);
            let in_javascript = [format!("{name}?:"), format!("{name}:"), format!("'{name}'")];
            assert!(in_javascript.iter().any(|it| has(it)), "{name} of {id}: {AGAIN}");
            let in_python = [format!("\"{name}\""), format!("{{{}}}", snake(name))];
            let in_python = in_python.iter().any(|it| python.contains(it))
                || tag == "streams"
                || *has_forms && name == "format";
            assert!(in_python, "{name} of {id} of Python: {AGAIN}");
        }
    }
    // And nothing else is in them.
    let in_javascript =
        sdk.lines().filter_map(|it| it.strip_prefix("    ")?.split_once("(options)"));
    let in_javascript: BTreeSet<_> = in_javascript.map(|(name, _)| name).collect();
    assert_eq!(in_javascript, operations.keys().map(String::as_str).collect(), "{AGAIN}");
}

#[test]
fn each_field_of_an_answer_is_in_both_clients() {
    let types = text(&format!("{JAVASCRIPT}/types.gen.d.ts"));
    let mut fields: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for document in [document("backend"), document("proxy")] {
        for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
            let properties = schema["properties"].as_object().into_iter().flatten();
            fields.entry(name.to_owned()).or_default().extend(properties.map(|it| it.0.clone()));
        }
    }
    let mut read = 0;
    for (name, fields) in fields {
        // Those that only webhooks have are in neither.
        let Some(of_it) = types.split(&format!("export type {name} = {{")).nth(1) else { continue };
        let of_it = of_it.split("\nexport").next().expect("a type");
        let python = text(&format!("{PYTHON}/models/{}.py", snake(&name).trim_start_matches('_')));
        for field in fields {
            let in_javascript = [format!("    {field}?:"), format!("    {field}:")];
            assert!(
                in_javascript.iter().any(|it| of_it.contains(it)),
                "{field} of {name}: {AGAIN}"
            );
            assert!(
                python.contains(&format!("\"{field}\"")),
                "{field} of {name} of Python: {AGAIN}"
            );
            read += 1;
        }
    }
    assert!(read > 200, "only {read} fields: another form of the generated code?");
}
