//! Rules for what stands beside the code and has to keep up with it: documents, settings, images.

use super::tree::{File, Tree};

/// Places at the top of the repository that documents speak of.
const TOP: &str = "crates backend proxy docs deploy examples .ci .cargo";

/// Holds the paths in backticks and in fenced blocks, and the links, against the tree.
pub(super) fn named_paths_and_links_exist(tree: &Tree, found: &mut Vec<String>) {
    let ours = |it: &str| !it.contains('/') || it.starts_with("docs") || it.starts_with("examples");
    for file in tree.ending_in(".md").filter(|file| ours(&file.path)) {
        let mut is_fenced = false;
        for (number, line) in file.lines() {
            is_fenced ^= line.trim_start().starts_with("```");
            let code = line.split('`').skip(1).step_by(2);
            let code: Vec<&str> = if is_fenced { vec![line] } else { code.collect() };
            let named = code.into_iter().flat_map(paths).map(str::to_owned);
            let links = line.split("](").skip(1).filter_map(|it| it.split([')', ' ', '#']).next());
            let inside = links.filter(|it| !it.is_empty() && !it.contains(':'));
            for path in named.chain(inside.map(|it| resolve(&file.path, it))) {
                if !tree.has(&path) {
                    found.push(file.at(number, &format!("`{path}` does not exist")));
                }
            }
        }
    }
}

/// The words of a piece of code that can only be paths of this repository.
fn paths(code: &str) -> impl Iterator<Item = &str> {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/');
    let is_ours = |it: &str| TOP.split(' ').any(|top| it.starts_with(&format!("{top}/")));
    let words = code.split([' ', '"', '\'', ',', ';', '(', ')', ':']);
    words
        .map(|word| word.trim_start_matches("./"))
        .filter(move |word| word.chars().all(inner) && is_ours(word))
}

