//! What the commands say.

use std::fmt::Display;
use std::io::{self, Write};

/// Writes a line for people. A reader that has gone (`| head`) ends nothing: a repair goes on.
pub(super) fn tell(line: impl Display) {
    let _nobody_reads = writeln!(io::stdout(), "{line}");
}
