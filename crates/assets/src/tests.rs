//! Files in, assets out.

use std::path::Path;

use crate::javascript::{Module, without_comments};
use crate::{Error, Level, build};

/// The assets of these files: the text of each, by the end of its name in `out`.
fn built(files: &[(&str, &str)]) -> Result<Vec<(String, String)>, Error> {
    let (web, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (name, text) in files {
        let path = web.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    build(web.path(), out.path(), Level::Quick)?;
    let read = |path: &Path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (name, String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned())
    };
    let mut all: Vec<_> =
        std::fs::read_dir(out.path()).unwrap().map(|it| read(&it.unwrap().path())).collect();
    all.sort();
    Ok(all)
}

/// The file whose name begins and ends so, with its name.
fn find<'a>(all: &'a [(String, String)], begin: &str, end: &str) -> &'a (String, String) {
    let mut found = all.iter().filter(|(name, _)| name.starts_with(begin) && name.ends_with(end));
    let first = found.next().unwrap_or_else(|| panic!("{begin} {end} in {all:?}"));
    assert!(found.next().is_none(), "one {begin} {end}");
    first
}

const FILES: &[(&str, &str)] = &[
    (
        "page.html",
        "<link rel=\"stylesheet\" href=\"/admin/a.css\">\n\
        <link rel=\"stylesheet\" href=\"/admin/b.css\">\n\
        <link rel=\"icon\" href=\"/favicon.svg\">\n\
        <script type=\"module\" src=\"/admin/page.js\"></script>\n\
        <form action=\"/admin/sign-out\"></form><a href=\"/docs\">Docs</a>\n",
    ),
    ("other.html", "{{ crate::assets::url(\"alone.css\") }}"),
    ("template.svg", "<svg>{{ text }}</svg>"),
    (
        "page.js",
        "// The page.\nimport \"/live-users.js\";\nimport { one, two as three } from \"./dom.js\";\n\
        import * as all from \"./dom.js\";\n\nexport const sum = one() + three + all.two;\n\
        import(\"./later/de.js\");\n",
    ),
    (
        "dom.js",
        "/** Gives one. */\nexport function one() {\n  return 1; // once\n}\nexport const two = 2;\n",
    ),
    ("later/de.js", "export const words = { hello: \"hallo\" };\n"),
    ("live-users.js", "import { Element } from \"./live-users-element.js\";\ndefine(Element);\n"),
    ("live-users-element.js", "export class Element {\n  url = import.meta.url;\n}\n"),
    ("live-users-chart.js", "chart();\n"),
    ("a.css", "/* first */\na { color: red }\n"),
    ("b.css", "b { color: blue }\n"),
    ("alone.css", "c { color: green }\n"),
    ("favicon.svg", "<svg/>"),
];

#[test]
fn a_page_has_one_script_and_one_style_sheet_with_hashed_names() {
    let all = built(FILES).unwrap();
    let (script, text) = find(&all, "assets-page.", ".js");
    let (style, css) = find(&all, "assets-page.", ".css");
    let (icon, _) = find(&all, "assets-favicon.", ".svg");
    let [script, style, icon] = [script, style, icon].map(|it| it.replacen('-', "/", 1));
    let page = &find(&all, "page.html", "").1;
    let expected = format!(
        "<link rel=\"stylesheet\" href=\"/{style}\">\n<link rel=\"icon\" href=\"/{icon}\">\n\
         <script type=\"module\" src=\"/{script}\"></script>\n\
         <form action=\"/admin/sign-out\"></form><a href=\"/docs\">Docs</a>\n"
    );
    assert_eq!(*page, expected);
    assert_eq!(css, "a { color: red }\nb { color: blue }\n");

    let later = find(&all, "assets-later-de.", ".js").0.replacen('-', "/", 1);
    let expected = format!(
        "const module_live_users_element = (() => {{\nclass Element {{\n  \
         url = new URL(\"../live-users-element.js\", import.meta.url).href;\n}}\n\
         return {{ Element }};\n}})();\n\
         const module_live_users = (() => {{\nconst {{ Element }} = module_live_users_element;\n\
         define(Element);\n}})();\n\
         const module_dom = (() => {{\nfunction one() {{\n  return 1; // once\n}}\nconst two = 2;\n\
         return {{ one, two }};\n}})();\n\
         const module_page = (() => {{\nconst {{ one, two: three }} = module_dom;\n\
         const all = module_dom;\nconst sum = one() + three + all.two;\nimport(\"../{later}\");\n\
         return {{ sum }};\n}})();\nexport const {{ sum }} = module_page;\n"
    );
    assert_eq!(*text, expected);
}

