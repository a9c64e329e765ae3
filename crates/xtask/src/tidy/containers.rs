//! Rules for the images and for how they are run: what can be seen without an engine.

use serde_json::Value;

use super::Finding;
use super::tree::{File, Tree};

const COMPOSE: &str = "docker-compose.yml";
const COMPOSE_SETTINGS: &str = ".env.example";
const TOOLCHAIN: &str = "rust-toolchain.toml";

/// A service says itself whether it is well, and can do nothing but its work.
pub(super) fn services_are_confined(tree: &Tree) -> Vec<Finding> {
    let Some(file) = tree.file(COMPOSE) else { return Vec::new() };
    let compose = match parse(file) {
        Ok(compose) => compose,
        Err(finding) => return vec![finding],
    };
    let mut findings = Vec::new();
    for (name, service) in services(&compose) {
        let line = file.line_of(&format!("  {name}:"));
        let promises = [
            (service["healthcheck"]["test"][0] == "CMD", "healthcheck: { test: [\"CMD\", ...] }"),
            (service["read_only"] == true, "read_only: true"),
            (has(&service["cap_drop"], "ALL"), "cap_drop: [ALL]"),
            (
                has(&service["security_opt"], "no-new-privileges:true"),
                "security_opt: [\"no-new-privileges:true\"]",
            ),
            // Ours have a rule of their own.
            (
                service.get("build").is_some() || service["user"].as_str().is_some_and(is_user),
                "user: \"10001:10001\"",
            ),
        ];
        for (_, promise) in promises.iter().filter(|(kept, _)| !kept) {
            let what_to_do = format!("give the service `{name}` `{promise}`");
            findings.push(file.finding(line, "confinement", what_to_do));
        }
    }
    findings
}

/// An image of others is one that somebody has chosen, and a file that is mounted is there: for one
/// that is not, the engine says so only when somebody starts it.
pub(super) fn services_have_what_they_need(tree: &Tree) -> Vec<Finding> {
    let Some(file) = tree.file(COMPOSE) else { return Vec::new() };
    let Ok(compose) = parse(file) else { return Vec::new() };
    let mut findings = Vec::new();
    for (_, service) in services(&compose) {
        if let Some(image) = service["image"].as_str()
            && !image.split_once(':').is_some_and(|(_, tag)| tag.starts_with(is_digit))
        {
            let what_to_do = format!("name a version of `{image}`, as in `nginx:1.28-alpine`");
            findings.push(file.finding(
                file.line_of(&format!("image: {image}")),
                "image",
                what_to_do,
            ));
        }
        for volume in service["volumes"].as_array().into_iter().flatten() {
            let source = volume["source"].as_str().unwrap_or_default();
            let by_default = source.split_once(":-").map_or(source, |(_, it)| it);
            let path = by_default.trim_end_matches('}').trim_start_matches("./");
            if volume["type"] == "bind" && tree.file(path).is_none() {
                let what_to_do = format!("`{path}` does not exist: correct or remove it");
                findings.push(file.finding(file.line_of(source), "mounted file", what_to_do));
            }
        }
    }
    findings.sort_by_key(|finding| finding.line);
    findings.dedup();
    findings
}

/// The engine publishes past the host's firewall: nobody else reaches a port unless told so.
pub(super) fn ports_are_published_on_loopback(tree: &Tree) -> Vec<Finding> {
    let Some(file) = tree.file(COMPOSE) else { return Vec::new() };
    let Ok(compose) = parse(file) else { return Vec::new() };
    let mut findings = Vec::new();
    for (_, service) in services(&compose) {
        for port in service["ports"].as_array().into_iter().flatten() {
            let port = port.as_str().unwrap_or_default();
            let by_default = port.split_once(":-").map_or(port, |(_, default)| default);
            if !by_default.starts_with("127.0.0.1:") {
                let what_to_do = "write it as \"${NAME:-127.0.0.1:8080}:8080\"";
                findings.push(file.finding(file.line_of(port), "published port", what_to_do));
            }
        }
    }
    findings
}

