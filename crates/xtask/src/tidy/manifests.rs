//! Rules for the manifests of the workspace's members, and for Dockerfiles that copy them.

use super::Finding;
use super::tree::{File, Tree};

/// What every member takes from the workspace file, so that it is said once.
const COMMON: [&str; 5] = ["version", "edition", "rust-version", "license", "publish"];

/// Lints and the common facts of a package are said once, for all.
pub(super) fn members_inherit_what_is_common(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in members(tree) {
        let package = member.table("package");
        for key in COMMON.iter().filter(|key| !inherits(package.and_then(|it| it.get(**key)))) {
            let line = member.file.line_of("[package]");
            let what_to_do = format!("write `{key}.workspace = true` under [package]");
            findings.push(member.file.finding(line, "common facts", what_to_do));
        }
        if !inherits(member.manifest.get("lints")) {
            let line = member.file.line_of("[lints]");
            let what_to_do = "write `workspace = true` under [lints]";
            findings.push(member.file.finding(line, "common lints", what_to_do));
        }
    }
    findings
}

/// Two members cannot use two versions of a crate by accident.
pub(super) fn versions_stand_in_the_workspace(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for member in members(tree) {
        for dependency in member.dependencies() {
            if !inherits(Some(dependency.value)) && dependency.value.get("path").is_none() {
                let name = dependency.name;
                let line = member.file.line_of(&format!("{name} ="));
                let what_to_do = format!(
                    "write `{name}.workspace = true` and its version in the workspace's Cargo.toml"
                );
                findings.push(member.file.finding(line, "version", what_to_do));
            }
        }
    }
    findings
}

/// A Dockerfile that builds with cargo copies the manifests first, so that the layer of
/// dependencies lasts while only source changes. One that misses a member does not build.
pub(super) fn dockerfiles_name_every_manifest(tree: &Tree) -> Vec<Finding> {
    let is_builder =
        |file: &&File| file.path.ends_with("Dockerfile") && file.text.contains("cargo ");
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(is_builder) {
        for member in members(tree).filter(|member| !file.text.contains(&member.file.path)) {
            let what_to_do = format!("copy `{}` beside the other manifests", member.file.path);
            let line = file.line_of("Cargo.toml");
            findings.push(file.finding(line, "missing manifest", what_to_do));
        }
    }
    findings
}

/// A package of the workspace.
pub(super) struct Member<'a> {
    pub(super) file: &'a File,
    manifest: toml::Table,
}

/// An entry of any table of dependencies.
pub(super) struct Dependency<'a> {
    /// What the crate calls it, which is its package's name throughout this workspace.
    pub(super) name: &'a str,
    /// Whether it is only for tests, benches and examples.
    pub(super) is_dev: bool,
    value: &'a toml::Value,
}

/// All packages in the tree. A manifest that cannot be read is cargo's to report.
pub(super) fn members(tree: &Tree) -> impl Iterator<Item = Member<'_>> {
    tree.files.iter().filter(|file| file.path.ends_with("Cargo.toml")).filter_map(|file| {
        let manifest = file.text.parse::<toml::Table>().ok()?;
        manifest.contains_key("package").then_some(Member { file, manifest })
    })
}

impl Member<'_> {
    pub(super) fn name(&self) -> &str {
        let name = self.table("package").and_then(|package| package.get("name"));
        name.and_then(toml::Value::as_str).unwrap_or_default()
    }

    /// The folder of its manifest, with a slash at the end.
    pub(super) fn folder(&self) -> &str {
        self.file.path.trim_end_matches("Cargo.toml")
    }

    /// Normal, build and dev, for all targets or for one.
    pub(super) fn dependencies(&self) -> Vec<Dependency<'_>> {
        let targets = self.table("target").into_iter().flat_map(|targets| targets.values());
        let tables = std::iter::once(&self.manifest);
        let mut found = Vec::new();
        for table in tables.chain(targets.filter_map(toml::Value::as_table)) {
            for kind in ["dependencies", "build-dependencies", "dev-dependencies"] {
                let entries = table.get(kind).and_then(toml::Value::as_table);
                let is_dev = kind == "dev-dependencies";
                found.extend(entries.into_iter().flatten().map(|(name, value)| Dependency {
                    name,
                    is_dev,
                    value,
                }));
            }
        }
        found
    }

    fn table(&self, key: &str) -> Option<&toml::Table> {
        self.manifest.get(key).and_then(toml::Value::as_table)
    }
}

fn inherits(value: Option<&toml::Value>) -> bool {
    value.and_then(|it| it.get("workspace")).and_then(toml::Value::as_bool) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::found;

    const GOOD: &str = "[package]\nname = \"a\"\nversion.workspace = true\n\
        edition.workspace = true\nrust-version.workspace = true\nlicense.workspace = true\n\
        publish.workspace = true\n[dependencies]\nserde.workspace = true\n\
        b = { path = \"../b\" }\nlog = { workspace = true, features = [\"std\"] }\n\
        [lints]\nworkspace = true\n";

    #[test]
    fn a_member_that_states_common_facts_itself_is_found() {
        let own_licence = GOOD.replace("license.workspace = true", "license = \"MIT\"");
        let no_publish = GOOD.replace("publish.workspace = true\n", "");
        let no_lints = GOOD.replace("[lints]\nworkspace = true\n", "");
        let files = [
            ("Cargo.toml", "[workspace]\n"),
            ("a/Cargo.toml", GOOD),
            ("b/Cargo.toml", own_licence.as_str()),
            ("c/Cargo.toml", no_publish.as_str()),
            ("d/Cargo.toml", no_lints.as_str()),
        ];
        let wrong = ["b/Cargo.toml:1", "c/Cargo.toml:1", "d/Cargo.toml:1"];
        assert_eq!(found(members_inherit_what_is_common, &files), wrong);
    }

    #[test]
    fn a_version_in_a_member_is_found_in_every_table() {
        let plain = GOOD.replace("serde.workspace = true", "serde = \"1\"");
        let table = GOOD.replace("serde.workspace = true", "serde = { version = \"1\" }");
        let dev = GOOD.replace("[lints]", "[dev-dependencies]\nnix = \"1\"\n[lints]");
        let target =
            GOOD.replace("[lints]", "[target.'cfg(unix)'.dependencies]\nnix = \"1\"\n[lints]");
        let files = [
            ("a/Cargo.toml", GOOD),
            ("b/Cargo.toml", plain.as_str()),
            ("c/Cargo.toml", table.as_str()),
            ("d/Cargo.toml", dev.as_str()),
            ("e/Cargo.toml", target.as_str()),
        ];
        let wrong = ["b/Cargo.toml:9", "c/Cargo.toml:9", "d/Cargo.toml:13", "e/Cargo.toml:13"];
        assert_eq!(found(versions_stand_in_the_workspace, &files), wrong);
    }

    #[test]
    fn a_dockerfile_that_misses_a_member_is_found() {
        let files = [
            ("Dockerfile", "FROM rust\nCOPY a/Cargo.toml a/\nRUN cargo build\n"),
            ("deploy/nginx/Dockerfile", "FROM nginx\n"),
            ("a/Cargo.toml", GOOD),
            ("b/Cargo.toml", GOOD),
        ];
        assert_eq!(found(dockerfiles_name_every_manifest, &files), ["Dockerfile:2"]);
        assert!(found(dockerfiles_name_every_manifest, &files[..3]).is_empty());
    }
}
