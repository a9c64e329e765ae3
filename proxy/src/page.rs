//! The page *Existing Agents*: the same for everybody. What is on it is drawn in the browser.

/// Where it is.
pub(crate) const PATH: &str = "/admin/existing-agents";

/// The page as HTML.
pub(crate) const HTML: &str = include_str!("../web/page.html");
