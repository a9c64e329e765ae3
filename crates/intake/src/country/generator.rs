//! Makes the table of prefixes from the library that knows the ranges.
//!
//! Where one country has a calling code, the library gives all its numbers to that country. The
//! other codes are explored digit by digit, and that is complete and not a sample. What the library
//! says of a number depends on its length and on which patterns of the metadata it matches, so one
//! automaton runs all patterns of a calling code. Numbers of the same length that match the same
//! patterns are the same to the library, and it is asked about one of them. Whatever the metadata
//! says, an answer is always the library's own.
//!
//! A prefix is split only where two countries have numbers under it, up to the last digit if need
//! be. A prefix with numbers of one country belongs to it, unused numbers included. A prefix without
//! a valid number has the library's answer if that is the same for all numbers, and else no country.
//! Where numbers of two countries begin alike and only their lengths differ, the longest ones decide,
//! and a rule for one length is the exception.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::Path;
use std::process::Command;

use live_users_core::Country;
use prost::Message;
use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::util::{primitives::StateID, start, syntax};
use regex_automata::{Anchored, MatchKind};
use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneMetadata, PhoneMetadataCollection, PhoneNumber};

use super::DIGITS;

const ABOUT: &str = "\
# Which country a phone number belongs to: PREFIX COUNTRY, sorted. Of the lines that fit a number the
# last one decides. The country - is none. A line may end in MIN-MAX: it fits only numbers with so
# many digits, the prefix among them, and so do all lines of the same calling code without their own.
";

/// The whole file.
pub(super) fn table() -> String {
    let library = Library::find();
    let mut rules = Vec::new();
    for code in PHONE_NUMBER_UTIL.get_supported_calling_codes() {
        let regions: Vec<_> = PHONE_NUMBER_UTIL
            .get_regions_for_country_calling_code(code)
            .into_iter()
            .flatten()
            .map(|region| region.as_region_str().as_str().to_owned())
            .collect();
        match &regions[..] {
            [region] => rules.extend(Country::parse(region).map(|it| format!("{code} {it}"))),
            _ => SharedCode::new(code, &library.metadata).write(&mut rules),
        }
    }
    // Stable: an exception stays behind the rule that it is from.
    rules.sort_by(|a, b| a.split(' ').next().cmp(&b.split(' ').next()));
    let version = library.version;
    format!(
        "{ABOUT}# Source: metadata of Google's libphonenumber (Apache-2.0), through rlibphonenumber \
         {version}.\n# A test of the country writes this file: see CONTRIBUTING.md.\n{}\n",
        rules.join("\n")
    )
}

/// The metadata that is compiled into the library, which does not show it. Its file is in the
/// package's sources.
struct Library {
    version: String,
    metadata: Vec<PhoneMetadata>,
}

impl Library {
    fn find() -> Self {
        let packages = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version=1", "--locked", "--filter-platform=host-tuple"])
            .arg(concat!("--manifest-path=", env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
            .output()
            .expect("cargo runs");
        assert!(packages.status.success(), "{}", String::from_utf8_lossy(&packages.stderr));
        let packages: serde_json::Value = serde_json::from_slice(&packages.stdout).unwrap();
        let mut packages = packages["packages"].as_array().unwrap().iter();
        let package = packages.find(|package| package["name"] == "rlibphonenumber").unwrap();
        let manifest = package["manifest_path"].as_str().unwrap();
        let file = Path::new(manifest).with_file_name("src/generated/metadata/metadata.bin");
        let bytes = fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        Self {
            version: package["version"].as_str().unwrap().to_owned(),
            metadata: PhoneMetadataCollection::decode(&bytes[..]).unwrap().metadata,
        }
    }
}

/// The patterns that decide whether and to whom a number belongs.
#[expect(deprecated, reason = "only the library's own wrapper leaves these fields empty")]
fn patterns(region: &PhoneMetadata) -> impl Iterator<Item = String> + '_ {
    let kinds = [
        &region.general_desc,
        &region.fixed_line,
        &region.mobile,
        &region.toll_free,
        &region.premium_rate,
        &region.shared_cost,
        &region.personal_number,
        &region.voip,
        &region.pager,
        &region.uan,
        &region.voicemail,
    ];
    let whole = kinds.into_iter().flatten().filter_map(|kind| kind.national_number_pattern.clone());
    let leading = region.leading_digits.iter().map(|digits| format!("(?:{digits})[0-9]*"));
    whole.chain(leading)
}

/// What the library says of a number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Answer {
    country: Option<Country>,
    valid: bool,
}

