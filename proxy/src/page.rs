//! The page *Existing Agents*. What is on it is drawn in the browser, from data that comes with it.

use std::hash::{DefaultHasher, Hasher};
use std::sync::LazyLock;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::web::Data;
use jiff::Timestamp;
use live_users_wire::{LinkAccess, LinkScope, LinkView};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::admin::{Admin, Authenticator};
use crate::admin_api::{access_view, question, told};
use crate::assets;
use crate::language::{Language, Value};
use crate::upstream::{AdminApi, AdminApiError};

/// Where it is.
pub(crate) const PATH: &str = "/admin/existing-agents";

/// Nothing from elsewhere, nothing inline, no HTML out of a text, in no frame.
pub(crate) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; \
    form-action 'self'; require-trusted-types-for 'script'; trusted-types 'none'";

/// The element with the number at the top.
const NUMBER: &str = "<live-users>";

/// Where the number stands until the element has one of its own.
const FIRST_NUMBER: &str = "<!-- first number -->";

/// Where the data stand, and before them what is loaded because of them.
const FIRST_DATA: &str = "<!-- first data -->";

/// The style sheet of the wallboard, which is loaded with it.
const WALLBOARD_STYLE: &str = "<link id=\"wallboard-style\" rel=\"stylesheet\" disabled ";

/// The script of the wallboard, which the page's script loads with it.
const WALLBOARD_SCRIPT: &str = "wallboard-screen.js";

/// The parameter in the address that shows the page as a wallboard.
const WALLBOARD_PARAMETER: &str = "wallboard";

/// How long the page waits for its data. Later, the browser asks for them.
const WAITS_FOR: Duration = Duration::from_millis(300);

/// The command that fills a demonstration with simulated callers, if this is one.
pub(crate) struct Simulate(pub(crate) Option<String>);

/// What the page shows before its scripts have asked for anything.
pub(crate) struct First {
    /// What the reader may see and do, as JSON.
    access: String,
    /// The summary of the calls that the reader sees, as JSON.
    summary: String,
    live_users: u64,
    /// Whether many of them are suspect.
    is_unsure: bool,
    as_of: Timestamp,
    /// The parts of the page that its script will load, because there is something to show in them.
    parts: Vec<&'static str>,
}

/// The access of a reader has ended.
pub(crate) struct Ended;

/// Of a summary, what stands in the HTML.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Number {
    live_users: u64,
    /// How many of them are suspect, if that is told.
    #[serde(default)]
    public_suspect: Option<u64>,
    as_of: String,
    #[serde(default)]
    sources: Vec<IgnoredAny>,
    #[serde(default)]
    by_account: Vec<IgnoredAny>,
    #[serde(default)]
    alerts: Option<IgnoredAny>,
}

impl First {
    /// Asks for it. `None` if that fails or takes too long, and then the page tells why, as ever.
    pub(crate) async fn ask(
        request: &HttpRequest,
        authenticator: &Data<Authenticator>,
        admin_api: &AdminApi,
    ) -> Option<Self> {
        let admin = Authenticator::authenticate(authenticator, request).await.ok()?;
        Self::of(&admin, admin_api).await.ok()?
    }

    /// Asks for it for a reader who is known already. `None` as above.
    ///
    /// # Errors
    /// If the access of the reader has ended.
    pub(crate) async fn of(admin: &Admin, admin_api: &AdminApi) -> Result<Option<Self>, Ended> {
        let answer = admin_api.summary(question(admin, &["summary"], &[]));
        let Ok(answer) = tokio::time::timeout(WAITS_FOR, answer).await else { return Ok(None) };
        let has_ended = matches!(answer, Err(AdminApiError::AccessEnded));
        match told(admin, answer) {
            Ok(summary) => Ok(Self::read(admin, summary)),
            Err(_) if has_ended => Err(Ended),
            Err(_) => Ok(None),
        }
    }

    fn read(admin: &Admin, summary: String) -> Option<Self> {
        let number: Number = serde_json::from_str(&summary).ok()?;
        let as_of = number.as_of.parse().ok()?;
        // What is shown of it to who sees some accounts depends on more.
        let is_scoped = admin.scope().is_some();
        let parts = if is_scoped { Vec::new() } else { number.parts() };
        let Number { live_users, public_suspect, .. } = number;
        let access = serde_json::to_string(&access_view(admin)).ok()?;
        let is_unsure = public_suspect.is_some_and(|suspect| suspect > 0);
        Some(Self { access, summary, live_users, is_unsure, as_of, parts })
    }