/// What can be set is explained, and what is explained can be set.
pub(super) fn compose_settings_are_explained(tree: &Tree) -> Vec<Finding> {
    let Some(file) = tree.file(COMPOSE) else { return Vec::new() };
    let empty = File { path: COMPOSE_SETTINGS.to_owned(), text: String::new() };
    let settings = tree.file(COMPOSE_SETTINGS).unwrap_or(&empty);
    let used = variables(file);
    let explained: Vec<(usize, &str)> = settings
        .lines()
        .filter_map(|(number, line)| Some((number, line.trim_start_matches('#').split_once('=')?)))
        .map(|(number, (name, _))| (number, name))
        .filter(|(_, name)| name.chars().all(is_in_a_name))
        .collect();
    let mut findings = Vec::new();
    for (number, name) in used.iter().filter(|(_, it)| !explained.iter().any(|(_, n)| n == it)) {
        let what_to_do = format!("explain {name} in {COMPOSE_SETTINGS}");
        findings.push(file.finding(*number, "unexplained setting", what_to_do));
    }
    for (number, name) in explained.iter().filter(|(_, it)| !used.iter().any(|(_, n)| n == it)) {
        let what_to_do = format!("pass {name} on in {COMPOSE}, or remove it");
        findings.push(settings.finding(*number, "setting without effect", what_to_do));
    }
    findings
}

/// A number, because a platform that refuses root cannot tell who a name is.
pub(super) fn images_run_as_a_numbered_user(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in dockerfiles(tree) {
        let stages = stages(file);
        for (n, stage) in stages.iter().enumerate() {
            let last = |what: &str| stage.iter().rfind(|(_, line)| line.starts_with(what));
            // The last stage is what runs when nobody names one, whatever it runs.
            let runs = last("ENTRYPOINT ").or_else(|| last("CMD "));
            let only = if n + 1 == stages.len() { stage.first() } else { None };
            let Some((number, _)) = runs.or(only) else { continue };
            let user = last("USER ").and_then(|(_, line)| line.strip_prefix("USER "));
            if !user.is_some_and(is_user) {
                let what_to_do = "write `USER 10001:10001` in this stage";
                findings.push(file.finding(*number, "user of the image", what_to_do));
            }
        }
    }
    findings
}

/// What runs was built by the compiler that it was tested with.
pub(super) fn images_use_the_pinned_compiler(tree: &Tree) -> Vec<Finding> {
    let pinned = tree.file(TOOLCHAIN).and_then(|it| it.text.parse::<toml::Table>().ok());
    let channel = pinned.as_ref().and_then(|it| it.get("toolchain")?.get("channel")?.as_str());
    let Some(channel) = channel else { return Vec::new() };
    let mut findings = Vec::new();
    for file in dockerfiles(tree) {
        for (number, line) in file.lines() {
            let Some(tag) = line.strip_prefix("FROM rust:") else { continue };
            let version = tag.split(['-', ' ']).next().unwrap_or_default();
            if channel != version && !channel.starts_with(&format!("{version}.")) {
                let what_to_do = format!("{TOOLCHAIN} says {channel}: take the image of that");
                findings.push(file.finding(number, "compiler", what_to_do));
            }
        }
    }
    findings
}

fn parse(file: &File) -> Result<Value, Finding> {
    serde_saphyr::from_str(&file.text).map_err(|error| file.finding(1, "YAML", error.to_string()))
}

fn services(compose: &Value) -> impl Iterator<Item = (&String, &Value)> {
    compose["services"].as_object().into_iter().flatten()
}

fn has(list: &Value, wanted: &str) -> bool {
    list.as_array().is_some_and(|list| list.iter().any(|it| it == wanted))
}

/// The names in `${NAME...}`, with the number of their line.
fn variables(file: &File) -> Vec<(usize, &str)> {
    let mut variables = Vec::new();
    for (number, line) in file.lines() {
        for after in line.split("${").skip(1) {
            let end = after.find(|c| !is_in_a_name(c)).unwrap_or(after.len());
            variables.push((number, &after[..end]));
        }
    }
    variables
}

fn is_in_a_name(c: char) -> bool {
    c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'
}

fn dockerfiles(tree: &Tree) -> impl Iterator<Item = &File> {
    tree.files.iter().filter(|file| file.path.rsplit('/').next() == Some("Dockerfile"))
}

/// The lines of each stage, with their numbers.
pub(super) fn stages(file: &File) -> Vec<Vec<(usize, &str)>> {
    let mut stages = vec![Vec::new()];
    for (number, line) in file.lines() {
        if line.starts_with("FROM ") {
            stages.push(Vec::new());
        }
        stages.last_mut().expect("there is always one").push((number, line));
    }
    stages
}

/// The user and the group, or the user alone, as numbers that are not root's.
fn is_user(text: &str) -> bool {
    text.split(':').all(is_ordinary_id)
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

fn is_ordinary_id(text: &str) -> bool {
    text.trim().parse::<u32>().is_ok_and(|id| id > 0)
}

#[cfg(test)]
mod tests;
