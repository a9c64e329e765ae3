//! Whether a caller says goodbye, or only talks about it.
//!
//! The rule. An utterance ends the call when a farewell phrase (`goodbye`, `good bye` and
//! `hang up` unless `FAREWELL_PHRASES` says otherwise) stands in it as whole words, in any case
//! and with any punctuation, at least once in a way that is meant:
//!
//! 1. Clauses are looked at one by one; `. ! ? ; : ,` and a dash end a clause. A transcript may
//!    have no punctuation at all. A clause that is nothing but the phrase is always meant:
//!    "Goodbye?".
//! 2. **Negated**: not meant when a negation (`don't`, `not`, `never`, `without`, ...) comes before
//!    the phrase with nothing but linking words between them: "don't you dare hang up", "I never
//!    said goodbye". "I don't need anything else goodbye" is not negated, since "anything else" is
//!    no linking word. A greeting cannot be negated but by `not`, `never` and `without`, unless
//!    somebody "says" it: "no I don't goodbye" is meant.
//! 3. **Asked about**: not meant when the clause begins with a question word (`how`, `what`, `is`,
//!    ...), when one comes before the phrase with nothing but linking words between ("tell me how
//!    to say goodbye", "before I hang up"), or when the clause ends in a question mark. A request
//!    is no question: "could you hang up, please?" is meant.
//! 4. **Talked about**: not meant as a thing with an article before it ("a goodbye present"), as
//!    what others do ("they always hang up on me", "she said goodbye"), or as a word ("goodbye in
//!    French", "goodbye is a sad word", "say goodbye to my mother for me").
//!
//! In doubt the call goes on: a caller who is cut off has been wronged, one who is not says it
//! again or hangs up. The table in `farewell/tests.rs` holds the rule.

/// The phrases that end a call, as lists of words in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Farewell {
    phrases: Vec<Vec<String>>,
}

const DEFAULT_PHRASES: &str = "goodbye, good bye, hang up";

/// Begin a phrase that is something to do; any other phrase is a greeting.
const DEEDS: &[&str] = &["cut", "disconnect", "drop", "end", "finish", "hang", "quit", "stop"];

/// Turn what follows into its opposite.
const NEGATIONS: &[&str] = &[
    "not",
    "never",
    "without",
    "don't",
    "dont",
    "doesn't",
    "didn't",
    "didnt",
    "won't",
    "wont",
    "can't",
    "cant",
    "cannot",
    "couldn't",
    "wouldn't",
    "shouldn't",
    "isn't",
    "wasn't",
    "haven't",
    "hasn't",
    "nobody",
    "refuse",
];

/// Negate a greeting too.
const STRONG_NEGATIONS: &[&str] = &["not", "never", "without"];

/// Make a greeting something that is done.
const SAYING: &[&str] = &["mean", "meant", "said", "say", "saying", "says", "tell", "telling"];

/// May stand between the phrase and the word that decides about it.
const LINKS: &[&str] = &[
    "a", "actually", "all", "and", "anyone", "be", "dare", "even", "ever", "get", "going", "gonna",
    "have", "he", "her", "him", "i", "it", "just", "let", "like", "me", "mean", "meant", "my",
    "on", "please", "quite", "really", "said", "say", "saying", "says", "she", "so", "tell",
    "telling", "that", "the", "them", "they", "think", "to", "try", "trying", "us", "wanna",
    "want", "wanted", "we", "wish", "would", "you", "your",
];

/// Make a question of the clause that they begin, or of the phrase that follows.
const QUESTIONS: &[&str] = &[
    "after", "am", "are", "before", "did", "do", "does", "had", "how", "how's", "if", "is",
    "should", "unless", "until", "was", "were", "what", "what's", "whats", "when", "whenever",
    "where", "whether", "which", "while", "who", "who's", "whose", "why",
];

/// May stand before the first word of a question.
const FILLERS: &[&str] = &[
    "and", "but", "hey", "hi", "hm", "oh", "ok", "okay", "please", "so", "sorry", "uh", "um",
    "well",
];

/// Begin a request, when "you" follows: a question in form only.
const REQUESTS: &[&str] = &["can", "could", "will", "would"];

/// Make a thing of the phrase that follows.
const ARTICLES: &[&str] = &[
    "a", "an", "another", "any", "every", "his", "its", "my", "of", "our", "the", "their", "word",
    "words", "your",
];

