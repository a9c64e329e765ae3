//! Alerts moment by moment.

use live_users_state::record::{Change, Record};
use live_users_state::{State, snapshot};

use super::*;

const FILE: &str = "limit = 40\nat_limit = \"busy\"\n\
    [[agent]]\nid = \"booking\"\nname = \"Bookings\"\ncapacity = 20\n\
    [[source]]\nid = \"app\"\nkind = \"events\"\nsecret_env = \"APP\"\n";

/// A backend that looks at its alerts each second.
struct World {
    agents: Agents,
    evaluator: Evaluator,
    state: State,
    facts: Facts,
    now: Millis,
}

impl World {
    fn with(alert: &str) -> Self {
        let (agents, mistakes) = Agents::parse(&format!("{FILE}[[alert]]\nid = \"a\"\n{alert}\n"));
        assert_eq!(mistakes, [""; 0]);
        let now = Millis(1_000_000);
        let facts = Facts { is_known: true, listening_since: now, ..Facts::default() };
        Self { agents, evaluator: Evaluator::default(), state: State::default(), facts, now }
    }

    /// Looks each second for so long, and returns what was recorded, each with its second.
    fn run(&mut self, seconds: u64) -> Vec<(u64, AlertStep, bool)> {
        let mut told = Vec::new();
        for second in 1..=seconds {
            self.now = Millis(self.now.0 + 1_000);
            let alerts = self.state.alerts().clone();
            for change in self.evaluator.look(self.now, &self.agents, &self.facts, &alerts) {
                told.push((second, change.what, change.told));
                self.state.apply(&Record { at: self.now, change: Change::Alert(change) });
            }
        }
        told
    }

    fn users(&mut self, users: u64) -> &mut Self {
        self.facts.all = Figures { users, calls: users, ..self.facts.all };
        self
    }

    fn value(&self) -> Option<u64> {
        self.state.alerts().news().next_back().and_then(|(_, it)| it.change.value)
    }
}

use AlertStep::{Firing, Removed, Resolved};

#[test]
fn it_fires_when_it_was_so_for_the_window_and_is_over_when_it_is_not() {
    let mut world = World::with("when = \"users\"\nat_least = 50\nfor_seconds = 10");
    assert_eq!(world.users(49).run(60), []);
    assert_eq!(world.users(50).run(10), []);
    assert_eq!(world.users(49).run(1), [], "a break begins the window anew");
    assert_eq!(world.users(53).run(60), [(11, Firing, true)]);
    assert_eq!(world.value(), Some(53));
    assert_eq!(world.users(49).run(60), [(1, Resolved, true)]);
    let mut world = World::with("when = \"users\"\nbelow = 2\nfor_seconds = 0");
    assert_eq!(world.users(2).run(5), []);
    assert_eq!(world.users(1).run(5), [(1, Firing, true)]);
}

#[test]
fn what_nobody_knows_begins_nothing_and_ends_nothing() {
    let mut world = World::with("when = \"users\"\nat_least = 50\nfor_seconds = 10");
    assert_eq!(world.users(50).run(9), []);
    world.facts.is_known = false;
    assert_eq!(world.run(60), []);
    world.facts.is_known = true;
    assert_eq!(world.run(60), [(11, Firing, true)], "it need not have been so meanwhile");
    world.facts.is_known = false;
    assert_eq!(world.users(1).run(60), []);
    world.facts.is_known = true;
    assert_eq!(world.run(2), [(1, Resolved, true)]);
}

#[test]
fn it_is_told_again_after_the_quiet_time_and_not_sooner_however_often_it_begins() {
    let lines = "when = \"users\"\nat_least = 50\nfor_seconds = 0\nrepeat_after_minutes = 10";
    let mut world = World::with(lines);
    assert_eq!(
        world.users(50).run(1_300),
        [(1, Firing, true), (601, Firing, true), (1_201, Firing, true)]
    );
    assert_eq!(world.users(1).run(60), [(1, Resolved, true)]);
    assert_eq!(world.users(50).run(30), [(1, Firing, false)], "the quiet time goes on");
    assert_eq!(world.users(1).run(30), [(1, Resolved, false)], "nobody knows that it began");
    assert_eq!(world.users(50).run(600), [(1, Firing, false), (381, Firing, true)]);
    assert_eq!(world.users(1).run(1), [(1, Resolved, true)]);
}

#[test]
fn a_restart_neither_repeats_nor_forgets() {
    let mut world = World::with("when = \"users\"\nat_least = 50\nfor_seconds = 10");
    assert_eq!(world.users(50).run(60), [(11, Firing, true)]);
    world.evaluator = Evaluator::default();
    world.facts.listening_since = world.now;
    assert_eq!(world.run(60), []);
    world.evaluator = Evaluator::default();
    assert_eq!(world.users(3).run(60), [(1, Resolved, true)]);
}

