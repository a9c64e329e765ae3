//! Shows that each rule catches what it forbids, and that this repository keeps them all.

use super::dependencies::{OUTSIDE, is_any_of, wrong_ways};
use super::tree::File;
use super::*;

/// Runs a rule on planted files, and expects findings at just these lines.
#[track_caller]
fn finds(rule: Rule, files: &[(&str, &str)], expected: &[&str]) {
    let file = |(path, text): &(&str, &str)| File { path: (*path).into(), text: (*text).into() };
    let mut found = Vec::new();
    rule(&Tree(files.iter().map(file).collect()), &mut found);
    let at: Vec<&str> = found.iter().filter_map(|it| it.split(": ").next()).collect();
    assert_eq!(at, expected, "{found:#?}");
}

#[test]
fn this_repository_keeps_its_rules() {
    let found = check(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))).unwrap();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn a_way_to_a_forbidden_package_is_found_once() {
    let printed = "0a v0.1.0 (/a)\n1serde v1.0.0\n1live-users-journal v0.1.0\n2rusqlite v0.1.0\n\
                   3tokio v1.0.0\n2actix-web v4.0.0\n1tokio-util v1.0.0\n1reqwest v0.1.0 (*)\n";
    let wrong = ["a -> live-users-journal -> rusqlite", "a -> live-users-journal -> actix-web"];
    let ways = wrong_ways(printed, &|it| is_any_of(OUTSIDE, it));
    assert_eq!(ways, [&wrong[..], &["a -> reqwest"]].concat());
}

#[test]
fn a_path_or_a_link_that_leads_nowhere_is_found() {
    let readme = "`crates/core/a.rs`, `crates/core/`, `crates/gone`; crates/prose is not code\n\
                  ```sh\n./.ci/run && cat docs/GONE.md\n```\n`./backend/gone.rs` `crates/*`\n";
    let page = "[a](../README.md) [b](B.md#top) [c](#here) [d](https://example.com/x)\n\
                ![e](pictures/gone.png)\n[f](../crates/gone \"title\")\n";
    let ours = [("README.md", readme), ("docs/B.md", ""), ("docs/PAGE.md", page), (".ci/run", "")];
    let files = [&ours[..], &[("crates/core/a.rs", ""), ("crates/a.md", "`crates/b`")]].concat();
    let wrong = ["README.md:1", "README.md:3", "README.md:5", "docs/PAGE.md:2", "docs/PAGE.md:3"];
    finds(documents::named_paths_and_links_exist, &files, &wrong);
}

#[test]
fn a_decision_that_is_not_listed_is_found() {
    let list = |last: &str| format!("| [0001](#a) | 2026-01-01 | accepted | A `b` |\n{last}\n");
    let heads = "## 0001 A `b`\n\nWhy.\n\n## 0002 C\n";
    for (last, found) in [
        ("| [0002](#c) | 2026-01-01 | accepted | C |", &[][..]),
        ("| [0002](#c) | 2026-01-01 | accepted | D |", &["docs/DECISIONS.md:7"]),
        ("", &["docs/DECISIONS.md:7"]),
    ] {
        let text = format!("{}{heads}", list(last));
        finds(documents::decisions_are_listed, &[("docs/DECISIONS.md", &text)], found);
    }
}

#[test]
fn an_import_that_leads_up_or_in_a_ring_is_found() {
    let files = [
        ("backend/src/main.rs", "use live_users_backend::{app, config};\n"),
        ("backend/src/app.rs", "use crate::{http, parts::queue::Queue};\n"),
        ("backend/src/config.rs", "pub(crate) struct Config;\n"),
        ("backend/src/http/mod.rs", "use crate::config;\nfn a() -> u8 { crate::tasks::b() }\n"),
        ("backend/src/tasks.rs", "use crate::{config as c, http::{self as h}};\n"),
        ("backend/src/parts/queue.rs", "type A = x!(super::super::app::App);\n"),
        ("backend/src/parts.rs", "#[cfg(test)]\nuse crate::app;\nuse crate::http as h;\n"),
        ("backend/src/parts/tests.rs", "use crate::app::App;\n"),
        ("backend/src/stray.rs", "use crate::config::Config;\n"),
    ];
    let wrong = ["http/mod.rs:2", "tasks.rs:1", "parts/queue.rs:1", "parts.rs:3", "stray.rs:1"];
    let wrong = wrong.map(|it| format!("backend/src/{it}"));
    finds(imports::layers_point_down, &files, &wrong.each_ref().map(String::as_str));
    let files = [
        ("proxy/src/lib.rs", "mod a;\nmod b;\npub use a::A;\n"),
        ("proxy/src/a.rs", "//! Uses `crate::c`.\nuse crate::b::{self, B};\n"),
        ("proxy/src/b.rs", "fn b() -> u8 {\n    inner::f()\n}\n"),
        ("proxy/src/b/inner.rs", "use crate::c::C;\n"),
        ("proxy/src/c.rs", "use crate::a::A;\n"),
        ("proxy/src/d.rs", "use crate::a::A;\nuse self::e::E;\n"),
        ("proxy/src/d/e.rs", "#[cfg(test)]\nmod tests { use super::super::D; }\n"),
    ];
    finds(imports::imports_form_no_ring, &files, &["proxy/src/a.rs:2"]);
    let files = [("proxy/src/a.rs", "use self::b::B;\n"), ("proxy/src/a/b.rs", "use super::A;\n")];
    finds(imports::imports_form_no_ring, &files, &["proxy/src/a.rs:1"]);
}

