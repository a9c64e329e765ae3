//! The page *Existing Agents*. What is on it is drawn in the browser.

/// Where it is.
pub(crate) const PATH: &str = "/admin/existing-agents";

/// With the names under which its files are served.
const HTML: &str = include_str!(concat!(env!("OUT_DIR"), "/page.html"));

/// The element with the number at the top.
const NUMBER: &str = "<live-users ";

/// The page as HTML. Who sees a part of the calls gets the number of that part at the top, and everybody
/// else the total.
pub(crate) fn html(is_scoped: bool) -> String {
    match is_scoped {
        true => HTML.replacen(NUMBER, &format!("{NUMBER}summary "), 1),
        false => HTML.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_page_of_a_scope_has_the_number_of_the_summary() {
        assert_eq!(HTML.matches(NUMBER).count(), 1);
        assert!(html(true).contains("<live-users summary ") && !html(false).contains(" summary "));
    }
}