    /// The number, for as long as there is none by the link.
    fn number(&self, language: Language) -> String {
        let time = self.as_of.strftime("%H:%M:%S").to_string();
        format!(
            "<span slot=\"first\">{}<span class=\"first-as-of\">{}</span></span>",
            language.users_live(self.live_users, self.is_unsure),
            language.with("language.asOfUtc", &[("time", Value::Text(&time))]),
        )
    }

    /// The data, which the script reads. A browser does not run them.
    fn data(&self) -> String {
        format!(
            "<script id=\"first-data\" type=\"application/json\">{{\"access\":{},\"summary\":{}}}</script>",
            in_script(&self.access),
            in_script(&self.summary),
        )
    }
}

impl Number {
    /// As `proxy/web/page.js` decides. The browser loads them while it still loads that.
    fn parts(&self) -> Vec<&'static str> {
        let parts = [
            ("alerts.js", self.alerts.is_some()),
            ("accounts.js", !self.by_account.is_empty()),
            ("sources.js", !self.sources.is_empty()),
        ];
        parts.into_iter().filter(|(_, is_shown)| *is_shown).map(|(name, _)| name).collect()
    }
}

/// Lets the browser load a script that another one will run.
fn preload(name: &str, language: Language) -> String {
    let url = assets::url_in(name, language.tag());
    format!("<link rel=\"modulepreload\" href=\"{url}\">\n")
}

/// JSON in which nothing looks like HTML. Outside of its strings there is no `<`.
fn in_script(json: &str) -> String {
    json.replace('<', "\\u003c")
}

/// The elements that are told where to read.
const CHART: &str = "<live-users-chart ";
const ROOT: &str = "<html ";

/// Where the form goes that ends the session.
const SIGN_OUT: &str = "action=\"/admin/sign-out\"";

/// Where what is downloaded is read.
const READ: &str = "href=\"/api/";

/// What only an admin's own page has: from each of these to the end behind it.
const OF_ADMINS: [(&str, &str); 3] = [
    ("<form id=\"sign-out\"", "</form>"),
    ("<button id=\"wallboard\"", "</button>"),
    ("<section id=\"shared-links\"", "</section>"),
];

/// What says that callers are simulated, which only the page of a demonstration has.
const DEMO: (&str, &str) = ("  <p id=\"demo\"", "</p>\n");

/// Leaves out what begins and ends so.
fn leave_out(html: &mut String, (from, to): (&str, &str)) {
    let found = html.find(from).and_then(|from| {
        let length = html[from..].find(to)? + to.len();
        Some(from..from + length)
    });
    if let Some(part) = found {
        html.replace_range(part, "");
    }
}

/// The page as HTML. Who sees a part of the calls gets the number of that part at the top, and everybody
/// else the total. `sign_out` is the path that ends the session.
pub(crate) fn html(
    language: Language,
    is_scoped: bool,
    query: &str,
    sign_out: &str,
    simulate: &Simulate,
    first: Option<&First>,
) -> String {
    let mut html = match is_scoped {
        true => language.page().replacen(NUMBER, "<live-users summary>", 1),
        false => language.page().to_owned(),
    };
    // Who sees some accounts is not told how to set this server up, either.
    if let (Simulate(Some(command)), false) = (simulate, is_scoped) {
        let command = command.replace('&', "&amp;").replace('"', "&quot;");
        html = html.replacen(ROOT, &format!("{ROOT}data-simulate=\"{command}\" "), 1);
    }
    if simulate.0.is_none() {
        leave_out(&mut html, DEMO);
    }
    let html = html.replacen(SIGN_OUT, &format!("action=\"{sign_out}\""), 1);
    let mut names = query.split('&').filter_map(|it| it.split('=').next());
    with_first(language, &html, names.any(|it| it == WALLBOARD_PARAMETER), first)
}

