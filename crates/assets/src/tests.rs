//! Files in, assets out.

use std::path::Path;

use crate::javascript::{Module, Part, without_comments};
use crate::{Error, Level, Options, build};

/// The assets of these files: the text of each, by the end of its name in `out`.
fn built(files: &[(&str, &str)]) -> Result<Vec<(String, String)>, Error> {
    let (web, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (name, text) in files {
        let path = web.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let options = Options { level: Level::Quick, has_pseudo_language: true, server_sections: &[] };
    build(web.path(), out.path(), options)?;
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
        <link rel=\"stylesheet\" disabled href=\"/admin/later.css\">\n\
        <link rel=\"icon\" href=\"/favicon.svg\">\n\
        <script type=\"module\" src=\"/admin/page.js\"></script>\n\
        <form action=\"/admin/sign-out\"></form><a href=\"/docs\">Docs</a>\n",
    ),
    ("other.html", "{{ crate::assets::url(\"alone.css\") }}"),
    ("template.svg", "<svg>{{ text }}</svg>"),
    (
        "page.js",
        "// The page.\nimport \"/live-users.js\";\nimport { one, two } from \"./dom.js\";\n\n\
        const sum = one() + two;\n\
        export_all();\nconst later = async () => (await import(\"./later.js\")).later(sum);\n\
        const other = () => import('./other.js');\n",
    ),
    (
        "dom.js",
        "/** Gives one. */\nexport function one() {\n  return 1; // once\n}\nexport const two = 2;\n",
    ),
    (
        "later.js",
        "import { one } from \"./dom.js\";\nimport { words } from \"./words.js\";\n\
        import { both } from \"./both.js\";\n\
        // Not at once.\nexport function later(n) {\n  return words[one() + n + both];\n}\n",
    ),
    ("words.js", "import { two } from \"./dom.js\";\nexport const words = [two];\n"),
    ("other.js", "import { both } from \"./both.js\";\nboth();\n"),
    ("both.js", "import { one } from \"./dom.js\";\nexport const both = one;\n"),
    ("live-users.js", "import { Element } from \"./live-users-element.js\";\ndefine(Element);\n"),
    ("live-users-element.js", "export class Element {\n  url = import.meta.url;\n}\n"),
    ("live-users-chart.js", "chart();\n"),
    ("a.css", "/* first */\na { color: red }\n"),
    ("b.css", "b {\n  color: blue\n}\n"),
    ("alone.css", "c { color: green }\n"),
    ("later.css", "d { color: black }\n"),
    ("favicon.svg", "<svg/>"),
];

/// The path of a file in the output.
fn path((name, _): &(String, String)) -> String {
    format!("/{}", name.replacen('-', "/", 1))
}

#[test]
fn a_page_has_one_script_and_one_style_sheet_with_hashed_names() {
    let all = built(FILES).unwrap();
    let script = find(&all, "assets-page.", ".js");
    let style = find(&all, "assets-page.", ".css");
    let later = find(&all, "assets-later.", ".css");
    let icon = find(&all, "assets-favicon.", ".svg");
    let page = &find(&all, "page.html", "").1;
    let expected = format!(
        "<link rel=\"stylesheet\" href=\"{}\">\n\
         <link rel=\"stylesheet\" disabled href=\"{}\">\n<link rel=\"icon\" href=\"{}\">\n\
         <script type=\"module\" src=\"{}\"></script>\n\
         <form action=\"/admin/sign-out\"></form><a href=\"/docs\">Docs</a>\n",
        path(style),
        path(later),
        path(icon),
        path(script)
    );
    assert_eq!(*page, expected);
    assert_eq!(style.1, "a { color: red }\nb {\ncolor: blue\n}\n");
    assert_eq!(later.1, "d { color: black }\n");
}

#[test]
fn what_is_imported_is_joined_and_what_is_loaded_later_is_a_chunk_that_gets_the_rest() {
    let all = built(FILES).unwrap();
    let [later, other] = ["assets-later.", "assets-other."].map(|it| find(&all, it, ".js"));
    let text = &find(&all, "assets-page.", ".js").1;
    let (runtime, modules) = text.split_once("const module_live_users_element").unwrap();
    assert!(runtime.starts_with("const import_chunk = (() => {\n"), "{runtime}");
    let expected = format!(
        " = (() => {{\nclass Element {{\n\
         url = new URL(\"../live-users-element.js\", import.meta.url).href;\n}}\n\
         return {{ Element }};\n}})();\n\
         const module_live_users = (() => {{\nconst {{ Element }} = module_live_users_element;\n\
         define(Element);\nreturn {{  }};\n}})();\n\
         const module_dom = (() => {{\nfunction one() {{\nreturn 1; // once\n}}\nconst two = 2;\n\
         return {{ one, two }};\n}})();\n\
         const module_page = (() => {{\nconst {{ one, two }} = module_dom;\n\
         const sum = one() + two;\nexport_all();\n\
         const later = async () => (await import_chunk(\"..{}\", () => [module_dom, module_both])).later(sum);\n\
         const other = () => import_chunk(\"..{}\", () => [module_both]);\n\
         return {{  }};\n}})();\n\
         const module_both = (() => {{\nconst {{ one }} = module_dom;\nconst both = one;\n\
         return {{ both }};\n}})();\n",
        path(later),
        path(other)
    );
    assert_eq!(modules, expected);

    let expected = "const link = ([module_dom, module_both]) => {\n\
         const module_words = (() => {\nconst { two } = module_dom;\nconst words = [two];\n\
         return { words };\n})();\n\
         const module_later = (() => {\nconst { one } = module_dom;\nconst { words } = module_words;\n\
         const { both } = module_both;\n\
         function later(n) {\nreturn words[one() + n + both];\n}\n\
         return { later };\n})();\n\
         return module_later;\n};\n\
         let linked;\nexport default (shared) => (linked ??= link(shared()));\n";
    assert_eq!(later.1, expected);

    let table = &find(&all, "assets.rs", "").1;
    for (name, naming) in [
        (path(later), "Chunk"),
        ("/assets/page.".to_owned(), "Hashed"),
        ("/admin/page.js".to_owned(), "Stable"),
    ] {
        let row = table.lines().find(|it| it.contains(&format!("path: \"{name}"))).unwrap();
        assert!(row.contains(&format!("naming: Naming::{naming},")), "{row}");
    }
}

#[test]
fn pages_elsewhere_get_the_whole_element_under_its_name() {
    let all = built(FILES).unwrap();
    let text = &find(&all, "live-users.js", "live-users.js").1;
    assert!(text.contains("new URL(\"./live-users-element.js\", import.meta.url)"), "{text}");
    assert!(!text.contains("import {") && !text.contains("import_chunk"), "{text}");
    let table = &find(&all, "assets.rs", "").1;
    assert!(!table.contains("template"), "it is not served as it lies there: {table}");
    for (name, is_public) in [("/live-users.js", true), ("/admin/dom.js", false)] {
        let row = table.lines().find(|it| it.contains(&format!("path: {name:?}"))).unwrap();
        assert!(row.contains(&format!("naming: Naming::Stable, is_public: {is_public}")), "{row}");
    }
    assert!(
        !all.iter().any(|(name, _)| name.starts_with("assets-dom.")),
        "it is a part of the page's"
    );
}

#[test]
fn the_hash_of_a_script_follows_all_that_it_runs_and_a_chunk_only_what_it_has() {
    let names = |files: &[(&str, &str)]| {
        let all = built(files).unwrap();
        ["page", "later", "other"].map(|it| find(&all, &format!("assets-{it}."), ".js").0.clone())
    };
    let before = names(FILES);
    assert_eq!(names(FILES), before);
    for (file, changed) in [
        ("dom.js", [true, false, false]),
        ("both.js", [true, false, false]),
        ("words.js", [true, true, false]),
        ("other.js", [true, false, true]),
        ("alone.css", [false; 3]),
    ] {
        let edit = |&(name, text): &(&'static str, &'static str)| {
            let longer = match name == file {
                true => format!("{text}/**/\n;").leak(),
                false => text,
            };
            (name, longer)
        };
        let edited: Vec<_> = FILES.iter().map(edit).collect();
        let after = names(&edited);
        assert_eq!([0, 1, 2].map(|it| after[it] != before[it]), changed, "{file}");
    }
}

#[test]
fn what_is_not_understood_stops_the_build_and_says_where() {
    let with = |changed: &'static str, text: &'static str| {
        let files = FILES.iter().map(|&(name, it)| (name, if name == changed { text } else { it }));
        built(&files.collect::<Vec<_>>()).unwrap_err().to_string()
    };
    for (text, expected) in [
        (
            "\nexport let a = 1;\n",
            "dom.js:2: this form is not known to crates/assets: export let a = 1;",
        ),
        ("export default 1;\n", "dom.js:1: this form"),
        ("const a = 1;\nexport { a };\n", "dom.js:2: this form"),
        ("export * from \"./page.js\";\n", "dom.js:1: this form"),
        ("import one from \"./page.js\";\n", "dom.js:1: this form"),
        ("import * as one from \"./both.js\";\n", "dom.js:1: this form"),
        ("import { one as } from \"./both.js\";\n", "dom.js:1: this form"),
        ("import { one } from \"./none.js\";\n", "dom.js:1: there is no file ./none.js"),
        ("import { one } from \"../live-users.js\";\n", "dom.js:1: there is no file ../live"),
        ("import {\n  one\n", "dom.js:1: no end with `;`"),
        ("import { sum } from \"./page.js\";\n", "these modules import each other: "),
        ("\nimport(`./${name}.js`);\n", "dom.js:2: this form"),
        ("// one\n/* two */\nlet a = await import (other);\n", "dom.js:3: this form"),
        ("let a = import\n(\"./page.js\");\n", "dom.js:1: this form"),
        ("import(\"./none.js\");\n", "dom.js:1: there is no file ./none.js"),
    ] {
        let error = with("dom.js", text);
        assert!(error.contains(expected), "{text}: {error}");
    }
    for (file, text, expected) in [
        (
            "other.js",
            "import { later } from \"./later.js\";\n",
            "later.js:1: it is loaded by `import(...)`, and imported as well",
        ),
        (
            "page.js",
            "import { later } from \"./later.js\";\nimport(\"./later.js\");\n",
            "later.js:1: it is loaded by `import(...)`, and imported as well",
        ),
        (
            "words.js",
            "\nexport const words = () => import(\"./other.js\");\n",
            "words.js:2: ./other.js is loaded by what is itself loaded later",
        ),
        (
            "live-users-element.js",
            "export class Element {}\nimport(\"./live-users-chart.js\");\n",
            "live-users-element.js:2: pages elsewhere load this, and not ./live-users-chart.js with it",
        ),
        ("live-users-chart.js", "export const a = 1;\n", "nothing imports or loads this module"),
    ] {
        let error = with(file, text);
        assert!(error.contains(expected), "{file} {text}: {error}");
    }
    for line in [
        "<script src=\"/admin/none.js\"></script>",
        "<link rel=\"stylesheet\" href=\"/admin/none.js\">",
        "<link rel=\"stylesheet\" disabled href=\"/admin/none.js\">",
    ] {
        let error = built(&[("page.html", line)]).unwrap_err().to_string();
        assert_eq!(error, "page.html:1: there is no file /admin/none.js", "{line}");
    }
}

#[test]
fn imports_of_several_lines_are_understood_and_what_only_looks_like_one_is_kept() {
    let text = "import {\n  a,\n  b,\n} from \"./x.js\";\nconst d = 1;\n\
        export async function f() {}\nexport class G extends H {}\n";
    let module = Module::parse(text).unwrap();
    assert_eq!(module.exports, ["f", "G"]);
    assert_eq!(module.imports().collect::<Vec<_>>(), [("./x.js", 1)]);
    assert_eq!(module.loads().count(), 0);
    let kept = "let a = reimport(import.meta.url);\n";
    let module =
        Module::parse(&format!("/*\n * import(one)\n */\n// import(two)\n{kept}")).unwrap();
    assert_eq!(module.parts, [Part::Text(kept.to_owned())]);
}

#[test]
fn only_lines_that_are_comments_go_and_the_space_before_lines() {
    let text = "// one\nlet a = 1; // two\n/* three */\n/** four\n * five\n */\n  let b = `\n  // six\n  `;\n  // seven\n";
    assert_eq!(without_comments(text), "let a = 1; // two\nlet b = `\n  // six\n  `;\n");
    for kept in ["let a = '`';\n  // not certain\n", "/* a */ let b = 1;\n"] {
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

/// A page with messages in two languages.
const SPEAKING: &[(&str, &str)] = &[
    (
        "messages/en.json",
        r#"{"page": {"title": "Calls <code>x</code>"}, "language": {"ownName": "English"}}"#,
    ),
    (
        "messages/de.json",
        r#"{"page": {"title": "Anrufe <code>x</code>"}, "language": {"ownName": "Deutsch"}}"#,
    ),
    (
        "page.html",
        "<html lang=\"{{ language }}\"><h1>{{ t(\"page.title\") }}</h1>{{ languages }}\n\
        <script type=\"module\" src=\"/admin/page.js\"></script>\n\
        <script src=\"/admin/mute.js\"></script>\n",
    ),
    ("sign-in.html", "{{ language.t(\"page.title\") }}"),
    (
        "page.js",
        "import { byLanguage } from \"./messages/page.js\";\nconst t = say(byLanguage);\nt(\"title\");\n",
    ),
    ("mute.js", "mute();\n"),
    ("live-users.js", "import { byLanguage } from \"./messages/element.js\";\nshow(byLanguage);\n"),
    ("live-users-chart.js", "chart();\n"),
];

#[test]
fn a_page_of_a_language_has_that_language_and_no_other() {
    let mut files = SPEAKING.to_vec();
    for file in &mut files[..2] {
        file.1 = file.1.replacen('{', "{\"element\": {\"live\": \"Live\"}, ", 1).leak();
    }
    let all = built(&files).unwrap();
    for (tag, suffix, title, other) in [
        ("en", "", "Calls", "Anrufe"),
        ("de", ".de", "Anrufe", "⟦"),
        ("en-XA", ".en-XA", "⟦Calls", "Anrufe"),
    ] {
        let page = &find(&all, &format!("page{suffix}.html"), "").1;
        let begin = format!("<html lang=\"{tag}\"><h1>{title} <code>x</code>");
        assert!(page.starts_with(&begin), "{page}");
        assert!(
            page.contains(&format!("<option value=\"{tag}\" lang=\"{tag}\" selected>")),
            "{page}"
        );
        assert_eq!(page.matches("<option").count(), if tag == "en-XA" { 3 } else { 2 }, "{page}");
        let scripts = all.iter().filter(|(name, _)| {
            name.starts_with(&format!("assets-page{suffix}.")) && name.ends_with(".js")
        });
        let is_of_page = |name: &str| page.contains(&name.replacen('-', "/", 1));
        let [(_, script)] = scripts.filter(|(name, _)| is_of_page(name)).collect::<Vec<_>>()[..]
        else {
            panic!("one script in {page}")
        };
        assert!(script.contains(title) && !script.contains(other), "{script}");
        // What has no words in it is one file.
        assert!(is_of_page(&find(&all, "assets-mute.", ".js").0), "{page}");
    }
    // On pages elsewhere, it may be any language.
    let element = &find(&all, "live-users.js", "live-users.js").1;
    assert!(["\"en\":", "\"de\":"].iter().all(|it| element.contains(it)), "{element}");
    assert!(!all.iter().any(|(name, _)| name.starts_with("assets-messages")));
}

#[test]
fn a_message_that_is_nowhere_stops_the_build() {
    for (file, text, expected) in [
        (
            "page.js",
            "import { byLanguage } from \"./messages/page.js\";\n\n  t(\"titel\", 1);\n",
            "page.js:3: no section that it imports has the message titel",
        ),
        ("page.js", "t(\"no\")\n", "page.js:1: no section that it imports has the message no"),
        (
            "page.html",
            "\n<p>{{ t(\"page.titel\") }}",
            "page.html:2: there is no message page.titel",
        ),
        ("sign-in.html", "{{ language.t(\"a.b\") }}", "sign-in.html:1: there is no message a.b"),
        (
            "page.js",
            "import { byLanguage } from \"./messages/none.js\";\n",
            "there is no file ./messages/none.js",
        ),
    ] {
        let edit = |&(name, it): &(&'static str, &'static str)| {
            (name, if name == file { text } else { it })
        };
        let without_element = |(name, _): &&(&str, &str)| *name != "live-users.js";
        let files: Vec<_> = SPEAKING.iter().filter(without_element).map(edit).collect();
        let error = built(&files).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
}