/// Others, of whom the phrase may be told.
const OTHERS: &[&str] =
    &["callers", "customers", "everybody", "everyone", "he", "people", "she", "they"];

/// May stand between others and what they do.
const HABITS: &[&str] = &["all", "always", "just", "often", "only", "sometimes", "usually"];

/// Show that the phrase before them is a word or a message to somebody else.
const MENTIONS: &[&str] = &["are", "in", "is", "isn't", "means", "sounds", "to", "was", "were"];

impl Default for Farewell {
    fn default() -> Self {
        Self::of(DEFAULT_PHRASES.split(','))
    }
}

impl Farewell {
    /// These phrases, without those that have no word in them; the default ones if none has.
    pub fn of<'a>(phrases: impl IntoIterator<Item = &'a str>) -> Self {
        let phrases: Vec<_> = phrases.into_iter().map(words).filter(|p| !p.is_empty()).collect();
        if phrases.is_empty() { Self::default() } else { Self { phrases } }
    }

    /// Whether this utterance ends the call.
    pub fn is_meant(&self, utterance: &str) -> bool {
        clauses(utterance).any(|clause| {
            self.phrases.iter().any(|phrase| {
                let places = clause.words.windows(phrase.len()).enumerate();
                let here = places.filter(|(_, words)| words == phrase).map(|(at, _)| at);
                here.into_iter().any(|at| clause.means(at, phrase.len()))
            })
        })
    }
}

/// A part of an utterance, in lower case words.
struct Clause {
    words: Vec<String>,
    asks: bool,
}

impl Clause {
    /// Whether the phrase of `len` words at `at` is meant.
    fn means(&self, at: usize, len: usize) -> bool {
        let (before, after) = (&self.words[..at], &self.words[at + len..]);
        if before.is_empty() && after.is_empty() {
            return true;
        }
        let deed = is_in(DEEDS, &self.words[at]);
        !(is_negated(before, deed) || self.is_asked(before) || is_talked_about(before, after, deed))
    }

    fn is_asked(&self, before: &[String]) -> bool {
        let request = before.windows(2).any(|pair| is_in(REQUESTS, &pair[0]) && pair[1] == "you");
        let mut first = before.iter().skip_while(|word| is_in(FILLERS, word));
        let begins = first.next().is_some_and(|word| is_in(QUESTIONS, word));
        let decides = before_links(before).0.is_some_and(|word| is_in(QUESTIONS, word));
        begins || decides || (self.asks && !request)
    }
}

/// The last word that is no link, if any, and the links behind it.
fn before_links(before: &[String]) -> (Option<&String>, &[String]) {
    let from = before.iter().rposition(|word| !is_in(LINKS, word));
    match from {
        Some(at) => (Some(&before[at]), &before[at + 1..]),
        None => (None, before),
    }
}

fn is_negated(before: &[String], deed: bool) -> bool {
    let (Some(word), links) = before_links(before) else { return false };
    let said = links.iter().any(|link| is_in(SAYING, link));
    is_in(NEGATIONS, word) && (deed || said || is_in(STRONG_NEGATIONS, word))
}

fn is_talked_about(before: &[String], after: &[String], deed: bool) -> bool {
    let thing = before.last().is_some_and(|word| is_in(ARTICLES, word));
    let saying = before.last().is_some_and(|word| is_in(SAYING, word));
    let doing = |word: &&String| !is_in(HABITS, word) && !is_in(SAYING, word);
    let others = before.iter().rfind(doing).is_some_and(|word| is_in(OTHERS, word));
    let mention = after.first().is_some_and(|word| is_in(MENTIONS, word));
    thing || (others && (deed || saying)) || mention
}

fn is_in(list: &[&str], word: &str) -> bool {
    list.contains(&word)
}

fn clauses(utterance: &str) -> impl Iterator<Item = Clause> {
    let ends_clause =
        |c: char| matches!(c, '.' | '!' | '?' | ';' | ':' | ',' | '\u{2014}' | '\u{2013}');
    utterance
        .split_inclusive(ends_clause)
        .map(|part| Clause { words: words(part), asks: part.ends_with('?') })
}

/// The words of a text in lower case. An apostrophe belongs to its word, whichever way it is set.
fn words(text: &str) -> Vec<String> {
    let text = text.replace(['\u{2019}', '\u{2018}', '\u{2bc}'], "'").to_lowercase();
    let between = |c: char| !c.is_alphanumeric() && c != '\'';
    let words = text.split(between).map(|word| word.trim_matches('\''));
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