/// A calling code of several countries.
struct SharedCode {
    code: i32,
    automaton: dense::DFA<Vec<u32>>,
    /// By the length of a national number and the patterns that it matches.
    answers: HashMap<(usize, Vec<usize>), Answer>,
    /// The countries under a prefix, by the automaton's state after it, the prefix's length and the
    /// number's length.
    countries: HashMap<(StateID, usize, usize), BTreeSet<Answer>>,
    /// The lengths of valid national numbers, without those that are exceptions.
    lengths: BTreeSet<usize>,
}

/// A prefix, and the ten that are a digit longer if the countries below it differ.
struct Node {
    /// The answers for this prefix that take the fewest rules below it.
    best: BTreeSet<Option<Country>>,
    /// Lengths of national numbers that have another answer.
    exceptions: Vec<(usize, Country)>,
    next: Vec<Node>,
}

impl SharedCode {
    fn new(code: i32, metadata: &[PhoneMetadata]) -> Self {
        let regions = metadata.iter().filter(|region| region.country_code == Some(code));
        let patterns: BTreeSet<_> = regions.flat_map(patterns).collect();
        let patterns: Vec<_> = patterns.into_iter().collect();
        let automaton = dense::Builder::new()
            .configure(
                dense::Config::new().match_kind(MatchKind::All).start_kind(StartKind::Anchored),
            )
            .syntax(syntax::Config::new().unicode(false).utf8(false))
            .build_many(&patterns)
            .unwrap();
        Self {
            code,
            automaton,
            answers: HashMap::new(),
            countries: HashMap::new(),
            lengths: BTreeSet::new(),
        }
    }

    fn longest(&self) -> usize {
        DIGITS.end() - self.code.to_string().len()
    }

    fn start(&self) -> StateID {
        let anchored = start::Config::new().anchored(Anchored::Yes);
        self.automaton.start_state(&anchored).unwrap()
    }

    fn ask(&mut self, national: &str, state: StateID) -> Answer {
        let end = self.automaton.next_eoi_state(state);
        let matches = if self.automaton.is_match_state(end) {
            let count = self.automaton.match_len(end);
            (0..count).map(|index| self.automaton.match_pattern(end, index).as_usize()).collect()
        } else {
            Vec::new()
        };
        let code = self.code;
        let known = self.answers.entry((national.len(), matches));
        *known.or_insert_with(|| library_answer(code, national))
    }

    fn countries(
        &mut self,
        prefix: &mut String,
        state: StateID,
        length: usize,
    ) -> BTreeSet<Answer> {
        if prefix.len() == length {
            return BTreeSet::from([self.ask(prefix, state)]);
        }
        let key = (state, prefix.len(), length);
        if let Some(known) = self.countries.get(&key) {
            return known.clone();
        }
        let mut found = BTreeSet::new();
        for digit in '0'..='9' {
            prefix.push(digit);
            let next = self.automaton.next_state(state, digit as u8);
            found.extend(self.countries(prefix, next, length));
            prefix.pop();
        }
        self.countries.insert(key, found.clone());
        found
    }