/// The path from the top of what a document at `from` calls `target`.
fn resolve(from: &str, target: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in target.split('/').filter(|it| *it != ".") {
        match part {
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Each decision is in the list at the beginning of its document, in its order and with its title.
pub(super) fn decisions_are_listed(tree: &Tree, found: &mut Vec<String>) {
    let Some(file) = tree.file("docs/DECISIONS.md") else { return };
    let row = |line: &str| {
        let (number, rest) = line.strip_prefix("| [")?.split_once(']')?;
        let title = rest.strip_suffix(" |")?.rsplit_once(" | ")?.1;
        Some(format!("{number} {title}"))
    };
    let listed: Vec<String> = file.lines().filter_map(|(_, line)| row(line)).collect();
    let heads = file.lines().filter_map(|(at, line)| Some((at, line.strip_prefix("## ")?)));
    let heads = heads.filter(|(_, title)| title.starts_with(|c: char| c.is_ascii_digit()));
    for (place, (at, title)) in heads.enumerate() {
        if listed.get(place).is_none_or(|row| row != title) {
            found.push(file.at(at, "list it in its place at the beginning"));
            return;
        }
    }
}

/// What can be set is explained, and what is explained can be set.
pub(super) fn compose_settings_are_explained(tree: &Tree, found: &mut Vec<String>) {
    let Some(compose) = tree.file("docker-compose.yml") else { return };
    let Some(example) = tree.file(".env.example") else { return };
    let settings = tree.file("docs/SETTINGS.md").map_or("", |it| &it.text);
    let deployed = [".yaml", ".env"].iter().flat_map(|end| tree.ending_in(end));
    let deployed = deployed.filter(|file| file.path.starts_with("deploy/"));
    for file in deployed.chain([compose]) {
        for (line, text) in file.lines() {
            let is_new = |it: &&str| ["\n", "\n#"].iter().all(|begin| !example.has(begin, it, "="));
            for name in text.split("${").skip(1).map(name).filter(is_new) {
                found.push(file.at(line, &format!("explain {name} in .env.example")));
            }
            // `NAME: value`, Kubernetes' `- name: NAME`, and systemd's `#NAME=value`.
            let text = text.trim_start().trim_start_matches("- name: ").trim_start_matches('#');
            let name = name(text);
            let is_one = matches!(text[name.len()..].get(..1), None | Some(":" | "="));
            if is_one && name.contains('_') && !settings.contains(&format!("`{name}`")) {
                found.push(file.at(line, &format!("explain {name} in docs/SETTINGS.md")));
            }
        }
    }
    for (line, text) in example.lines() {
        let text = text.trim_start_matches('#');
        let is_one = !name(text).is_empty() && text[name(text).len()..].starts_with('=');
        // Empty may stand for the default, as in `${NAME:-}`, or for nothing, as in `${NAME-default}`.
        let is_used = [":", "-"].iter().any(|end| compose.has("${", name(text), end));
        if is_one && !is_used {
            found.push(example.at(line, "use it in docker-compose.yml, or remove it"));
        }
    }
}

/// What can be set with compose can be set with the Helm chart, which refuses names that it has not.
pub(super) fn chart_has_the_settings_of_compose(tree: &Tree, found: &mut Vec<String>) {
    let Some(schema) = tree.file("deploy/helm/live-users/values.schema.json") else { return };
    let Some(compose) = tree.file("docker-compose.yml") else { return };
    let made = |it: &&File| it.path.starts_with("deploy/helm/live-users/templates/");
    let templates: Vec<&File> = tree.ending_in(".yaml").filter(made).collect();
    for (line, text) in compose.lines() {
        for name in text.split("${").skip(1).map(name) {
            // Ports and files of the host, which a cluster has not.
            let is_file = matches!(name, "AGENTS_FILE" | "SECRETS_FILE");
            let is_of_the_host = is_file || name.ends_with("_PUBLISH");
            let is_made = templates.iter().any(|it| it.has("name: ", name, "\n"));
            if !is_of_the_host && !is_made && !schema.has("\"", name, "\"") {
                found.push(compose.at(line, &format!("take {name} into `{}`", schema.path)));
            }
        }
    }
}

/// The name of a setting at the beginning of this text.
fn name(text: &str) -> &str {
    let inner = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    &text[..text.find(|c| !inner(c)).unwrap_or(text.len())]
}

/// A Dockerfile copies the manifests first, so that the layer of dependencies lasts while only
/// source changes. One that misses a member does not build.
pub(super) fn dockerfiles_name_every_manifest(tree: &Tree, found: &mut Vec<String>) {
    for file in tree.ending_in("Dockerfile").filter(|it| it.text.contains("cargo ")) {
        // Fuzzing is a workspace of its own.
        let members = tree.ending_in("/Cargo.toml").filter(|it| !it.path.starts_with("fuzz/"));
        for member in members.filter(|it| !file.text.contains(&it.path)) {
            found.push(file.at(1, &format!("copy `{}` as well", member.path)));
        }
    }
}

/// An alert on a metric that is gone never fires.
pub(super) fn metrics_of_rules_exist(tree: &Tree, found: &mut Vec<String>) {
    let is_source = |it: &&File| it.path.contains("/src/") && !it.is_test();
    let sources: Vec<&File> = tree.ending_in(".rs").filter(is_source).collect();
    let is_read = |it: &&File| {
        ["examples/", "deploy/prometheus/", "deploy/grafana/"]
            .iter()
            .any(|at| it.path.starts_with(at))
    };
    let files = [".yml", ".json"].into_iter().flat_map(|end| tree.ending_in(end));
    for file in files.filter(is_read) {
        for (line, text) in file.lines() {
            let words = text.split(|c: char| !c.is_ascii_lowercase() && c != '_');
            for word in words.filter(|it| it.starts_with("live_users_")) {
                let metric = word.trim_end_matches("_total").trim_end_matches("_bucket");
                if !sources.iter().any(|it| it.has("\"", metric, "\"")) {
                    found.push(file.at(line, &format!("`{word}` is no metric: correct it")));
                }
            }
        }
    }
}
