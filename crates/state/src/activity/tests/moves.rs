//! What is listed of calls that another agent or account has got.

use super::*;

#[test]
fn a_call_that_moves_to_another_agent_is_listed_with_the_one_that_it_has_left() {
    let of = |agent: &str| Evidence {
        agent: Agent::Id(agent.into()),
        agent_from: AgentFrom::Url,
        said: Said::InProgress,
        ..voice("CA1")
    };
    let mut state = State::default();
    receive(&mut state, T, of("booking"));
    receive(&mut state, T + 1_000, of("support"));
    let moved = newest(&state);
    assert_eq!((moved.what, &moved.agent), (ActivityKind::Moved, &Agent::Id("support".into())));
    assert_eq!(moved.left.as_deref(), Some("booking"));
    let again = snapshot::decode(snapshot::encode(&state)).unwrap();
    assert_eq!(newest(&again), moved);
    // A colleague who takes it over is no other agent.
    receive(
        &mut state,
        T + 2_000,
        Evidence {
            parent: Some(id("CA1")),
            direction: Some(Direction::Dial),
            endpoint: Some(Endpoint::Person),
            ..Evidence::about(id("CA2"), Source::StatusCallback, Said::InProgress)
        },
    );
    assert_eq!((newest(&state).what, newest(&state).left), (ActivityKind::Moved, None));
}

#[test]
fn what_an_agent_and_its_account_have_lost_is_listed_before_an_answer_and_at_an_end_too() {
    let of = |agent: &str, account: &str, from, source, said| Evidence {
        agent: Agent::Id(agent.into()),
        agent_account: Some(account.into()),
        agent_from: from,
        said,
        ..Evidence::about(id("CA1"), source, said)
    };
    let (number, url) = (AgentFrom::Address, AgentFrom::Url);
    let booking = of("booking", "acme", number, Source::StatusCallback, Said::Dialing);
    let goodbye = Said::Over(EndReason::Goodbye);
    for (evidence, what) in [
        (of("support", "zeta", url, Source::Voice, Said::InProgress), ActivityKind::Answered),
        (of("support", "zeta", url, Source::StatusCallback, COMPLETED), ActivityKind::Ended),
        (of("support", "zeta", url, Source::Speech, goodbye), ActivityKind::Ended),
        // It is known better, and nothing else has happened.
        (of("support", "zeta", url, Source::StatusCallback, Said::Dialing), ActivityKind::Moved),
    ] {
        let mut state = State::default();
        receive(&mut state, T, booking.clone());
        receive(&mut state, T + 1_000, evidence.clone());
        let activity = newest(&state);
        assert_eq!((activity.what, activity.party), (what, None));
        assert_eq!(activity.agent, Agent::Id("support".into()), "{what:?}");
        assert_eq!(activity.account.as_deref(), Some("zeta"), "{what:?}");
        assert_eq!(activity.left.as_deref(), Some("booking"), "{what:?}");
        assert_eq!(activity.left_account.as_deref(), Some("acme"), "{what:?}");
        assert_eq!(state.activity_log().list().count(), 2, "{what:?}");
        let again = snapshot::decode(snapshot::encode(&state)).unwrap();
        assert_eq!(newest(&again), activity);
        // Of what comes late nobody is told again.
        receive(&mut state, T + 2_000, evidence);
        assert_eq!(state.activity_log().list().count(), 2, "{what:?}");
    }
}

#[test]
fn an_agent_and_an_account_that_become_known_alone_are_listed_before_the_end() {
    let of = |agent: Agent, account: Option<&str>, from| Evidence {
        agent,
        agent_account: account.map(Arc::from),
        agent_from: from,
        ..Evidence::about(id("CA1"), Source::StatusCallback, Said::Dialing)
    };
    let (number, desk) = (Agent::Address("+15005550099".into()), agent("desk"));
    let (at_number, at_url) = (AgentFrom::Address, AgentFrom::Url);
    for (first, then) in [
        (of(number, None, at_number), of(agent("booking"), Some("acme"), at_url)),
        (of(Agent::Unknown, None, at_number), of(agent("booking"), None, at_url)),
        // The file has given its agent an account.
        (of(desk.clone(), None, at_number), of(desk, Some("acme"), at_number)),
    ] {
        let mut state = State::default();
        receive(&mut state, T, first);
        for again in [1_000, 2_000] {
            receive(&mut state, T + again, then.clone());
            let Activity { what, agent, account, left, left_account, .. } = newest(&state);
            assert_eq!((what, agent), (ActivityKind::Moved, then.agent.clone()));
            assert_eq!((account, left, left_account), (then.agent_account.clone(), None, None));
            assert_eq!(state.activity_log().list().count(), 2, "once");
        }
    }
}

#[test]
fn a_call_that_was_held_for_a_colleagues_and_is_another_agents_has_left_the_first_one() {
    let of = |agent: &str, account: &str, source, said| Evidence {
        agent: Agent::Id(agent.into()),
        agent_account: Some(account.into()),
        agent_from: AgentFrom::Url,
        direction: Some(Direction::Outbound),
        endpoint: Some(Endpoint::Person),
        said,
        ..Evidence::about(id("CA2"), source, said)
    };
    let booking = |said| of("booking", "acme", Source::StatusCallback, said);
    for (account, name) in [("acme", "booking"), ("zeta", "support")] {
        let mut state = State::default();
        receive(&mut state, T, voice("CA1"));
        receive(&mut state, T + 1_000, booking(Said::Dialing));
        // The agent has a caller, so whoever answers may be a colleague.
        receive(&mut state, T + 2_000, booking(Said::InProgress));
        let call = || state.tracker().call(&id("CA2")).unwrap();
        assert!(call().details.is_colleague && call().party.is_none(), "{name}");
        assert_eq!(newest(&state).what, ActivityKind::Started);
        receive(&mut state, T + 3_000, of(name, account, Source::Voice, Said::InProgress));
        let call = state.tracker().call(&id("CA2")).unwrap();
        assert!(!call.details.is_colleague && call.party.is_some(), "{name}");
        let activity = newest(&state);
        let left = (activity.left.as_deref(), activity.left_account.as_deref());
        if name == "booking" {
            assert_eq!((activity.what, left), (ActivityKind::Started, (None, None)));
        } else {
            assert_eq!((activity.what, activity.party), (ActivityKind::Moved, None));
            assert_eq!(activity.agent, agent("support"));
            assert_eq!(left, (Some("booking"), Some("acme")));
        }
    }
}
