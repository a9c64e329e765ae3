//! In which language a page is, and what the server says in it.

use std::fmt::{self, Display};
use std::future::{Ready, ready};
use std::sync::LazyLock;

use actix_web::dev::Payload;
use actix_web::http::header::{AcceptLanguage, Quality};
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse, ResponseError};
use icu_decimal::DecimalFormatter;
use icu_decimal::input::Decimal;
use icu_locale_core::Locale;
use icu_plurals::{PluralCategory, PluralRules};
use live_users_http_kit::{ParameterError, Query};

use crate::admin::cookies;
use crate::error::wrong_parameter;

/// The parameter of a page's address.
pub(crate) const PARAMETER: &str = "lang";

/// The cookie that a choice on a page sets.
pub(crate) const COOKIE: &str = "live-users-language";

/// What answers differ by that are in the language of their reader, as values of `Vary`.
pub(crate) const BY_READER: &str = "accept-language, cookie";
pub(crate) const BY_BROWSER: &str = "accept-language";

/// English in brackets, which debug builds have: a text without brackets is in no file of messages.
const PSEUDO: &str = "en-XA";

/// A text by the plural categories of the numbers that it is for.
type Forms = &'static [(&'static str, &'static str)];

include!(concat!(env!("OUT_DIR"), "/messages.rs"));

/// One of the languages: its place in the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Language(usize);

/// What stands in a message in the place of a name in braces.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value<'a> {
    /// Written as the language writes it. The one named `n` decides about the plural.
    Number(u64),
    Text(&'a str),
}

/// A message that is HTML, of which `<code>` is all that it has.
pub(crate) struct Html(&'static str);

/// The address of a page asks for a language that there is not.
pub(crate) struct Wrong(ParameterError);

impl Language {
    /// For who does not say anything.
    pub(crate) const ENGLISH: Self = Self(0);

    /// All that can be chosen, and this one.
    pub(crate) fn choices(self) -> impl Iterator<Item = Self> {
        (0..TAGS.len()).map(Self).filter(move |it| TAGS[it.0] != PSEUDO || *it == self)
    }

    /// As in the attribute `lang`.
    pub(crate) fn tag(self) -> &'static str {
        TAGS[self.0]
    }

    /// The page *Existing Agents* in this language.
    pub(crate) fn page(self) -> &'static str {
        PAGE_HTML[self.0]
    }

    /// That page in all languages.
    pub(crate) fn pages() -> &'static [&'static str] {
        PAGE_HTML
    }

    /// The language that the address asks for by `lang`, if it does.
    ///
    /// # Errors
    /// If it asks for one that there is not, or for several.
    pub(crate) fn asked(query: Query<'_>) -> Result<Option<Self>, ParameterError> {
        static EXPECTED: LazyLock<String> = LazyLock::new(|| {
            let choices: Vec<_> = Language::ENGLISH.choices().map(Language::tag).collect();
            let (last, others) = choices.split_last().expect("there is English");
            format!("{} or {last}, also with a region", others.join(", "))
        });
        query.check_once(PARAMETER)?;
        query.parsed(PARAMETER, &EXPECTED, of_tag)
    }

    /// The language of who asks: of its choice on a page, or by what its browser prefers.
    pub(crate) fn of_reader(request: &HttpRequest) -> Self {
        let chosen = cookies(request.headers(), COOKIE).next().and_then(|it| of_tag(it.value()));
        chosen.unwrap_or_else(|| Self::preferred(request))
    }

    /// The first of the browser's languages that there is; of `de-AT`, German.
    pub(crate) fn preferred(request: &HttpRequest) -> Self {
        let Some(accepted) = request.get_header::<AcceptLanguage>() else { return Self::ENGLISH };
        let wanted = accepted.0.into_iter().filter(|it| it.quality > Quality::ZERO);
        let ranked = AcceptLanguage(wanted.collect()).ranked();
        ranked.iter().find_map(|it| of_tag(&it.item()?.to_string())).unwrap_or(Self::ENGLISH)
    }

    /// A message without anything in braces.
    pub(crate) fn t(self, key: &str) -> &'static str {
        let (_, text) = self.forms(key).last().expect("each message has a form");
        text
    }

    /// The same as HTML.
    pub(crate) fn html(self, key: &str) -> Html {
        Html(self.t(key))
    }

    /// A message with these in the place of the names in braces.
    pub(crate) fn with(self, key: &str, values: &[(&str, Value<'_>)]) -> String {
        let forms = self.forms(key);
        let number = values.iter().find_map(|(name, value)| match value {
            Value::Number(n) if *name == "n" => Some(*n),
            _ => None,
        });
        let wanted = number.map(|n| self.category(n));
        let is_wanted = |name: &str| PluralCategory::get_for_cldr_string(name) == wanted;
        let form = forms.iter().find(|(category, _)| is_wanted(category));
        let (_, text) = form.or(forms.last()).expect("each message has a form");
        let mut said = String::with_capacity(text.len());
        let mut rest = *text;
        while let Some((before, (name, behind))) =
            rest.split_once('{').and_then(|(before, it)| Some((before, it.split_once('}')?)))
        {
            said.push_str(before);
            match values.iter().find(|(it, _)| *it == name) {
                Some((_, Value::Number(n))) => said.push_str(&self.number(*n)),
                Some((_, Value::Text(text))) => said.push_str(text),
                None => {}
            }
            rest = behind;
        }
        said.push_str(rest);
        said
    }

    /// What stands before and behind the one name in braces of a message.
    pub(crate) fn around(self, key: &str) -> (&'static str, &'static str) {
        let (before, rest) = self.t(key).split_once('{').unwrap_or_default();
        (before, rest.split_once('}').unwrap_or_default().1)
    }

    /// The number of live users in words, as the element has them.
    pub(crate) fn users_live(self, live_users: u64, is_unsure: bool) -> String {
        let key = if is_unsure { "element.unsure" } else { "element.live" };
        self.with(key, &[("n", Value::Number(live_users))])
    }

    /// What the server says in English of trouble of its own, in this language; as it is where no message has it,
    /// such as a mistake in the settings. `live-users-server-errors.js` does it in browsers.
    pub(crate) fn of_server(self, text: &str) -> String {
        if let Some((shards, since, why)) = missing_shards(text) {
            let values = [("shards", Value::Text(shards)), ("since", Value::Text(since))];
            let key = "server.shards without a number: {shards} (since {since})";
            let why = why.map(|why| format!(": {}", self.of_server(why))).unwrap_or_default();
            return self.with(key, &values) + &why;
        }
        let rest = text.chars().skip_while(|it| !it.is_ascii_digit());
        let digits: String = rest.take_while(char::is_ascii_digit).collect();
        let key = match digits.parse::<u64>() {
            Ok(_) => format!("server.{}", text.replacen(&digits, "{n}", 1)),
            Err(_) => format!("server.{text}"),
        };
        if find(&key).is_none() {
            return text.to_owned();
        }
        self.with(&key, &[("n", Value::Number(digits.parse().unwrap_or_default()))])
    }

    /// A whole number as browsers write it.
    fn number(self, n: u64) -> String {
        let format = DecimalFormatter::try_new(self.locale().into(), Default::default());
        format.map_or_else(|_| n.to_string(), |format| format.format(&Decimal::from(n)).to_string())
    }

    fn category(self, n: u64) -> PluralCategory {
        let rules = PluralRules::try_new_cardinal(self.locale().into());
        rules.map_or(PluralCategory::Other, |rules| rules.category_for(n))
    }

    fn locale(self) -> Locale {
        let tag = if self.tag() == PSEUDO { TAGS[0] } else { self.tag() };
        tag.parse().expect("the build has read it")
    }

    /// # Panics
    /// If there is no such message. A test holds all keys in the sources against the messages.
    fn forms(self, key: &str) -> Forms {
        find(key).unwrap_or_else(|| panic!("no message {key}"))[self.0]
    }
}

/// Which shards the server says to tell no number, since when, and why if it says so.
fn missing_shards(text: &str) -> Option<(&str, &str, Option<&str>)> {
    let (shards, rest) = text.strip_prefix("shards without a number: ")?.split_once(" (since ")?;
    let (since, why) = rest.split_once(')')?;
    Some((shards, since, why.strip_prefix(": ")))
}

/// A message in all languages.
fn find(key: &str) -> Option<&'static [Forms]> {
    MESSAGES.iter().find(|(it, _)| *it == key).map(|(_, forms)| *forms)
}