#[test]
fn a_setting_an_image_or_an_alert_that_does_not_fit_is_found() {
    let compose =
        "environment:\n  A_B: ${A_B:-}\n  C_D: 1\n  I_J: ${I_J-1}\nports: [\"${P_Q}:1\"]\n";
    let deploy = ("deploy/a.yaml", "env:\n  - name: A_B\n  - name: E_F\n");
    let example = (".env.example", "# Why (a=b).\nA_B=\n#I_J=1\n#TOKEN=1\n");
    let unit = ("deploy/a.env", "# Why.\n#A_B=1\n#G_H=2\n");
    let settings = ("docs/SETTINGS.md", "`A_B`, `C_D`, `I_J`");
    let files = [("docker-compose.yml", compose), deploy, unit, settings, example];
    let wrong = ["deploy/a.yaml:3", "deploy/a.env:3", "docker-compose.yml:5", ".env.example:4"];
    finds(documents::compose_settings_are_explained, &files, &wrong);
    let compose = "A_B: ${A_B:-}\nC_D: ${C_D}\nE_F: ${E_F}\nports: ${P_PUBLISH}\n";
    let schema = ("deploy/helm/live-users/values.schema.json", "{\"enum\": [\"A_B\", \"C_DE\"]}");
    let template = ("deploy/helm/live-users/templates/a.yaml", "- name: E_F\n");
    let files = [("docker-compose.yml", compose), schema, template];
    finds(documents::chart_has_the_settings_of_compose, &files, &["docker-compose.yml:2"]);
    let image = ("Dockerfile", "FROM rust\nCOPY a/Cargo.toml a/\nRUN cargo build\n");
    let files = [image, ("a/Cargo.toml", ""), ("b/Cargo.toml", "")];
    finds(documents::dockerfiles_name_every_manifest, &files, &["Dockerfile:1"]);
    let source = ("a/src/a.rs", "(\"live_users_webhooks\");\n");
    let text = "live_users_webhooks_total\nlive_users_gone\n";
    let [rules, dashboard] = ["deploy/prometheus/a.yml", "deploy/grafana/a.json"];
    let files = [source, ("examples/a.yml", text), (rules, text), (dashboard, text)];
    let found = ["examples/a.yml:2", "deploy/prometheus/a.yml:2", "deploy/grafana/a.json:2"];
    finds(documents::metrics_of_rules_exist, &files, &found);
}

#[test]
fn a_source_file_that_is_long_wordless_forgotten_or_sleeps_is_found() {
    let (long, list) = ("x\n".repeat(401), "x\n".repeat(601));
    let files =
        [("a.rs", &long[2..]), ("a.css", &long), ("tests.rs", &list), ("a/vendor/b.js", &list)];
    finds(sources::files_are_short, &files, &["tests.rs:601", "a.css:401"]);
    let files =
        [("a.rs", "//!\n//! Late.\n"), ("b.rs", "//! none\n"), ("c.rs", "//! Two\n//! lines.")];
    finds(sources::first_line_says_what_the_file_is_for, &files, &["a.rs:1", "b.rs:1"]);
    let core = [("crates/core/src/lib.rs", "")];
    finds(sources::core_is_no_std, &core, &["crates/core/src/lib.rs:1"]);
    let files = [
        ("a/src/lib.rs", "mod b;\npub(crate) mod c;\n// mod d;\n"),
        ("a/src/b.rs", "#[cfg(test)]\nmod tests;\n"),
        ("a/src/c/mod.rs", ""),
        ("a/src/d.rs", ""),
        ("a/tests/b/c.rs", ""),
    ];
    let wrong = ["a/src/d.rs:1", "a/tests/b/c.rs:1"];
    finds(sources::every_file_is_part_of_a_crate, &files, &wrong);
    let pause = concat!("    time::sl", "eep(PAUSE).await;\n");
    let inline = format!("{pause}#[cfg(test)]\nmod tests {{\n{pause}}}\n");
    let reasoned = format!("    // not a wait for time: another process polls\n{pause}");
    let files = [
        ("a/src/lib.rs", pause),
        ("a/src/b.rs", &inline),
        ("a/tests/d.rs", &reasoned),
        ("a/src/e/tests.rs", &reasoned.replace("another process polls", "")),
        ("a/tests/f.rs", "fn a_caller_may_sleep() { asleep(1) }\n"),
    ];
    finds(sources::no_test_waits_for_time, &files, &["a/src/b.rs:4", "a/src/e/tests.rs:2"]);
}

#[test]
fn html_out_of_a_text_is_found_in_what_browsers_load() {
    let files = [
        ("proxy/web/a.js", "node.textContent = text;\nnode.innerHTML = text;\n"),
        ("proxy/web/b.js", "eval(text);\nnode.append(text);\ndocument.writeln(text);\n"),
        ("tools/c.js", "node.innerHTML = text;\n"),
    ];
    let wrong = ["proxy/web/a.js:2", "proxy/web/b.js:1", "proxy/web/b.js:3"];
    finds(sources::scripts_make_no_html_of_text, &files, &wrong);
}