#[test]
fn shares_are_of_the_agent_or_of_all() {
    let booking = |calls| {
        let figures = Figures { users: calls, calls, suspect: 0, capacity: Some(20) };
        BTreeMap::from([("booking".to_owned(), figures)])
    };
    let lines = "when = \"capacity_share\"\nat_least = 80\nfor_seconds = 0";
    let mut world = World::with(&format!("{lines}\nagent = \"booking\""));
    world.facts.by_agent = booking(15);
    assert_eq!(world.run(2), []);
    world.facts.by_agent = booking(17);
    assert_eq!((world.run(2), world.value()), (vec![(1, Firing, true)], Some(85)));
    let mut world = World::with(lines);
    world.facts.by_agent = booking(20);
    world.facts.all.capacity = Some(40);
    assert_eq!(world.users(31).run(2), []);
    assert_eq!(world.users(32).run(2), [(1, Firing, true)]);
    let lines = "when = \"suspect_share\"\nat_least = 20\nmin_users = 10\nfor_seconds = 0";
    let mut world = World::with(lines);
    world.facts.all.suspect = 9;
    assert_eq!(world.users(9).run(2), [], "too few to say");
    world.facts.all.suspect = 2;
    assert_eq!(world.users(11).run(2), []);
    assert_eq!((world.users(10).run(2), world.value()), (vec![(1, Firing, true)], Some(20)));
    assert_eq!(world.users(0).run(2), [(1, Resolved, true)]);
}

#[test]
fn silence_counts_from_when_we_listen_and_only_while_calls_are_expected() {
    let mut world = World::with("when = \"no_webhooks\"\nfor_seconds = 900");
    world.facts.heard = Some(Millis(10));
    world.facts.expects_calls = true;
    assert_eq!(world.run(899), [], "nobody listened before");
    assert_eq!((world.run(1), world.value()), (vec![(1, Firing, true)], Some(900)));
    world.facts.expects_calls = false;
    assert_eq!(world.run(60), [], "what was missed is still missed");
    // After a restart nothing is known for a while.
    (world.facts.listening_since, world.evaluator) = (world.now, Evaluator::default());
    assert_eq!(world.run(60), []);
    world.facts.heard = Some(world.now);
    assert_eq!(world.run(60), [(1, Resolved, true)]);
    assert_eq!(world.run(2_000), [], "nobody calls");
    world.facts.expects_calls = true;
    assert_eq!(world.run(1), [(1, Firing, false)], "within the quiet time");
}

#[test]
fn a_source_is_silent_on_its_own() {
    let mut world = World::with("when = \"source_silent\"\nsource = \"app\"\nfor_seconds = 60");
    world.facts.expects_calls = true;
    for _ in 0..5 {
        world.facts.heard = Some(world.now);
        world.facts.heard_of.insert("app".to_owned(), world.now);
        assert_eq!(world.run(50), []);
    }
    world.facts.heard = Some(world.now);
    assert_eq!(world.run(50), [(10, Firing, true)]);
    world.facts.heard_of.insert("app".to_owned(), world.now);
    assert_eq!(world.run(1), [(1, Resolved, true)]);
}

#[test]
fn a_referee_fails_where_any_that_is_asked_does() {
    let lines = "when = \"referee_failing\"\nfor_seconds = 0";
    let mut world = World::with(lines);
    assert_eq!(world.run(5), [], "nobody is asked");
    let set = |world: &mut World, id: &str, it| {
        world.facts.failing.insert(id.to_owned(), it);
    };
    set(&mut world, "twilio", None);
    set(&mut world, "app", Some(true));
    assert_eq!((world.run(2), world.value()), (vec![(1, Firing, true)], None));
    set(&mut world, "app", Some(false));
    assert_eq!(world.run(2), [], "of one nobody knows");
    set(&mut world, "twilio", Some(false));
    assert_eq!(world.run(2), [(1, Resolved, true)]);
    world.facts.is_known = false;
    set(&mut world, "twilio", Some(true));
    assert_eq!(world.run(2), [(1, Firing, false)], "it may be why the number is not known");
    let mut world = World::with(&format!("{lines}\nsource = \"twilio\""));
    set(&mut world, "app", Some(true));
    set(&mut world, "twilio", Some(false));
    assert_eq!(world.run(2), []);
}

