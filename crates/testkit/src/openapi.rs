//! Holds what a server answers against what its OpenAPI document says.

mod schema;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use self::schema::{fits, mistakes};
use crate::{Answer, get, send};

/// Headers that clients act on: a document tells which answers have them.
const HEADERS: [&str; 5] =
    ["content-disposition", "etag", "location", "retry-after", "www-authenticate"];

/// The document of a running server.
pub struct OpenApi {
    url: String,
    document: Value,
}

impl OpenApi {
    /// Asks the server for its document.
    ///
    /// # Panics
    /// If it is none, or is not of this version, or if something that it refers to is not in it.
    pub fn of(url: &str, version: &str) -> Self {
        let answer = get(&format!("{url}/openapi.json"));
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.header("content-type"), "application/json");
        let document: Value = serde_json::from_str(&answer.body).expect("JSON");
        assert_eq!(
            (&document["openapi"], &document["info"]["version"]),
            (&"3.1.0".into(), &version.into())
        );
        for part in answer.body.split("\"$ref\": \"#").skip(1) {
            let pointer = part.split('"').next().expect("a pointer");
            assert!(document.pointer(pointer).is_some(), "{pointer} is not there");
        }
        let ids: Vec<_> =
            operations(&document).map(|(_, _, it)| it["operationId"].clone()).collect();
        let different: BTreeSet<_> = ids.iter().map(Value::to_string).collect();
        assert_eq!(different.len(), ids.len(), "each operation has an id of its own");
        Self { url: url.to_owned(), document }
    }

    /// All paths, with nothing of what stands in braces.
    ///
    /// # Panics
    /// If the document has none.
    pub fn paths(&self) -> BTreeSet<String> {
        let paths = self.document["paths"].as_object().expect("paths");
        paths.keys().map(|path| nameless(path)).collect()
    }

    /// Asks each path by a method that none has, and compares what it says that it takes.
    ///
    /// # Panics
    /// If that are not the methods of the document; HEAD may come with GET.
    pub fn check_methods(&self) {
        let mut methods: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for (path, method, _) in operations(&self.document) {
            methods.entry(path).or_default().insert(method.to_uppercase());
        }
        for (path, expected) in methods {
            let answer = send("PATCH", &format!("{}{}", self.url, nameless(path)), &[], b"");
            assert_eq!(answer.status, 405, "{path}");
            let allowed = answer.header("allow").split(", ").filter(|it| *it != "HEAD");
            assert_eq!(allowed.map(str::to_owned).collect::<BTreeSet<_>>(), expected, "{path}");
        }
    }

    /// Asks each path for a parameter that none has, and compares what it says that it takes. `open`
    /// has the paths that take any query.
    ///
    /// # Panics
    /// If that are not the parameters of the document, or one of them may be repeated.
    pub fn check_parameters(&self, open: &[&str]) {
        for (path, method, operation) in operations(&self.document) {
            let method = method.to_uppercase();
            let ask = |method: &str, query: &str| {
                send(method, &format!("{}{}?{query}", self.url, nameless(path)), &[], b"")
            };
            let answer = ask(&method, "undeclared=1");
            if open.contains(&path) {
                assert!(!answer.body.contains("undeclared"), "{method} {path}: {}", answer.body);
                continue;
            }
            let problem = |answer: &Answer| -> Value {
                assert_eq!(answer.status, 400, "{method} {path}: {}", answer.body);
                serde_json::from_str(&answer.body).expect("JSON")
            };
            self.check(&method, path, &answer);
            let told = problem(&answer);
            assert_eq!(told["field"], "undeclared", "{method} {path}");
            let expected = told["expected"].as_str().expect("a text").replace(" or ", ", ");
            let told: BTreeSet<_> =
                expected.split(", ").filter(|it| *it != "no parameters").collect();
            let declared = self.query_parameters(operation);
            assert_eq!(told, declared.iter().map(String::as_str).collect(), "{method} {path}");
            for name in declared {
                let told = problem(&ask(&method, &format!("{name}=1&{name}=1")));
                assert_eq!(told["field"], name, "{method} {path}");
            }
            assert_eq!(ask("HEAD", "undeclared=1").status, 400, "HEAD {path}");
        }
    }

    /// Asks each path that is read with a value that no parameter can have, for each of them.
    ///
    /// # Panics
    /// If a parameter is told of and not read.
    pub fn check_that_parameters_are_read(&self, open: &[&str], headers: &[(&str, &str)]) {
        for (path, method, operation) in operations(&self.document) {
            let method = method.to_uppercase();
            for name in self.query_parameters(operation) {
                if open.contains(&path) {
                    continue;
                }
                let path = nameless(path).replace("{}", "0123456789abcdef0123456789abcdef");
                let url = format!("{}{path}?{name}=%FF", self.url);
                let answer = send(&method, &url, headers, b"");
                let is_named = answer.body.contains(&format!("\"field\":\"{name}\""));
                assert!(answer.status == 400 && is_named, "{path}: {name}: {}", answer.body);
            }
        }
    }

    fn query_parameters(&self, operation: &Value) -> BTreeSet<String> {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let parameters = parameters.map(|it| self.resolved(it)).filter(|it| it["in"] == "query");
        parameters.map(|it| it["name"].as_str().expect("a name").to_owned()).collect()
    }

    /// Whether an answer to this operation is one that the document tells of.
    ///
    /// # Panics
    /// If it is not.
    pub fn check(&self, method: &str, path: &str, answer: &Answer) {
        let place = format!("{method} {path}: {}", answer.status);
        let operation = &self.document["paths"][path][method.to_lowercase()];
        let response = self.resolved(&operation["responses"][answer.status.to_string()]);
        assert!(response.is_object(), "{place} is not told of");
        let told = response["headers"].as_object().into_iter().flatten();
        let told: Vec<_> = told.map(|(name, it)| (name.to_lowercase(), &it["required"])).collect();
        for (name, required) in &told {
            let is_there = !answer.header(name).is_empty();
            assert!(is_there || *required != true, "{place}: {name} is told of and missing");
        }
        for name in HEADERS.into_iter().filter(|name| !answer.header(name).is_empty()) {
            assert!(told.iter().any(|(it, _)| it == name), "{place}: {name} is not told of");
        }
        let kind = answer.header("content-type").split(';').next().unwrap_or_default();
        let Some(content) = response.get("content") else {
            return assert_eq!(answer.body, "", "{place}");
        };
        let schema = &content[kind]["schema"];
        assert!(schema.is_object(), "{place} with {kind} is not told of");
        if kind != "application/json" {
            return;
        }
        let body: Value = serde_json::from_str(&answer.body).expect("JSON");
        let mistakes = mistakes(&self.document, schema, &body);
        assert!(mistakes.is_empty(), "{place}: {}\n{}", mistakes.join("\n"), answer.body);
    }

    /// Whether the document says that this operation takes such a body.
    ///
    /// # Panics
    /// If it takes no JSON.
    pub fn takes(&self, method: &str, path: &str, body: &Value) -> bool {
        let operation = &self.document["paths"][path][method.to_lowercase()];
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        assert!(schema.is_object(), "{method} {path} takes no JSON");
        fits(&self.document, schema, body)
    }

    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str().and_then(|it| it.strip_prefix('#')) {
            Some(pointer) => self.document.pointer(pointer).expect("it was looked for"),
            None => value,
        }
    }
}

fn operations(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().into_iter().flatten();
        methods.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
    })
}

/// A path with `{}` for each of its parameters, whatever they are called.
fn nameless(path: &str) -> String {
    let named = |segment: &str| segment.starts_with('{');
    let segments = path.split('/').map(|it| if named(it) { "{}" } else { it });
    segments.collect::<Vec<_>>().join("/")
}

/// The paths in the source of a table of routes: the texts that begin with a slash.
pub fn paths_in(source: &str) -> BTreeSet<String> {
    let texts = source.split('"').skip(1).step_by(2);
    texts.filter(|text| text.starts_with('/')).map(nameless).collect()
}
