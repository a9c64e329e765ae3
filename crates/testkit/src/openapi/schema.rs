//! Whether a value is what a schema says: for as much of JSON Schema as the documents use.

use serde_json::Value;

/// What is said for people, or is looked at by programs that write clients.
const REMARKS: [&str; 3] = ["description", "format", "components"];

/// All that is wrong with the value, each with its place. What the schema refers to is in the
/// document. Fields that an object's schema does not name are mistakes here, though to clients
/// they are none.
///
/// # Panics
/// If there is a word in the schema that is not known here, so that nothing is passed over.
pub(super) fn mistakes(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    look(document, schema, value, "", &mut found);
    found
}

fn look(document: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let words = schema.as_object().expect("a schema is an object");
    for (word, said) in words {
        let is_so = match word.as_str() {
            "$ref" => {
                let pointer = said.as_str().and_then(|it| it.strip_prefix('#'));
                let schema = pointer.and_then(|it| document.pointer(it)).expect("it is there");
                look(document, schema, value, at, found);
                true
            }
            "type" => match said.as_array() {
                Some(types) => types.iter().any(|it| is_a(it, value)),
                None => is_a(said, value),
            },
            "const" => value == said,
            "minimum" => value.as_f64().is_none_or(|it| Some(it) >= said.as_f64()),
            "anyOf" => {
                let any = said.as_array().expect("several schemas");
                any.iter().any(|schema| mistakes(document, schema, value).is_empty())
            }
            "items" => {
                for (n, item) in value.as_array().into_iter().flatten().enumerate() {
                    look(document, said, item, &format!("{at}/{n}"), found);
                }
                true
            }
            "required" => {
                let names = said.as_array().expect("names").iter().filter_map(Value::as_str);
                names.into_iter().all(|name| value.get(name).is_some())
            }
            "properties" => {
                for (name, field) in value.as_object().into_iter().flatten() {
                    match said.get(name) {
                        Some(schema) => {
                            look(document, schema, field, &format!("{at}/{name}"), found);
                        }
                        None => found.push(format!("{at}/{name} is not told of")),
                    }
                }
                true
            }
            "additionalProperties" => {
                for (name, field) in value.as_object().into_iter().flatten() {
                    look(document, said, field, &format!("{at}/{name}"), found);
                }
                true
            }
            remark => {
                assert!(REMARKS.contains(&remark), "{remark} is not known here");
                true
            }
        };
        if !is_so {
            found.push(format!("{at} is not as {word} says: {said}"));
        }
    }
}

fn is_a(kind: &Value, value: &Value) -> bool {
    match kind.as_str().expect("a type") {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is no type"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_word_of_a_schema_finds_what_it_forbids() {
        let document = json!({ "components": { "schemas": { "N": { "type": "integer" } } } });
        let n = json!({ "$ref": "#/components/schemas/N" });
        for (schema, good, bad) in [
            (n.clone(), json!(3), json!("3")),
            (json!({ "type": "integer" }), json!(3), json!(3.5)),
            (json!({ "type": ["string", "null"] }), json!(null), json!(false)),
            (json!({ "type": "object" }), json!({ "a": 1 }), json!([])),
            (json!({ "const": true }), json!(true), json!(false)),
            (json!({ "minimum": 0 }), json!(0), json!(-1)),
            (json!({ "anyOf": [n, { "type": "null" }] }), json!(null), json!("a")),
            (json!({ "items": n }), json!([1, 2]), json!([1, "2"])),
            (json!({ "required": ["a"] }), json!({ "a": null }), json!({ "b": 1 })),
            (json!({ "properties": { "a": n } }), json!({ "a": 1 }), json!({ "a": "1" })),
            (json!({ "properties": { "a": n } }), json!({}), json!({ "b": 1 })),
            (json!({ "additionalProperties": n }), json!({ "b": 1 }), json!({ "b": "1" })),
        ] {
            assert_eq!(mistakes(&document, &schema, &good), [""; 0], "{schema}");
            assert_eq!(mistakes(&document, &schema, &bad).len(), 1, "{schema}: {bad}");
        }
    }

    #[test]
    #[should_panic(expected = "maxItems is not known here")]
    fn a_word_that_is_not_known_is_not_passed_over() {
        mistakes(&json!({}), &json!({ "maxItems": 3 }), &json!([]));
    }
}
