//! Rules of this repository that compilers and linters do not know.
//!
//! A rule is a function from the tree of files to findings. All run in `cargo test` (see the
//! tests below) and by `cargo xtask tidy`.

mod boundaries;
mod containers;
mod deployment;
mod documents;
mod licences;
mod manifests;
mod modules;
mod rust;
mod shape;
mod traces;
mod tree;

use std::fmt;
use std::path::Path;

use anyhow::Result;

use self::tree::Tree;

/// Runs all rules on the repository in this folder.
pub(crate) fn check(root: &Path) -> Result<Vec<Finding>> {
    let tree = Tree::read(root)?;
    let mut findings: Vec<Finding> = RULES.iter().flat_map(|rule| rule(&tree)).collect();
    findings.extend(licences::check(&licences::read(root)?));
    Ok(findings)
}

type Rule = fn(&Tree) -> Vec<Finding>;

const RULES: [Rule; 29] = [
    rust::first_line_says_what_the_file_is_for,
    rust::nothing_is_left_for_later,
    rust::no_test_is_ignored,
    rust::no_test_waits_for_time,
    modules::every_file_is_part_of_a_crate,
    modules::no_code_is_switched_off,
    shape::files_are_short,
    shape::lines_are_short,
    shape::white_space_is_clean,
    shape::text_ends_in_one_newline,
    documents::named_paths_exist,
    documents::links_lead_somewhere,
    manifests::members_inherit_what_is_common,
    manifests::versions_stand_in_the_workspace,
    manifests::dockerfiles_name_every_manifest,
    containers::services_are_confined,
    containers::services_have_what_they_need,
    containers::ports_are_published_on_loopback,
    containers::compose_settings_are_explained,
    containers::images_run_as_a_numbered_user,
    containers::images_use_the_pinned_compiler,
    deployment::files_can_be_read,
    deployment::containers_fit_their_images,
    deployment::secrets_have_no_value,
    boundaries::core_has_no_outside,
    boundaries::arrows_between_crates,
    traces::no_machine_and_no_maker_shows,
    traces::packages_come_from_their_registry,
    licences::the_work_of_others_has_its_licence,
];

/// A violation of a rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    path: String,
    /// Counted from 1; 1 too where it is the whole file.
    line: usize,
    rule: &'static str,
    what_to_do: String,
}

impl Finding {
    fn new(path: &str, line: usize, rule: &'static str, what_to_do: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, rule, what_to_do: what_to_do.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, rule, what_to_do } = self;
        write!(f, "{path}:{line}: {rule}: {what_to_do}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a rule on planted files: `path:line` of each finding.
    pub(super) fn found(rule: Rule, files: &[(&str, &str)]) -> Vec<String> {
        rule(&Tree::of(files)).iter().map(|it| format!("{}:{}", it.path, it.line)).collect()
    }

    #[test]
    fn this_repository_keeps_its_rules() {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        let findings = check(root).unwrap();
        let list: Vec<String> = findings.iter().map(Finding::to_string).collect();
        assert!(list.is_empty(), "\n{}\n", list.join("\n"));
    }

    #[test]
    fn a_finding_names_the_place_the_rule_and_what_to_do() {
        let finding = Finding::new("crates/a/src/lib.rs", 3, "white space", "remove the tab");
        assert_eq!(finding.to_string(), "crates/a/src/lib.rs:3: white space: remove the tab");
    }
}
