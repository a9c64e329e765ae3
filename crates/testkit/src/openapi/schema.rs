//! Whether a value is what a schema of an OpenAPI 3.1 document says, which is JSON Schema 2020-12.

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

/// All that is wrong with the value, each with its place. What the schema refers to is in the
/// document. Fields that an object's schema does not name are mistakes here, though to clients
/// they are none; and so is a text that is not of its `format`.
///
/// # Panics
/// If the schema is none.
pub(super) fn mistakes(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut whole = whole(document, schema);
    close(&mut whole);
    let validator = validator(&whole);
    let errors = validator.iter_errors(value);
    errors.map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// Whether the value is what the schema says, whatever fields it has beside those that are named.
///
/// # Panics
/// If the schema is none.
pub(super) fn fits(document: &Value, schema: &Value, value: &Value) -> bool {
    validator(&whole(document, schema)).is_valid(value)
}

/// The schema with what it may refer to.
fn whole(document: &Value, schema: &Value) -> Value {
    json!({ "components": document["components"], "allOf": [schema] })
}

fn validator(whole: &Value) -> Validator {
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .build(whole)
        .expect("a schema")
}

/// Forbids what is not named, in each object whose fields are named.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(words) => {
            if names_its_fields(words) {
                words.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            words.values_mut().for_each(close);
        }
        Value::Array(several) => several.iter_mut().for_each(close),
        _ => {}
    }
}

fn names_its_fields(words: &Map<String, Value>) -> bool {
    words.get("properties").is_some_and(Value::is_object)
        && !words.contains_key("additionalProperties")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_of_a_schema_finds_what_it_forbids() {
        let document = json!({ "components": { "schemas": { "N": { "type": "integer" } } } });
        let n = json!({ "$ref": "#/components/schemas/N" });
        for (schema, good, bad) in [
            (n.clone(), json!(3), json!("3")),
            (json!({ "type": ["string", "null"] }), json!(null), json!(false)),
            (json!({ "const": true }), json!(true), json!(false)),
            (json!({ "minimum": 0 }), json!(0), json!(-1)),
            (json!({ "anyOf": [n, { "type": "null" }] }), json!(null), json!("a")),
            (json!({ "items": n }), json!([1, 2]), json!([1, "2"])),
            (json!({ "required": ["a"] }), json!({ "a": null }), json!({ "b": 1 })),
            (json!({ "format": "date-time" }), json!("2026-11-23T09:30:00.000Z"), json!("today")),
            (json!({ "properties": { "a": n } }), json!({ "a": 1 }), json!({ "a": "1" })),
            (json!({ "properties": { "a": n } }), json!({}), json!({ "b": 1 })),
            (json!({ "additionalProperties": n }), json!({ "b": 1 }), json!({ "b": "1" })),
        ] {
            assert_eq!(mistakes(&document, &schema, &good), [""; 0], "{schema}");
            assert_eq!(mistakes(&document, &schema, &bad).len(), 1, "{schema}: {bad}");
            let is_open = bad == json!({ "b": 1 }) && schema.get("required").is_none();
            assert!(fits(&document, &schema, &good), "{schema}");
            assert_eq!(fits(&document, &schema, &bad), is_open, "{schema}: {bad}");
        }
    }

    #[test]
    fn the_mistakes_of_parts_say_where_they_are() {
        let row = json!({ "properties": { "a": { "type": "integer" } } });
        let document = json!({ "components": { "schemas": { "Row": row } } });
        let rows = json!({ "items": { "$ref": "#/components/schemas/Row" } });
        let found = mistakes(&document, &rows, &json!([{ "a": 1 }, { "a": "1", "b": 2 }]));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.iter().any(|it| it.starts_with("/1/a: ")), "{found:?}");
    }
}
