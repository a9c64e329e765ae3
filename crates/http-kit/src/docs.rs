//! The OpenAPI document of a server as a page for people. It needs no script and nothing from
//! elsewhere; its style is allowed by its hash.

use actix_web::HttpResponse;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, ContentType, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("../web/docs.css");

/// The page of an OpenAPI document.
#[derive(Debug)]
pub struct DocsPage {
    html: String,
    policy: String,
}

#[derive(Template)]
#[template(path = "docs.html")]
struct Page<'a> {
    title: &'a str,
    version: &'a str,
    description: &'a str,
    style: &'static str,
    groups: Vec<Group<'a>>,
    schemas: Vec<Schema<'a>>,
}

/// The operations with one tag.
struct Group<'a> {
    name: &'a str,
    operations: Vec<Operation<'a>>,
}

struct Operation<'a> {
    id: &'a str,
    method: String,
    path: &'a str,
    summary: &'a str,
    description: &'a str,
    /// Who may ask.
    access: String,
    parameters: Vec<Field<'a>>,
    bodies: Vec<Body<'a>>,
    answers: Vec<Answer<'a>>,
}

struct Answer<'a> {
    status: &'a str,
    description: &'a str,
    bodies: Vec<Body<'a>>,
}

struct Body<'a> {
    kind: &'a str,
    form: Form<'a>,
}

struct Schema<'a> {
    name: &'a str,
    description: &'a str,
    form: Form<'a>,
    fields: Vec<Field<'a>>,
}

/// A parameter, or a field of an object.
struct Field<'a> {
    name: &'a str,
    place: &'a str,
    is_required: bool,
    form: Form<'a>,
    description: &'a str,
}

/// What a value looks like, and the schema that says more.
#[derive(Default)]
struct Form<'a> {
    text: String,
    link: Option<&'a str>,
}

impl DocsPage {
    /// Builds the page of a document.
    ///
    /// # Panics
    /// If it is not JSON, which the document of a server is.
    pub fn new(document: &str) -> Self {
        let document: Value = serde_json::from_str(document).expect("the document is JSON");
        let info = &document["info"];
        let page = Page {
            title: text(&info["title"]),
            version: text(&info["version"]),
            description: text(&info["description"]),
            style: STYLE,
            groups: groups(&document),
            schemas: fields_of(&document["components"]["schemas"])
                .map(|(name, schema)| Schema {
                    name,
                    description: text(&schema["description"]),
                    form: form(schema),
                    fields: properties(schema),
                })
                .collect(),
        };
        let html = page.render().expect("a template of texts has no error");
        let hash = STANDARD.encode(Sha256::digest(STYLE));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{hash}'; frame-ancestors 'none'; \
             base-uri 'none'; form-action 'none'"
        );
        Self { html, policy }
    }

    /// Answers with it.
    pub fn answer(&self) -> HttpResponse {
        HttpResponse::Ok()
            .content_type(ContentType::html())
            .insert_header((CACHE_CONTROL, "no-cache"))
            .insert_header((CONTENT_SECURITY_POLICY, self.policy.as_str()))
            .insert_header((REFERRER_POLICY, "no-referrer"))
            .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
            .body(self.html.clone())
    }
}

/// The operations by their first tag, in the order of the document.
fn groups(document: &Value) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (path, methods) in fields_of(&document["paths"]) {
        for (method, told) in fields_of(methods) {
            let name = told["tags"][0].as_str().unwrap_or("other");
            let operation = operation(document, (path, method), told);
            match groups.iter_mut().find(|group| group.name == name) {
                Some(group) => group.operations.push(operation),
                None => groups.push(Group { name, operations: vec![operation] }),
            }
        }
    }
    groups
}

fn operation<'a>(
    document: &'a Value,
    (path, method): (&'a str, &str),
    told: &'a Value,
) -> Operation<'a> {
    let parameters = list(&told["parameters"]).map(|it| resolved(document, it));
    let answers = fields_of(&told["responses"]).map(|(status, it)| {
        let it = resolved(document, it);
        Answer { status, description: text(&it["description"]), bodies: bodies(&it["content"]) }
    });
    Operation {
        id: text(&told["operationId"]),
        method: method.to_uppercase(),
        path,
        summary: text(&told["summary"]),
        description: text(&told["description"]),
        access: access(document, &told["security"]),
        parameters: parameters
            .map(|it| Field {
                name: text(&it["name"]),
                place: text(&it["in"]),
                is_required: it["required"] == true,
                form: form(&it["schema"]),
                description: text(&it["description"]),
            })
            .collect(),
        bodies: bodies(&told["requestBody"]["content"]),
        answers: answers.collect(),
    }
}

