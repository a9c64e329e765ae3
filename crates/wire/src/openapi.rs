//! The OpenAPI documents of both servers. What both of them answer is described once, in
//! `openapi.json` beside this folder; the document of a server has the paths, and what only that
//! server answers. A reader gets both in one document.
//!
//! A document refers to a component by `#/components/...`, wherever it is kept. A component that is
//! more than the common one of its name says so by a reference to that, alone or in `allOf`. It is
//! served as one object, which every generator of clients can read.

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize, de::Error as _};
use serde_json::{Error, Value, from_str};

/// What both servers answer.
pub const COMMON: &str = include_str!("../openapi.json");
/// How the document of a server refers to the file of that.
const FILE: &str = "../crates/wire/openapi.json#/components/";
const HERE: &str = "#/components/";

type Members = IndexMap<String, Node>;
/// By kind (`schemas`, `parameters`, ...) and name.
type Components = IndexMap<String, Members>;

/// JSON whose members keep their order, which people and generators of clients read in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Node {
    Object(Members),
    List(Vec<Node>),
    Other(Value),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    openapi: String,
    info: Node,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    servers: Vec<Node>,
    #[serde(default, skip_serializing_if = "Members::is_empty")]
    paths: Members,
    components: Components,
}

/// The whole document of a server: its own one, with the common components that are used in it.
///
/// # Errors
/// If it is no such document, if something that it refers to is nowhere, or if it describes anew
/// what is described already.
pub fn document(own: &str) -> Result<String, Error> {
    let (own, common): (Document, Document) = (from_str(own)?, from_str(COMMON)?);
    let known = Known { own: &own.components, common: &common.components };
    let mut found = Components::new();
    let mut new = BTreeSet::new();
    own.paths.values().for_each(|it| references(it, &mut new));
    // Who asks for a path names these without a reference.
    let schemes = own.components.get("securitySchemes").into_iter().flat_map(Members::keys);
    new.extend(schemes.map(|name| format!("{HERE}securitySchemes/{name}")));
    while let Some(to) = new.pop_first() {
        let (kind, name) = key(&to)?;
        let of_kind = found.entry(kind.to_owned()).or_default();
        if !of_kind.contains_key(name) {
            let component = known.component(kind, name)?;
            references(&component, &mut new);
            of_kind.insert(name.to_owned(), component);
        }
    }
    // In the order in which they are written, the common ones first.
    let place = |kind: &str, name: &str| {
        let of = |components: &Components| components.get(kind)?.get_index_of(name);
        (of(&common.components).unwrap_or(usize::MAX), of(&own.components))
    };
    for (kind, of_kind) in &mut found {
        of_kind.sort_by_cached_key(|name, _| place(kind, name));
    }
    found.sort_by_cached_key(|kind, _| own.components.get_index_of(kind));
    serde_json::to_string_pretty(&Document { components: found, ..own })
}

/// Both places where a component can be kept.
struct Known<'a> {
    own: &'a Components,
    common: &'a Components,
}

impl Known<'_> {
    /// A component as it is served.
    fn component(&self, kind: &str, name: &str) -> Result<Node, Error> {
        let find = |place: &Components| place.get(kind)?.get(name).cloned();
        match (find(self.own), find(self.common)) {
            (Some(Node::Object(own)), common) => {
                let referred = parts(&own);
                if common.is_some() && !referred.contains(&&*format!("{FILE}{kind}/{name}")) {
                    return Err(Error::custom(format!("{kind}/{name} is described twice")));
                }
                match referred.iter().any(|it| it.starts_with(FILE)) {
                    true => self.joined(own).map(Node::Object),
                    false => Ok(Node::Object(own)),
                }
            }
            (None, Some(common)) => Ok(common),
            _ => Err(Error::custom(format!("{kind}/{name} is nowhere"))),
        }
    }

    /// All that is said of something, in one object.
    fn joined(&self, mut said: Members) -> Result<Members, Error> {
        let mut joined = Members::new();
        if let Some(Node::Other(Value::String(to))) = said.shift_remove("$ref") {
            let place = if to.starts_with(FILE) { self.common } else { self.own };
            let (kind, name) = key(&to)?;
            match place.get(kind).and_then(|it| it.get(name)) {
                Some(Node::Object(found)) => add(&mut joined, found.clone())?,
                _ => return Err(Error::custom(format!("{to} is nowhere"))),
            }
        }
        if let Some(Node::List(parts)) = said.shift_remove("allOf") {
            for part in parts {
                let Node::Object(part) = part else { continue };
                add(&mut joined, self.joined(part)?)?;
            }
        }
        add(&mut joined, said)?;
        Ok(joined)
    }
}

/// What a component is made of: the references in it, and in its `allOf`.
fn parts(component: &Members) -> Vec<&str> {
    let listed = match component.get("allOf") {
        Some(Node::List(parts)) => parts.as_slice(),
        _ => &[],
    };
    let listed = listed.iter().filter_map(|it| match it {
        Node::Object(part) => part.get("$ref"),
        _ => None,
    });
    let all = component.get("$ref").into_iter().chain(listed);
    all.filter_map(|it| if let Node::Other(to) = it { to.as_str() } else { None }).collect()
}

/// Adds fields of an object, and which of them are required. Of all else the later word holds.
fn add(to: &mut Members, more: Members) -> Result<(), Error> {
    for (word, value) in more {
        match (word.as_str(), to.get_mut(&word), value) {
            ("properties", Some(Node::Object(known)), Node::Object(fields)) => {
                for (name, field) in fields {
                    if known.contains_key(&name) {
                        return Err(Error::custom(format!("the field {name} is described twice")));
                    }
                    known.insert(name, field);
                }
            }
            ("required", Some(Node::List(known)), Node::List(names)) => known.extend(names),
            (_, Some(known), value) => *known = value,
            (_, None, value) => _ = to.insert(word, value),
        }
    }
    Ok(())
}

/// Adds what is referred to, anywhere in something.
fn references(node: &Node, found: &mut BTreeSet<String>) {
    match node {
        Node::Object(members) => {
            if let Some(Node::Other(Value::String(to))) = members.get("$ref") {
                found.insert(to.clone());
            }
            members.values().for_each(|it| references(it, found));
        }
        Node::List(nodes) => nodes.iter().for_each(|it| references(it, found)),
        Node::Other(_) => {}
    }
}

/// The kind and the name of the component that a reference leads to.
fn key(to: &str) -> Result<(&str, &str), Error> {
    let pointer = to.strip_prefix(FILE).or_else(|| to.strip_prefix(HERE));
    let key = pointer.and_then(|it| it.split_once('/'));
    key.ok_or_else(|| Error::custom(format!("{to} is no component")))
}