fn with_first(language: Language, html: &str, is_wallboard: bool, first: Option<&First>) -> String {
    let first_of = |it: &First| (it.number(language), it.data());
    let (number, data) = first.map_or_else(Default::default, first_of);
    let wallboard = is_wallboard.then_some(WALLBOARD_SCRIPT);
    let parts = first.map_or(&[][..], |it| &it.parts).iter().copied().chain(wallboard);
    let data = parts.map(|name| preload(name, language)).collect::<String>() + &data;
    let mut html = html.replacen(FIRST_NUMBER, &number, 1).replacen(FIRST_DATA, &data, 1);
    if is_wallboard {
        html = html.replacen(WALLBOARD_STYLE, &WALLBOARD_STYLE.replace("disabled ", ""), 1);
    }
    html
}

/// The same for the readers of a link, which read below this path, with no orders on it.
pub(crate) fn html_of_link(
    language: Language,
    path: &str,
    link: &LinkAccess,
    simulate: &Simulate,
    first: Option<&First>,
) -> String {
    let (view, detail) = match (link.view, &link.scope) {
        (LinkView::Page, LinkScope::Total(_)) => ("page", "total"),
        (LinkView::Page, _) => ("page", "calls"),
        (LinkView::Wallboard, LinkScope::Total(_)) => ("wallboard", "total"),
        (LinkView::Wallboard, _) => ("wallboard", "numbers"),
    };
    let base = format!("{path}/");
    let attributes = [("base", &*base), ("view", view), ("detail", detail), ("build", &BUILD)];
    let attributes = attributes.map(|(name, value)| format!("data-{name}=\"{value}\" ")).concat();
    let mut html = language
        .page()
        .replacen(ROOT, &format!("{ROOT}{attributes}"), 1)
        .replacen(NUMBER, &format!("<live-users summary src=\"{path}/\">"), 1)
        .replacen(CHART, &format!("{CHART}src=\"{path}/\" "), 1)
        .replace(READ, &format!("href=\"{path}/api/"));
    let is_demo = simulate.0.is_some();
    for part in OF_ADMINS.into_iter().chain((!is_demo).then_some(DEMO)) {
        leave_out(&mut html, part);
    }
    with_first(language, &html, link.view == LinkView::Wallboard, first)
}

/// Names the page with all that it loads, in whatever language: it has the hashes of its files in it. The
/// standard hasher has fixed keys, so two proxies of one build agree.
static BUILD: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = DefaultHasher::new();
    for html in Language::pages() {
        hasher.write(html.as_bytes());
    }
    format!("{:016x}", hasher.finish())
});

#[cfg(test)]
mod tests {
    use super::*;

    const ENGLISH: Language = Language::ENGLISH;
    const NO_DEMO: Simulate = Simulate(None);

    #[test]
    fn only_the_page_of_a_scope_has_the_number_of_the_summary() {
        assert!(Language::pages().iter().all(|html| html.matches(NUMBER).count() == 1));
        let page = |is_scoped| html(ENGLISH, is_scoped, "", "", &NO_DEMO, None);
        assert!(page(true).contains("<live-users summary>") && !page(false).contains(" summary"));
    }

