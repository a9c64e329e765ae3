//! The rule for what we build on: every package may be used, changed and passed on by anybody.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use spdx::{Expression, LicenseReq, ParseMode};

use super::Finding;
use super::tree::Tree;
use crate::cargo;

/// Licences that ask for no more than their notice, and MPL-2.0, which asks for the source of the
/// files under it.
const ALLOWED: [&str; 13] = [
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// The one exception that may stand behind `WITH`.
const ALLOWED_EXCEPTION: &str = "Apache-2.0 WITH LLVM-exception";

/// A package of the dependency tree, as `cargo metadata` tells of it.
pub(super) struct Package {
    name: String,
    version: String,
    /// The SPDX expression of its manifest.
    licence: Option<String>,
}

/// The third-party packages that a build on this machine's platform uses. Without network: those
/// of other platforms need not have been downloaded.
pub(super) fn read(root: &Path) -> Result<Vec<Package>> {
    let host = host_platform()?;
    let query =
        format!("metadata --format-version 1 --locked --offline --filter-platform {}", host.trim());
    let output = cargo::command(root, &query).output().context("cargo does not start")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "tidy: cargo {query}: {}", complaint.trim());
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let used = metadata["resolve"]["nodes"].as_array().context("metadata without nodes")?;
    let is_used = |package: &Value| used.iter().any(|node| node["id"] == package["id"]);
    let all = metadata["packages"].as_array().context("metadata without packages")?;
    let foreign = all.iter().filter(|it| !it["source"].is_null() && is_used(it));
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let packages: Vec<Package> = foreign
        .map(|it| Package {
            name: text(&it["name"]).unwrap_or_default(),
            version: text(&it["version"]).unwrap_or_default(),
            licence: text(&it["license"]),
        })
        .collect();
    ensure!(!packages.is_empty(), "tidy: cargo metadata names no third-party package");
    Ok(packages)
}

fn host_platform() -> Result<String> {
    let output = Command::new("rustc").args(["--print", "host-tuple"]).output()?;
    ensure!(output.status.success(), "tidy: rustc does not name its host");
    Ok(String::from_utf8(output.stdout)?)
}

/// Finds the packages that nobody may pass on under terms of [`ALLOWED`] alone.
pub(super) fn check(packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        let licence = package.licence.as_deref().unwrap_or("no licence expression");
        if !may_be_used(licence) {
            let Package { name, version, .. } = package;
            let what_to_do = format!("{name} {version} has `{licence}`: use another package");
            findings.push(Finding::new("Cargo.lock", 1, "licence", what_to_do));
        }
    }
    findings
}

fn may_be_used(licence: &str) -> bool {
    // Packages of long ago write `MIT/Apache-2.0`.
    Expression::parse_mode(licence, ParseMode::LAX).is_ok_and(|it| it.evaluate(is_allowed))
}

fn is_allowed(requirement: &LicenseReq) -> bool {
    let text = requirement.to_string();
    ALLOWED.contains(&text.as_str()) || text == ALLOWED_EXCEPTION
}

/// What lies in `vendor/NAME` has the terms of its authors beside it.
pub(super) fn the_work_of_others_has_its_licence(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        let Some((before, behind)) = file.path.split_once("vendor/") else { continue };
        let folder = behind.split_once('/').map_or("", |(name, _)| name);
        let licence = format!("{before}vendor/{folder}/LICENSE");
        if folder.is_empty() || tree.file(&licence).is_none() {
            let what_to_do = "put it into a folder of vendor/, with its LICENSE";
            findings.push(file.finding(1, "licence", what_to_do));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::found;

    #[test]
    fn work_of_others_without_its_licence_is_found() {
        let files = [
            ("a/vendor/b/b.js", "b"),
            ("a/vendor/b/LICENSE", "as you like"),
            ("a/vendor/c/deep/c.js", "c"),
            ("a/vendor/d.js", "d"),
            ("a/vendors.rs", "e"),
        ];
        let wrong = ["a/vendor/c/deep/c.js:1", "a/vendor/d.js:1"];
        assert_eq!(found(the_work_of_others_has_its_licence, &files), wrong);
    }

    fn package(licence: Option<&str>) -> Package {
        let licence = licence.map(str::to_owned);
        Package { name: "x".into(), version: "1.0.0".into(), licence }
    }

    #[test]
    fn a_package_that_may_not_be_passed_on_freely_is_found() {
        let wrong = [
            "GPL-3.0-only",
            "AGPL-3.0-or-later",
            "MIT AND GPL-2.0-only",
            "(MIT OR Apache-2.0) AND SSPL-1.0",
            "GPL-2.0-only WITH Classpath-exception-2.0",
            "LicenseRef-Secret",
            "see the file",
            "",
        ];
        for licence in wrong {
            let findings = check(&[package(Some(licence))]);
            assert_eq!(findings.len(), 1, "{licence}");
            assert!(findings[0].to_string().contains("x 1.0.0"), "{}", findings[0]);
        }
        assert_eq!(check(&[package(None)]).len(), 1);
    }

    #[test]
    fn one_allowed_alternative_is_enough() {
        let fine = [
            "MIT",
            "MIT/Apache-2.0",
            "Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT",
            "MIT OR Apache-2.0 OR LGPL-2.1-or-later",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "ISC AND (Apache-2.0 OR ISC)",
            "Apache-2.0 WITH LLVM-exception",
        ];
        for licence in fine {
            assert!(check(&[package(Some(licence))]).is_empty(), "{licence}");
        }
    }

    #[test]
    fn the_packages_of_this_repository_are_known() {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        let names: Vec<String> = read(root).unwrap().into_iter().map(|it| it.name).collect();
        assert!(names.iter().any(|it| it == "serde"), "{names:?}");
        assert!(!names.iter().any(|it| it.starts_with("live-users")), "{names:?}");
    }
}