impl Display for Html {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

// The build has let no other HTML than `<code>` into a message, and no `&`.
impl askama::filters::HtmlSafe for Html {}

/// The language of a page that is not for others: of its address, of a choice before, or of the browser.
impl FromRequest for Language {
    type Error = Wrong;
    type Future = Ready<Result<Self, Wrong>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let asked = Self::asked(Query::new(request.query_string()));
        ready(asked.map(|it| it.unwrap_or_else(|| Self::of_reader(request))).map_err(Wrong))
    }
}

impl fmt::Debug for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

impl Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl ResponseError for Wrong {
    fn error_response(&self) -> HttpResponse {
        wrong_parameter(self.0.clone())
    }
}

/// The longest part of a tag between two hyphens (RFC 5646).
const SUBTAG_CHARS_MAX: usize = 8;

/// The language of a tag: of `de-AT`, German. `None` for one that there is not, and for what is no tag.
fn of_tag(tag: &str) -> Option<Language> {
    let find = |wanted: &str| TAGS.iter().position(|it| it.eq_ignore_ascii_case(wanted));
    let is_subtag = |it: &str| {
        (1..=SUBTAG_CHARS_MAX).contains(&it.len()) && it.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    let primary = tag.split('-').next().filter(|_| tag.split('-').all(is_subtag))?;
    find(tag).or_else(|| find(primary)).map(Language)
}

/// This path of ours, in the language that the address of the request asks for, if it does.
pub(crate) fn kept(request: &HttpRequest, path: &str) -> String {
    let asked = Language::asked(Query::new(request.query_string()));
    let Ok(Some(language)) = asked else { return path.to_owned() };
    let path = without(path);
    let (path, fragment) = path.find('#').map_or((&*path, ""), |at| path.split_at(at));
    let join = if path.contains('?') { '&' } else { '?' };
    format!("{path}{join}{PARAMETER}={}{fragment}", language.tag())
}

/// This path without the language that it asks for.
pub(crate) fn without(path: &str) -> String {
    let (rest, fragment) = path.find('#').map_or((path, ""), |at| path.split_at(at));
    let Some((path, query)) = rest.split_once('?') else { return path.to_owned() };
    let is_kept = |pair: &&str| pair.split('=').next() != Some(PARAMETER);
    let query = query.split('&').filter(is_kept).collect::<Vec<_>>().join("&");
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{path}{mark}{query}{fragment}")
}

#[cfg(test)]
mod tests;