    fn explore(&mut self, prefix: &mut String, state: StateID) -> Node {
        let mut valid = BTreeMap::<usize, BTreeSet<Country>>::new();
        let mut any = BTreeSet::new();
        for length in prefix.len().max(1)..=self.longest() {
            let found = self.countries(prefix, state, length);
            let here: BTreeSet<_> =
                found.iter().filter(|it| it.valid).filter_map(|it| it.country).collect();
            if !here.is_empty() {
                valid.insert(length, here);
            }
            any.extend(found.into_iter().map(|answer| answer.country));
        }
        let countries: BTreeSet<_> = valid.values().flatten().copied().collect();
        if countries.len() < 2 {
            self.lengths.extend(valid.into_keys());
            let unused = if any.len() == 1 { any.first().copied().flatten() } else { None };
            return Node::leaf(countries.first().copied().or(unused));
        }
        if valid.values().all(|here| here.len() == 1) {
            let mut by_length = valid
                .into_iter()
                .flat_map(|(length, here)| here.into_iter().map(move |country| (length, country)));
            let (longest, country) = by_length.next_back().expect("two lengths differ");
            let (same, exceptions): (Vec<_>, _) = by_length.partition(|(_, it)| *it == country);
            self.lengths.extend(same.into_iter().map(|(length, _)| length).chain([longest]));
            return Node { exceptions, ..Node::leaf(Some(country)) };
        }
        let own = valid.get(&prefix.len()).and_then(|here| here.first());
        let exceptions = own.map(|country| (prefix.len(), *country)).into_iter().collect();
        let mut next = Vec::new();
        for digit in '0'..='9' {
            prefix.push(digit);
            let state = self.automaton.next_state(state, digit as u8);
            next.push(self.explore(prefix, state));
            prefix.pop();
        }
        Node { best: most_frequent(&next), exceptions, next }
    }

    /// The rules of this calling code: the first one with the lengths, and then the fewest.
    fn write(mut self, rules: &mut Vec<String>) {
        let start = self.start();
        let root = self.explore(&mut String::new(), start);
        let code = self.code.to_string();
        let digits = |length: Option<&usize>| code.len() + length.expect("some number is valid");
        let (min, max) = (digits(self.lengths.first()), digits(self.lengths.last()));
        let country = root.choose(None);
        rules.push(format!("{code} {} {min}-{max}", word(country)));
        root.write(code.len(), &mut code.clone(), country, rules);
    }
}

/// The answers that suit most of these prefixes. The prefix above takes one of them and the others
/// take a rule, so no other answer there makes fewer rules (the algorithm is known as ORTC).
fn most_frequent(next: &[Node]) -> BTreeSet<Option<Country>> {
    let mut counts = BTreeMap::<_, usize>::new();
    for country in next.iter().flat_map(|node| &node.best) {
        *counts.entry(*country).or_default() += 1;
    }
    let most = counts.values().max().copied();
    counts.retain(|_, count| Some(*count) == most);
    counts.into_keys().collect()
}

impl Node {
    fn leaf(country: Option<Country>) -> Self {
        Self { best: BTreeSet::from([country]), exceptions: Vec::new(), next: Vec::new() }
    }

    /// The answer for this prefix below one with the answer `above`.
    fn choose(&self, above: Option<Country>) -> Option<Country> {
        if self.best.contains(&above) { above } else { self.best.first().copied().flatten() }
    }

    /// The rules below `prefix`, which has one for the country `here`.
    fn write(
        &self,
        code: usize,
        prefix: &mut String,
        here: Option<Country>,
        rules: &mut Vec<String>,
    ) {
        for (length, country) in &self.exceptions {
            let digits = code + length;
            rules.push(format!("{prefix} {country} {digits}-{digits}"));
        }
        for (digit, node) in ('0'..='9').zip(&self.next) {
            prefix.push(digit);
            let country = node.choose(here);
            if country != here {
                rules.push(format!("{prefix} {}", word(country)));
            }
            node.write(code, prefix, country, rules);
            prefix.pop();
        }
    }
}

fn word(country: Option<Country>) -> String {
    country.map_or_else(|| "-".to_owned(), |country| country.to_string())
}

/// Asks the library. The number is put together and not parsed, since that would take off what it
/// holds for a trunk prefix.
fn library_answer(code: i32, national: &str) -> Answer {
    let zeros = national.bytes().take_while(|byte| *byte == b'0').count().min(national.len() - 1);
    let number = PhoneNumber {
        country_code: code,
        national_number: national.parse().unwrap(),
        italian_leading_zero: (zeros > 0).then_some(true),
        number_of_leading_zeros: i32::try_from(zeros).ok().filter(|zeros| *zeros > 1),
        ..PhoneNumber::default()
    };
    let region = PHONE_NUMBER_UTIL.get_region_for_number(&number);
    Answer {
        country: region.and_then(|region| Country::parse(region.as_region_str().as_str())),
        valid: PHONE_NUMBER_UTIL.is_valid_number(&number),
    }
}