    #[test]
    fn only_the_page_of_a_demonstration_has_the_command_that_fills_it() {
        let command = Simulate(Some(r#"simulate "a&b" <c>"#.to_owned()));
        let page = |is_scoped, of: &Simulate| html(ENGLISH, is_scoped, "", "", of, None);
        let told = r#"<html data-simulate="simulate &quot;a&amp;b&quot; <c>" lang="en""#;
        assert!(page(false, &command).contains(told), "{}", &page(false, &command)[..200]);
        for other in [page(true, &command), page(false, &NO_DEMO)] {
            assert!(!other.contains("data-simulate"), "{}", &other[..200]);
        }
        for page in [page(true, &command), page(false, &command)] {
            assert!(page.contains(DEMO.0) && page.contains("are simulated"), "to all readers");
        }
        assert!(!page(false, &NO_DEMO).contains("simulate"));
        assert!(Language::pages().iter().all(|html| html.matches(DEMO.0).count() == 1));
    }

    #[test]
    fn what_comes_first_has_its_places_and_ends_no_script() {
        for place in [FIRST_NUMBER, FIRST_DATA] {
            assert!(Language::pages().iter().all(|it| it.matches(place).count() == 1), "{place}");
            assert!(!html(ENGLISH, false, "", "", &NO_DEMO, None).contains(place));
        }
        let summary =
            r#"{"byAgent":[{"name":"</script><!-- <script> first data -->"}]}"#.to_owned();
        let access = r#"{"id":"<b>"}"#.to_owned();
        let as_of = "2026-11-23T09:30:05.678Z".parse().unwrap();
        let summary_too = summary.clone();
        let parts = vec!["alerts.js"];
        let first =
            First { access, summary: summary_too, live_users: 1, is_unsure: false, as_of, parts };
        let html = html(ENGLISH, false, "", "/a?lang=fr", &NO_DEMO, Some(&first));
        assert!(
            html.contains(">1 user live<span class=\"first-as-of\">, as of 09:30:05 UTC</span>")
        );
        assert!(html.contains("<link rel=\"modulepreload\" href=\"/assets/alerts."));
        assert!(html.contains("<form id=\"sign-out\" method=\"post\" action=\"/a?lang=fr\">"));
        let (_, data) = html.split_once("type=\"application/json\">").unwrap();
        let (data, behind) = data.split_once("</script>").unwrap();
        assert_eq!(behind.trim(), "</body>\n</html>");
        assert!(!data.contains('<'), "{data}");
        let data: serde_json::Value = serde_json::from_str(data).unwrap();
        assert_eq!(data["summary"], serde_json::from_str::<serde_json::Value>(&summary).unwrap());
        assert_eq!(data["access"]["id"], "<b>");
    }

    #[test]
    fn what_the_script_will_load_is_loaded_with_it() {
        assert_eq!(ENGLISH.page().matches(WALLBOARD_STYLE).count(), 1);
        let preloads = |html: &str| {
            let names = html.split("rel=\"modulepreload\" href=\"/assets/").skip(1);
            names.filter_map(|it| it.split('.').next()).map(str::to_owned).collect::<Vec<_>>()
        };
        for (query, is_wallboard) in
            [("", false), ("wallboards", false), ("wallboard", true), ("a=b&wallboard=", true)]
        {
            let html = html(ENGLISH, false, query, "", &NO_DEMO, None);
            assert_eq!(!html.contains(WALLBOARD_STYLE), is_wallboard, "{query}");
            assert_eq!(preloads(&html) == ["wallboard-screen"], is_wallboard, "{query}");
        }
        let parts = |more: &str| {
            let summary = format!(r#"{{"liveUsers":1,"asOf":"2026-11-23T09:30:05.678Z"{more}}}"#);
            serde_json::from_str::<Number>(&summary).unwrap().parts()
        };
        assert_eq!(parts(r#","sources":[],"byAccount":[]"#), [""; 0]);
        assert_eq!(
            parts(r#","sources":[{"source":"a"}],"byAccount":[{}],"alerts":{"alerts":[]}"#),
            ["alerts.js", "accounts.js", "sources.js"]
        );
    }

    #[test]
    fn the_page_of_a_link_reads_below_its_path_and_has_no_orders() {
        let link = LinkAccess {
            name: "Lobby".to_owned(),
            scope: LinkScope::All(live_users_wire::True),
            view: LinkView::Wallboard,
            expires_ms: 0,
        };
        let html = html_of_link(ENGLISH, "/view/0a", &link, &NO_DEMO, None);
        assert!(!html.contains(DEMO.0));
        let demo = Simulate(Some("simulate".to_owned()));
        let of_demo = html_of_link(ENGLISH, "/view/0a", &link, &demo, None);
        assert!(of_demo.contains(DEMO.0) && !of_demo.contains("data-simulate"));
        for part in [
            "<html data-base=\"/view/0a/\" data-view=\"wallboard\" data-detail=\"numbers\" data-build=\"",
            "<live-users summary src=\"/view/0a/\">",
            "<live-users-chart src=\"/view/0a/\" ",
        ] {
            assert_eq!(html.matches(part).count(), 1, "{part}");
        }
        for (part, _) in OF_ADMINS {
            assert!(Language::pages().iter().all(|it| it.matches(part).count() == 1), "{part}");
            assert!(!html.contains(part), "{part}");
        }
        assert!(!html.contains("method=\"post\"") && !html.contains("\"/api/"));
    }
}
