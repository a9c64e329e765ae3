//! The lines of the report.

use serde::Serialize;
use serde_json::json;

use crate::tell;

/// Everything that was looked at.
#[derive(Debug, Default)]
pub(super) struct Report(Vec<Line>);

#[derive(Debug, Serialize)]
struct Line {
    /// What was looked at: a word for scripts.
    check: &'static str,
    state: State,
    /// What was found.
    text: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    Warning,
    Failed,
}

impl Report {
    /// All is well there.
    pub(super) fn ok(&mut self, check: &'static str, text: impl Into<String>) {
        self.0.push(Line { check, state: State::Ok, text: text.into(), remedy: None });
    }

    /// The number may be worse for it.
    pub(super) fn warning(
        &mut self,
        check: &'static str,
        text: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let remedy = Some(remedy.into());
        self.0.push(Line { check, state: State::Warning, text: text.into(), remedy });
    }

    /// It does not work.
    pub(super) fn failed(
        &mut self,
        check: &'static str,
        text: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let remedy = Some(remedy.into());
        self.0.push(Line { check, state: State::Failed, text: text.into(), remedy });
    }

    /// Whether anything does not work.
    pub(super) fn has_failed(&self) -> bool {
        self.n(State::Failed) > 0
    }

    /// For programs: `{"ok": true, "checks": [{"check", "state", "text", "remedy"}]}`.
    pub(super) fn json(&self) -> String {
        json!({"ok": !self.has_failed(), "checks": self.0}).to_string()
    }

    /// For people: one line for each, and the remedy below it.
    pub(super) fn show(&self) {
        for Line { check, state, text, remedy } in &self.0 {
            let state = match state {
                State::Ok => "ok     ",
                State::Warning => "WARNING",
                State::Failed => "FAILED ",
            };
            tell(format_args!("{state}  {check:<10}  {text}"));
            if let Some(remedy) = remedy {
                tell(format_args!("                     -> {remedy}"));
            }
        }
        tell(format_args!("\n{}", self.sums()));
    }

    fn sums(&self) -> String {
        let (failed, warnings) = (self.n(State::Failed), self.n(State::Warning));
        let s = |n: usize| if n == 1 { "" } else { "s" };
        let n = self.0.len();
        format!("{n} check{}: {failed} failed, {warnings} warning{}.", s(n), s(warnings))
    }

    fn n(&self, state: State) -> usize {
        self.0.iter().filter(|line| line.state == state).count()
    }
}

/// An age as people say it.
pub(super) fn ago(ms: u64) -> String {
    format!("{} ago", span(ms))
}

/// A span of time as people say it.
pub(super) fn span(ms: u64) -> String {
    match ms / 1000 {
        s @ 0..120 => format!("{s} s"),
        s @ 120..7200 => format!("{} min", s / 60),
        s => format!("{} h", s / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_in_the_unit_of_people() {
        let told = [0, 119_999, 120_000, 7_199_999, 7_200_000].map(span);
        assert_eq!(told, ["0 s", "119 s", "2 min", "119 min", "2 h"]);
    }

    #[test]
    fn a_warning_is_no_failure() {
        let mut report = Report::default();
        report.ok("a", "fine");
        assert_eq!(report.sums(), "1 check: 0 failed, 0 warnings.");
        report.warning("b", "may be", "look");
        assert!(!report.has_failed());
        assert_eq!(report.sums(), "2 checks: 0 failed, 1 warning.");
        report.failed("c", "broken", "mend");
        assert!(report.has_failed());
        let expected = r#"{"checks":[{"check":"a","state":"ok","text":"fine"},{"check":"b","remedy":"look","state":"warning","text":"may be"},{"check":"c","remedy":"mend","state":"failed","text":"broken"}],"ok":false}"#;
        let told: serde_json::Value = serde_json::from_str(&report.json()).unwrap();
        assert_eq!(told, serde_json::from_str::<serde_json::Value>(expected).unwrap());
    }
}
