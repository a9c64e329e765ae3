//! The licence texts of all crates that are linked into the programs, which most licences ask for.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

/// How the names of files with licences begin, in capital letters.
const NAMES: [&str; 6] = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"];

/// Names and versions of components.
type Components = BTreeSet<(String, String)>;

/// The components of a program, from its list in CycloneDX.
pub(super) fn components(list: &str) -> Result<Components> {
    let list: Value = serde_json::from_str(list).context("a list of components is no JSON")?;
    let components = list["components"].as_array().into_iter().flatten();
    let text = |it: &Value, key: &str| it[key].as_str().map(str::to_owned);
    Ok(components.filter_map(|it| Some((text(it, "name")?, text(it, "version")?))).collect())
}

/// The texts of these components, each text once. `metadata` is that of cargo. What is not in it is
/// not looked for; what has no text is listed by the name of its licence.
pub(super) fn texts(metadata: &str, components: &Components) -> Result<String> {
    let metadata: Value = serde_json::from_str(metadata).context("cargo metadata is no JSON")?;
    let mut by_text: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut without = BTreeSet::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let text = |key: &str| package[key].as_str().unwrap_or_default();
        let (name, version, licence) = (text("name"), text("version"), text("license"));
        // What has no source is our own.
        let is_ours = package["source"].is_null();
        if is_ours || !components.contains(&(name.to_owned(), version.to_owned())) {
            continue;
        }
        let folder = Path::new(text("manifest_path")).parent().context("a manifest in a folder")?;
        let title = format!("{name} {version} ({licence})");
        let found = of_folder(folder)?;
        if found.is_empty() {
            without.insert(title);
            continue;
        }
        for text in found {
            by_text.entry(text).or_default().insert(title.clone());
        }
    }
    let mut all =
        "The programs of Live Users contain these components, under these licences.\n".to_owned();
    if !without.is_empty() {
        let list: Vec<_> = without.into_iter().collect();
        all += &format!("\nWithout a text of their own:\n{}\n", list.join("\n"));
    }
    // In the order of the first component that has it.
    let mut parts: Vec<_> = by_text.into_iter().map(|(text, titles)| (titles, text)).collect();
    parts.sort();
    for (titles, text) in parts {
        let titles: Vec<_> = titles.into_iter().collect();
        all += &format!("\n{}\n{}\n\n{text}\n", "=".repeat(80), titles.join("\n"));
    }
    Ok(all)
}

/// The texts in the folder of a package, without white space around them.
fn of_folder(folder: &Path) -> Result<BTreeSet<String>> {
    let mut texts = BTreeSet::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_uppercase();
        if !NAMES.iter().any(|it| name.starts_with(it)) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            for inner in fs::read_dir(entry.path())? {
                texts.extend(text_of(&inner?.path())?);
            }
        } else {
            texts.extend(text_of(&entry.path())?);
        }
    }
    Ok(texts)
}

fn text_of(file: &Path) -> Result<Option<String>> {
    // Sources may have such names, too.
    if !file.is_file() || file.extension().is_some_and(|it| it == "rs") {
        return Ok(None);
    }
    let text = fs::read(file).with_context(|| file.display().to_string())?;
    let text = String::from_utf8_lossy(&text).replace("\r\n", "\n");
    Ok(Some(text.trim().to_owned()).filter(|it| !it.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_component_that_is_listed_has_its_texts_and_each_text_stands_once() {
        let folder = std::env::temp_dir().join(format!("licences-{}", std::process::id()));
        let package = |name: &str, files: &[(&str, &str)]| {
            let folder = folder.join(name);
            fs::create_dir_all(&folder).unwrap();
            for (file, text) in files {
                fs::write(folder.join(file), text).unwrap();
            }
            let manifest = folder.join("Cargo.toml").display().to_string();
            serde_json::json!({"name": name, "version": "1.0.0", "license": "MIT",
                "source": "registry", "manifest_path": manifest})
        };
        let packages = [
            package("a", &[("LICENSE-MIT", "The text.\n"), ("license.rs", "fn f() {}")]),
            package("b", &[("license.txt", "The text.\r\n"), ("NOTICE", "By B.")]),
            package("c", &[("README.md", "Read me.")]),
            package("not-linked", &[("LICENSE", "Another text.")]),
        ];
        let metadata = serde_json::json!({ "packages": packages }).to_string();
        let list = r#"{"components":[{"name":"a","version":"1.0.0"},{"name":"b","version":"1.0.0"},
            {"name":"c","version":"1.0.0"},{"name":"not-linked","version":"2.0.0"}]}"#;
        let texts = texts(&metadata, &components(list).unwrap()).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(texts.matches("The text.").count(), 1, "{texts}");
        assert!(texts.contains("a 1.0.0 (MIT)\nb 1.0.0 (MIT)\n\nThe text.\n"), "{texts}");
        assert!(texts.contains("b 1.0.0 (MIT)\n\nBy B.\n"), "{texts}");
        assert!(texts.contains("Without a text of their own:\nc 1.0.0 (MIT)\n"), "{texts}");
        assert!(!texts.contains("Another") && !texts.contains("fn f"), "{texts}");
    }
}
