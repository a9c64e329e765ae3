//! The table of the document says what the kinds tell.

use live_users_sources::{Basis, KINDS};

#[test]
fn the_document_has_a_true_row_for_each_kind() {
    let document = include_str!("../../../docs/SOURCES.md");
    let word = |basis| match basis {
        Basis::Event => "event",
        Basis::Derived => "derived",
        Basis::Untold => "untold",
    };
    for kind in KINDS {
        let tells = kind.tells;
        let cells = [tells.start, tells.answer, tells.hand_over, tells.end].map(word);
        let row = format!("| `{}` | {} |", kind.name, cells.join(" | "));
        assert!(document.contains(&row), "docs/SOURCES.md lacks: {row}");
    }
}
