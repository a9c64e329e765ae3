//! Sums up what all test programs of one run say about themselves.

use std::fmt;

use anyhow::{Result, ensure};

/// The sum of all `test result:` lines.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Tally {
    /// Takes in one line of output; only `test result:` lines count.
    pub(super) fn read(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else { return };
        let words: Vec<&str> = result.split([' ', ';', '.']).filter(|it| !it.is_empty()).collect();
        for pair in words.windows(2) {
            let Ok(n) = pair[0].parse::<u64>() else { continue };
            match pair[1] {
                "passed" => self.passed += n,
                "failed" => self.failed += n,
                "ignored" => self.ignored += n,
                _ => {}
            }
        }
    }

    /// A run that proves nothing, or leaves something out, has not passed.
    pub(super) fn judge(&self) -> Result<()> {
        ensure!(self.failed == 0, "{} failed", self.failed);
        ensure!(self.ignored == 0, "{} ignored: repair or remove them", self.ignored);
        ensure!(self.passed > 0, "no test ran");
        Ok(())
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(lines: &[&str]) -> Tally {
        let mut tally = Tally::default();
        lines.iter().for_each(|line| tally.read(line));
        tally
    }

    #[test]
    fn all_programs_of_a_run_are_summed_up() {
        let run = tally(&[
            "test result: ok. 1 passed",
            "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out; \
             finished in 0.01s",
            "test it_says::test_result ... ok",
            "   test result: ok. 100 passed; 0 failed",
            "test result: FAILED. 7 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out",
        ]);
        assert_eq!(run, Tally { passed: 20, failed: 2, ignored: 0 });
        assert_eq!(run.to_string(), "20 passed, 2 failed");
        assert!(run.judge().is_err());
    }

    #[test]
    fn only_a_run_in_which_all_tests_passed_is_good() {
        assert!(tally(&["test result: ok. 3 passed; 0 failed; 0 ignored"]).judge().is_ok());
        assert!(tally(&["test result: ok. 3 passed; 0 failed; 1 ignored"]).judge().is_err());
        assert!(tally(&["test result: ok. 0 passed; 0 failed; 0 ignored"]).judge().is_err());
        assert!(tally(&[]).judge().is_err());
    }
}