/// Who may ask, in the words of the security schemes.
fn access(document: &Value, security: &Value) -> String {
    let schemes = &document["components"]["securitySchemes"];
    let names = list(security).map(|it| fields_of(it).map(|(name, _)| name).collect::<Vec<_>>());
    let ways: Vec<_> = names
        .map(|names| {
            let words = names.iter().map(|name| text(&schemes[*name]["description"]));
            words.collect::<Vec<_>>().join(" and ")
        })
        .collect();
    match ways.iter().any(String::is_empty) || ways.is_empty() {
        true => "For everybody".to_owned(),
        false => format!("Needs {}", ways.join(", or ")),
    }
}

fn bodies(content: &Value) -> Vec<Body<'_>> {
    fields_of(content).map(|(kind, it)| Body { kind, form: form(&it["schema"]) }).collect()
}

fn properties(schema: &Value) -> Vec<Field<'_>> {
    let is_required = |name: &str| list(&schema["required"]).any(|it| it == name);
    let fields = fields_of(&schema["properties"]).map(|(name, it)| Field {
        name,
        place: "",
        is_required: is_required(name),
        form: form(it),
        description: text(&it["description"]),
    });
    fields.collect()
}

/// What a value looks like, in short.
fn form(schema: &Value) -> Form<'_> {
    if let Some(reference) = schema["$ref"].as_str() {
        return Form { text: String::new(), link: reference.rsplit('/').next() };
    }
    let choices = list(&schema["anyOf"]).chain(list(&schema["oneOf"])).map(form);
    let choices: Vec<_> = choices.collect();
    if !choices.is_empty() {
        let texts = choices.iter().map(|it| it.text.as_str()).filter(|text| !text.is_empty());
        let text = texts.collect::<Vec<_>>().join(" or ");
        return Form { text, link: choices.iter().find_map(|it| it.link) };
    }
    if schema["items"].is_object() {
        let items = form(&schema["items"]);
        let text = format!("list of {}", items.text).trim_end().to_owned();
        return Form { text, ..items };
    }
    let values: Vec<_> = list(&schema["enum"]).chain(schema.get("const")).map(plain).collect();
    let mut text = match (values.is_empty(), &schema["type"]) {
        (false, _) => values.join(" | "),
        (true, Value::Array(types)) => types.iter().map(plain).collect::<Vec<_>>().join(" or "),
        (true, one) => plain(one),
    };
    for (word, name) in [("", "format"), ("from ", "minimum"), ("to ", "maximum")] {
        if !schema[name].is_null() {
            text = format!("{text}, {word}{}", plain(&schema[name]));
        }
    }
    if !schema["default"].is_null() {
        text = format!("{text}, by default {}", plain(&schema["default"]));
    }
    Form { text, link: None }
}

fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let pointer = value["$ref"].as_str().and_then(|it| it.strip_prefix('#'));
    pointer.and_then(|pointer| document.pointer(pointer)).unwrap_or(value)
}

fn fields_of(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter).map(|(name, value)| (name.as_str(), value))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A value as it is, a text without its quotes.
fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_document_is_text_on_the_page() {
        let document = r##"{"info":{"title":"T","version":"1","description":"a <b>"},
            "paths":{"/a/{id}":{"get":{"operationId":"a","tags":["reading"],"summary":"S",
            "security":[{"token":[]}],"parameters":[{"$ref":"#/components/parameters/p"}],
            "responses":{"200":{"description":"ok","content":{"application/json":
            {"schema":{"$ref":"#/components/schemas/View"}}}}}}}},
            "components":{"securitySchemes":{"token":{"description":"THE_TOKEN"}},
            "parameters":{"p":{"name":"limit","in":"query","description":"\"how\" many",
            "schema":{"type":"integer","minimum":1,"default":7}}},
            "schemas":{"View":{"description":"V","required":["x"],"properties":
            {"x":{"type":["string","null"]},"y":{"type":"array","items":{"type":"integer"}}}}}}}"##;
        let page = DocsPage::new(document);
        for expected in [
            "a &#60;b&#62;",
            "<code>/a/{id}</code>",
            "Needs THE_TOKEN",
            "integer, from 1, by default 7",
            "&#34;how&#34; many",
            "<a href=\"#schema-View\">View</a>",
            "id=\"schema-View\"",
            "string or null",
            "list of integer",
        ] {
            assert!(page.html.contains(expected), "{expected}: {}", page.html);
        }
        assert!(!page.html.contains("<script") && !page.html.contains(" style="));
    }
}
