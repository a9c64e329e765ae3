//! Reads metrics in the text format of Prometheus, strictly.

use std::collections::{BTreeMap, BTreeSet};

/// All figures of a scrape, by their names with labels as they are written.
#[derive(Debug)]
pub struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    /// Reads a whole page.
    ///
    /// # Panics
    /// If a line is not in the format; if a family has not its HELP and TYPE before its figures,
    /// or is not in one piece; if a figure is there twice; if a counter does not end in `_total`,
    /// or a bucket is less than the one before it.
    pub fn parse(text: &str) -> Self {
        assert!(text.is_empty() || text.ends_with('\n'), "the last line has no end");
        let (mut figures, mut families) = (BTreeMap::new(), BTreeSet::new());
        let (mut name, mut kind, mut bucket) = ("", "", 0.0);
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (family, help) = help.split_once(' ').expect("a help");
                let typed = lines.next().expect("a type behind the help");
                let typed = typed.strip_prefix("# TYPE ").expect("a type behind the help");
                let (same, its_kind) = typed.split_once(' ').expect("a kind");
                assert!(same == family && !help.is_empty(), "{line}");
                assert!(families.insert(family.to_owned()), "{family} is in two pieces");
                let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
                assert!(family.chars().all(is_name), "{family}");
                assert!(["counter", "gauge", "histogram"].contains(&its_kind), "{line}");
                assert_eq!(family.ends_with("_total"), its_kind == "counter", "{line}");
                (name, kind, bucket) = (family, its_kind, 0.0);
                continue;
            }
            let (series, value) = line.rsplit_once(' ').expect("a figure");
            let value: f64 = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
            let (sample, labels) = match series.split_once('{') {
                Some((sample, labels)) => (sample, labels.strip_suffix('}').expect("a brace")),
                None => (series, ""),
            };
            check_labels(labels);
            let suffix =
                sample.strip_prefix(name).unwrap_or_else(|| panic!("not of {name}: {line}"));
            match kind {
                "histogram" => assert!(["_bucket", "_sum", "_count"].contains(&suffix), "{line}"),
                _ => assert_eq!(suffix, "", "{line}"),
            }
            if suffix == "_bucket" {
                assert!(value >= bucket && labels.contains("le="), "{line}");
                bucket = value;
            } else {
                // Of each set of labels the sum and the number stand first.
                bucket = 0.0;
            }
            assert!(kind == "gauge" || value >= 0.0, "{line}");
            assert!(figures.insert(series.to_owned(), value).is_none(), "twice: {series}");
        }
        Self(figures)
    }

    /// A figure by its name and labels, such as `a_total{b="c"}`; `None` if it is not there.
    pub fn get(&self, series: &str) -> Option<f64> {
        self.0.get(series).copied()
    }

    /// The names with labels that begin so.
    pub fn names<'a>(&'a self, beginning: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.keys().map(String::as_str).filter(move |name| name.starts_with(beginning))
    }
}

/// `a="b",c="d"`, in which a backslash comes before a backslash, a quote or an n.
fn check_labels(labels: &str) {
    let mut rest = labels;
    while !rest.is_empty() {
        let (name, quoted) = rest.split_once("=\"").expect("a label");
        let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
        assert!(!name.is_empty() && name.chars().all(is_name), "{labels}");
        let mut letters = quoted.char_indices();
        let end = loop {
            match letters.next().expect("a quote at the end") {
                (_, '\\') => {
                    let escaped = letters.next().expect("an escaped letter").1;
                    assert!(['\\', '"', 'n'].contains(&escaped), "{labels}");
                }
                (at, '"') => break at,
                _ => {}
            }
        };
        rest = &quoted[end + 1..];
        rest = if rest.is_empty() { rest } else { rest.strip_prefix(',').expect("a comma") };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# HELP a_total A.\n# TYPE a_total counter\na_total{b=\"c\\\"}, d\"} 2\n\
        # HELP e E.\n# TYPE e gauge\ne -1.5\n# HELP f F.\n# TYPE f histogram\n\
        f_bucket{le=\"1.0\"} 1\nf_bucket{le=\"+Inf\"} 2\nf_sum 3\nf_count 2\n";

    #[test]
    fn figures_are_found_by_name_and_labels() {
        let metrics = Metrics::parse(GOOD);
        assert_eq!(metrics.get("a_total{b=\"c\\\"}, d\"}"), Some(2.0));
        assert_eq!((metrics.get("e"), metrics.get("f_count")), (Some(-1.5), Some(2.0)));
        assert_eq!((metrics.get("g"), metrics.names("f_").count()), (None, 4));
    }

    #[test]
    fn what_is_not_in_the_format_is_refused() {
        for (good, bad) in [
            ("# HELP e E.\n", ""),
            ("# TYPE e gauge\n", ""),
            ("e -1.5", "e -1.5\ne -1.5"),
            ("e -1.5", "e much"),
            ("e -1.5", "a_total 1"),
            ("a_total counter", "a_total histogram"),
            ("e gauge", "e counter"),
            ("c\\\"", "c\\x"),
            ("+Inf\"} 2", "+Inf\"} 0"),
            ("f_count 2\n", "f_count 2"),
        ] {
            assert!(GOOD.contains(good), "{good}");
            let text = GOOD.replace(good, bad);
            assert!(std::panic::catch_unwind(|| Metrics::parse(&text)).is_err(), "{text}");
        }
    }
}
