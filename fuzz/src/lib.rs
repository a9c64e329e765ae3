//! What the fuzz targets share.

use std::sync::LazyLock;

use live_users_intake::agents::Agents;
use live_users_intake::{CallerKey, Farewell, InboundRules};

/// What it takes to read a webhook. It is made once: reading an agents file for each input would take
/// most of the time.
static INTAKE: LazyLock<(Agents, CallerKey, Farewell)> = LazyLock::new(|| {
    let (agents, _) =
        Agents::parse("[[agent]]\nid = \"a\"\nname = \"A\"\nnumbers = [\"+15005550006\"]");
    (agents, CallerKey::derived_from("a token"), Farewell::default())
});

/// The rules by which webhooks are read, with one agent `a`.
pub fn rules() -> InboundRules<'static> {
    let (agents, key, farewell) = &*INTAKE;
    InboundRules { agents, key, farewell, accounts: &[] }
}

/// Takes the first line off, without its end; bytes that are not UTF-8 become U+FFFD.
pub fn line_of(bytes: &mut &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (line, rest) = bytes.split_at(end);
    *bytes = rest.get(1..).unwrap_or_default();
    String::from_utf8_lossy(line).into_owned()
}
