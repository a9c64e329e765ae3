//! Rules for the imports inside a crate: between folders they go one way, and no files form a ring.

use std::collections::{BTreeSet, VecDeque};

use proc_macro2::{TokenStream, TokenTree};

use super::tree::{File, Tree};

/// Which part of `backend/src` may import which. A part is a file or a folder there; `*` is any.
const LAYERS: [(&str, &str); 8] = [
    ("lib", "*"),
    ("main", "*"),
    ("tools", "parts config"),
    ("app", "http tasks parts config"),
    ("http", "parts config"),
    ("tasks", "parts config"),
    ("parts", "config"),
    ("config", "parts"),
];

/// Handlers and tasks use the parts; nothing below knows what uses it.
pub(super) fn layers_point_down(tree: &Tree, found: &mut Vec<String>) {
    for (file, line, from, to) in imports(tree, "backend/src/") {
        let [part, used] = [&from, &to].map(|it| it.split(':').next().unwrap_or_default());
        let allowed = LAYERS.iter().find(|(name, _)| *name == part).map_or("", |(_, it)| it);
        if part != used && !allowed.split(' ').any(|it| it == "*" || it == used) {
            found.push(file.at(line, &format!("layer: {part} must not import {to}")));
        }
    }
}

/// Files that import each other can only be moved together. A ring is reported at its first file.
pub(super) fn imports_form_no_ring(tree: &Tree, found: &mut Vec<String>) {
    for imports in ["backend/src/", "proxy/src/"].map(|src| imports(tree, src)) {
        for (file, line, from, to) in &imports {
            let ring = way(&imports, to, from).filter(|ring| ring.iter().all(|it| **it >= **from));
            let ring = ring.map(|it| format!("break the ring {from} -> {}", it.join(" -> ")));
            found.extend(ring.map(|it| file.at(*line, &it)));
        }
        found.dedup();
    }
}

/// The file and the line of an import, the module in that file, and the one that it imports.
type Import<'a> = (&'a File, usize, String, String);

/// What the files in this folder import from each other. Tests may import anything.
fn imports<'a>(tree: &'a Tree, src: &str) -> Vec<Import<'a>> {
    let name = |it: &str| it.trim_end_matches(".rs").trim_end_matches("/mod").replace('/', "::");
    let product = tree.ending_in(".rs").filter(|file| !file.is_test());
    let named = product.filter_map(|file| Some((name(file.path.strip_prefix(src)?), file)));
    let (files, mut imports) = (named.collect::<Vec<_>>(), Vec::new());
    let modules: BTreeSet<&str> = files.iter().map(|(module, _)| module.as_str()).collect();
    for (from, file) in &files {
        let mut paths = Vec::new();
        read(file.text.parse().unwrap_or_default(), "", &mut paths);
        for (path, line) in paths {
            let to = resolve(&modules, from, &path).filter(|to| to != from);
            imports.extend(to.map(|to| (*file, line, from.clone(), to)));
        }
    }
    imports
}

/// Collects every path in these tokens, with its line. Paths in a group begin with its prefix.
fn read(tokens: TokenStream, prefix: &str, paths: &mut Vec<(String, usize)>) {
    let (mut path, mut line, mut last) = (String::new(), 0, String::new());
    let mut tokens = tokens.into_iter();
    while let Some(token) = tokens.next() {
        let text = token.to_string();
        let is_joined = last == ":" && path.ends_with("::");
        match &token {
            TokenTree::Ident(_) if text == "as" && !prefix.is_empty() => drop(tokens.next()),
            TokenTree::Ident(it) => {
                if !is_joined {
                    paths.push((std::mem::replace(&mut path, prefix.to_owned()), line));
                }
                path.push_str(&text);
                line = it.span().start().line;
            }
            TokenTree::Group(it) if is_joined => {
                read(it.stream(), &path, paths);
                path.clear();
            }
            TokenTree::Group(_) if last == "#" && text.replace(' ', "") == "[cfg(test)]" => {
                let _item = tokens.by_ref().find(|it| it.to_string().ends_with([';', '}']));
            }
            TokenTree::Group(it) => read(it.stream(), "", paths),
            _ if text == ":" => path.push(':'),
            _ => {}
        }
        last = text;
    }
    paths.push((path, line));
}

/// The file that this path leads into: the longest beginning of it that is one.
fn resolve(modules: &BTreeSet<&str>, from: &str, path: &str) -> Option<String> {
    let mut full: Vec<&str> = from.split("::").filter(|it| !["lib", "main"].contains(it)).collect();
    for segment in path.contains("::").then(|| path.split("::"))? {
        match segment {
            "" | "self" => {}
            "super" => drop(full.pop()),
            "crate" | "live_users_backend" | "live_users_proxy" => full.clear(),
            child_or_item => full.push(child_or_item),
        }
    }
    while !full.is_empty() && !modules.contains(full.join("::").as_str()) {
        full.pop();
    }
    Some(if full.is_empty() { "lib".to_owned() } else { full.join("::") })
}

/// The shortest way from one file to another, with both ends.
fn way<'a>(imports: &'a [Import<'a>], from: &'a str, to: &str) -> Option<Vec<&'a str>> {
    let (mut seen, mut ahead) = (BTreeSet::from([from]), VecDeque::from([vec![from]]));
    while let Some(way) = ahead.pop_front() {
        let last = *way.last()?;
        if last == to {
            return Some(way);
        }
        let next = imports.iter().filter(|it| it.2 == last).map(|it| it.3.as_str());
        ahead.extend(next.filter(|it| seen.insert(it)).map(|it| [&way[..], &[it]].concat()));
    }
    None
}
