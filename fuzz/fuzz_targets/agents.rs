//! `agents.toml` is read without a panic. What is wrong is named.

#![no_main]

use live_users_intake::agents::Agents;

libfuzzer_sys::fuzz_target!(|text: &str| {
    let (agents, mistakes) = Agents::parse(text);
    assert!(mistakes.iter().all(|mistake| !mistake.is_empty()));
    for agent in agents.iter() {
        assert!(agents.by_id(&agent.id).is_some());
    }
});
