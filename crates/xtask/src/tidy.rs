//! Rules of this repository that no linter knows. `CONTRIBUTING.md` has them in words.

mod dependencies;
mod documents;
mod imports;
mod sources;
#[cfg(test)]
mod tests;
mod tree;

use std::path::Path;

use self::tree::Tree;

/// Adds what it finds: `path:line: what to do`.
type Rule = fn(&Tree, &mut Vec<String>);

const RULES: [Rule; 14] = [
    documents::named_paths_and_links_exist,
    imports::layers_point_down,
    imports::imports_form_no_ring,
    documents::chart_has_the_settings_of_compose,
    documents::compose_settings_are_explained,
    documents::decisions_are_listed,
    documents::dockerfiles_name_every_manifest,
    documents::metrics_of_rules_exist,
    sources::core_is_no_std,
    sources::every_file_is_part_of_a_crate,
    sources::files_are_short,
    sources::first_line_says_what_the_file_is_for,
    sources::no_test_waits_for_time,
    sources::scripts_make_no_html_of_text,
];

/// Runs all rules on the repository in this folder.
pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let (tree, mut found) = (Tree::read(root)?, Vec::new());
    RULES.iter().for_each(|rule| rule(&tree, &mut found));
    dependencies::arrows(root, &tree, &mut found)?;
    Ok(found)
}