#[test]
fn pages_elsewhere_get_the_whole_element_under_its_name() {
    let all = built(FILES).unwrap();
    let text = &find(&all, "live-users.js", "live-users.js").1;
    assert!(text.contains("new URL(\"./live-users-element.js\", import.meta.url)"), "{text}");
    assert!(!text.contains("import {"), "{text}");
    let table = &find(&all, "assets.rs", "").1;
    assert!(!table.contains("template"), "it is not served as it lies there: {table}");
    for (name, is_public) in [("/live-users.js", true), ("/admin/dom.js", false)] {
        let row = table.lines().find(|it| it.contains(&format!("path: {name:?}"))).unwrap();
        assert!(row.contains(&format!("is_hashed: false, is_public: {is_public}")), "{row}");
    }
    assert!(
        !all.iter().any(|(name, _)| name.starts_with("assets-dom.")),
        "it is a part of the page's"
    );
}

#[test]
fn a_hash_follows_the_content_also_of_what_is_joined_and_loaded_later() {
    let name =
        |files: &[(&str, &str)]| find(&built(files).unwrap(), "assets-page.", ".js").0.clone();
    let before = name(FILES);
    assert_eq!(name(FILES), before);
    for (file, changed) in [("dom.js", true), ("later/de.js", true), ("alone.css", false)] {
        let edit = |&(name, text): &(&'static str, &'static str)| {
            let longer = match name == file {
                true => format!("{text}/**/\n;").leak(),
                false => text,
            };
            (name, longer)
        };
        let edited: Vec<_> = FILES.iter().map(edit).collect();
        assert_eq!(name(&edited) != before, changed, "{file}");
    }
}

#[test]
fn what_is_not_understood_stops_the_build_and_says_where() {
    let with = |text: &'static str| {
        let files =
            FILES.iter().map(|&(name, it)| (name, if name == "dom.js" { text } else { it }));
        built(&files.collect::<Vec<_>>()).unwrap_err().to_string()
    };
    for (text, expected) in [
        (
            "\nexport let a = 1;\n",
            "dom.js:2: this form is not known to crates/assets: export let a = 1;",
        ),
        ("export default 1;\n", "dom.js:1: this form"),
        ("export * from \"./page.js\";\n", "dom.js:1: this form"),
        ("import one from \"./page.js\";\n", "dom.js:1: this form"),
        ("import { one } from \"./none.js\";\n", "dom.js:1: there is no file ./none.js"),
        ("import {\n  one\n", "dom.js:1: no end with `;`"),
        ("import { sum } from \"./page.js\";\n", "these modules import each other: "),
        ("import(`./${name}.js`);\nexport { };\n", "`import(...)` needs the name of a file"),
    ] {
        let error = with(text);
        assert!(error.contains(expected), "{text}: {error}");
    }
    let page = [("page.html", "<script src=\"/admin/none.js\"></script>")];
    assert_eq!(
        built(&page).unwrap_err().to_string(),
        "page.html:1: there is no file /admin/none.js"
    );
}

#[test]
fn imports_of_several_lines_and_lists_of_exports_are_understood() {
    let text = "import {\n  a,\n  b as c,\n} from \"./x.js\";\nconst d = 1;\nexport { c, d as e };\n\
        export async function f() {}\nexport class G extends H {}\n";
    let module = Module::parse(text).unwrap();
    let exports: Vec<_> = module.exports.iter().map(|(o, i)| (o.as_str(), i.as_str())).collect();
    assert_eq!(exports, [("c", "c"), ("e", "d"), ("f", "f"), ("G", "G")]);
    assert_eq!(module.imports().collect::<Vec<_>>(), [("./x.js", 1)]);
}

#[test]
fn only_lines_that_are_comments_go() {
    let text = "// one\nlet a = 1; // two\n/* three */\n/** four\n * five\n */\nlet b = `\n// six\n`;\n  // seven\n";
    assert_eq!(without_comments(text), "let a = 1; // two\nlet b = `\n// six\n`;\n");
    for kept in ["let a = '`';\n// not certain\n", "/* a */ let b = 1;\n"] {
        assert_eq!(without_comments(kept), kept);
    }
}

#[test]
fn what_is_compressed_comes_back_and_the_best_is_the_smallest() {
    use crate::compress::{brotli, gzip};

    let text = include_str!("link.rs").as_bytes();
    let sizes = [Level::Quick, Level::Best].map(|level| {
        let (br, gz) = (brotli(text, level), gzip(text, level));
        let (mut of_br, mut of_gz) = (Vec::new(), Vec::new());
        ::brotli::BrotliDecompress(&mut br.as_slice(), &mut of_br).unwrap();
        std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&*gz), &mut of_gz).unwrap();
        assert!(of_br == text && of_gz == text, "{level:?}");
        [br.len(), gz.len()]
    });
    assert!(sizes[1][0] < sizes[0][0] && sizes[1][1] < sizes[0][1], "{sizes:?}");
}