#[test]
fn a_clock_that_was_ahead_makes_no_alert_quiet_for_so_long() {
    let lines = "when = \"users\"\nat_least = 50\nfor_seconds = 0\nrepeat_after_minutes = 10";
    let mut world = World::with(lines);
    let right = world.now;
    world.now = Millis(right.0 + 400 * live_users_core::DAY_MS);
    assert_eq!(world.users(50).run(2), [(1, Firing, true)]);
    world.now = right;
    assert_eq!(world.run(700), [(1, Firing, true), (601, Firing, true)]);
    assert_eq!(world.users(1).run(1), [(1, Resolved, true)]);
}

#[test]
fn its_end_is_for_whom_was_told_that_it_fires() {
    let lines = "[[hook]]\nid = \"ops\"\nurl = \"https://a.example\"\nsecret_env = \"S\"\n\
                 events = [\"alert\"]\n";
    let alert = "when = \"users\"\nat_least = 50\nfor_seconds = 0\nhooks = [\"ops\"]\n";
    let mut world = World::with(&format!("{alert}{lines}"));
    assert_eq!(world.users(60).run(2), [(1, Firing, true)]);
    world.agents = World::with(&format!("{}{lines}", alert.replace("[\"ops\"]", "[]"))).agents;
    assert_eq!(world.users(1).run(2), [(1, Resolved, true)]);
    let ended = world.state.alerts().news().next_back().unwrap().1;
    assert!(ended.change.is_for("ops", None), "the file names nobody now");
}

#[test]
fn one_that_the_file_has_no_more_is_forgotten_and_a_changed_one_begins_anew() {
    let lines = "when = \"users\"\nat_least = 50\nfor_seconds = 10";
    let mut world = World::with(lines);
    world.users(60).run(5);
    world.agents = World::with(&lines.replace("50", "55")).agents;
    assert_eq!(world.run(12), [(11, Firing, true)]);
    // While it fires, the file gets another rule: that one begins with its own window.
    world.agents = World::with(
        &lines.replace("users", "no_webhooks").replace("at_least = 50\n", "").replace("10", "900"),
    )
    .agents;
    assert_eq!(world.run(5), [(1, Resolved, true)]);
    let (_, ended) = world.state.alerts().news().next_back().unwrap();
    let AlertChange { condition, threshold, value, rule_changed, .. } = &ended.change;
    assert_eq!((&**condition, *threshold, *value, *rule_changed), ("users", Some(55), None, true));
    world.agents = World::with(&lines.replace("50", "58")).agents;
    assert_eq!(world.run(15), [(11, Firing, true)], "no quiet time of the rule before");
    world.agents = World::with(&format!("{}\nhooks = []", lines.replace("50", "58"))).agents;
    assert_eq!(world.run(15), [], "the rule is the same");
    world.agents = Agents::parse(FILE).0;
    assert_eq!(world.run(5), [(1, Removed, false)]);
    assert_eq!(world.state.alerts().status("a"), AlertStatus::default());
}

#[test]
fn a_rule_that_is_changed_while_the_alert_does_not_fire_has_its_own_quiet_time() {
    let lines = "when = \"users\"\nat_least = 50\nfor_seconds = 0\nrepeat_after_minutes = 60";
    let mut world = World::with(lines);
    assert_eq!(world.users(60).run(1), [(1, Firing, true)]);
    assert_eq!(world.users(1).run(1), [(1, Resolved, true)]);
    assert_eq!(world.users(60).run(1), [(1, Firing, false)], "the same rule");
    assert_eq!(world.users(1).run(1), [(1, Resolved, false)]);
    // Also with a snapshot between.
    world.state = snapshot::decode(snapshot::encode(&world.state)).expect("a snapshot");
    world.agents = World::with(&lines.replace("50", "20")).agents;
    assert_eq!(world.users(30).run(1), [(1, Firing, true)], "another rule");
    assert_eq!(world.users(1).run(1), [(1, Resolved, true)]);
    assert_eq!(world.users(30).run(1), [(1, Firing, false)], "and that one is quiet now");
    // What an older program has left tells no rule: then it is quiet, as it was there.
    let mut world = World::with(lines);
    world.users(60).run(1);
    world.users(1).run(1);
    let mut parts = snapshot::encode(&world.state);
    let main = parts.iter_mut().find(|part| part.name == "state").expect("it is always there");
    let mut stored: serde_json::Value = serde_json::from_slice(&main.bytes).expect("JSON");
    let status = &mut stored["alerts"]["alerts"]["a"];
    assert!(status.as_object_mut().expect("an alert").remove("rule").is_some(), "{status}");
    main.bytes = stored.to_string().into_bytes();
    world.state = snapshot::decode(parts).expect("a snapshot");
    world.agents = World::with(&lines.replace("50", "20")).agents;
    assert_eq!(world.users(60).run(1), [(1, Firing, false)]);
}
