//! Which messages count: single cases, and any order against the plain rule.

use proptest::prelude::*;

use super::super::history::count_from_known;
use super::*;

fn outline(message: u64, taken_ms: u64, known: End, rule: Rule, count: u64) -> Outline {
    let crc = u32::try_from(message).unwrap();
    Outline { message, taken_ms, crc, head: Head { known, rule, count } }
}

fn ordered(writer: u64, counter: u64, made_ms: u64) -> Rule {
    Rule::Ordered { writer, counter, made_ms }
}

/// Takes a message of two records, which comes next.
fn take(order: &mut Order, taken_ms: u64, known: End, rule: Rule) -> Verdict {
    let message = order.end.message + 1;
    order.take(&outline(message, taken_ms, known, rule, 2))
}

/// As [`take`], of a writer that knows all before it.
fn take_next(order: &mut Order, taken_ms: u64, rule: Rule) -> Verdict {
    let known = order.end;
    take(order, taken_ms, known, rule)
}

const fn counts(first_seq: u64, at_ms: u64) -> Verdict {
    Verdict::Counts { first_seq, at_ms }
}

#[test]
fn messages_count_wherever_they_are_stored_and_their_copies_do_not() {
    let mut order = Order::default();
    let none = End::default();
    assert_eq!(take(&mut order, 10, none, ordered(1, 1, 10)), counts(1, 10));
    assert_eq!(take(&mut order, 11, none, ordered(2, 1, 10)), counts(3, 11));
    assert_eq!(take(&mut order, 12, none, ordered(1, 1, 10)), Verdict::Void);
    assert_eq!(take_next(&mut order, 13, ordered(1, 2, 13)), counts(5, 13));
    assert_eq!(take(&mut order, 13, none, ordered(1, 1, 10)), Verdict::Void, "an older one");
    assert_eq!(order.end, End { message: 5, crc: 5, seq: 6, at_ms: 13 });
}

#[test]
fn of_two_messages_with_one_counter_the_first_one_counts() {
    for first in [0, 2] {
        let mut order = Order::default();
        let counts_in = |order: &mut Order, count| {
            let message = order.end.message + 1;
            let outline = outline(message, 5, End::default(), ordered(1, 1, 5), count);
            order.take(&outline) != Verdict::Void
        };
        assert!(counts_in(&mut order, first) && !counts_in(&mut order, 2 - first));
        assert_eq!(order.end.seq, first);
    }
}

#[test]
fn a_message_that_comes_late_is_void() {
    let made_ms = 1_000;
    let taken =
        |taken_ms| take(&mut Order::default(), taken_ms, End::default(), ordered(1, 1, made_ms));
    assert_eq!(taken(made_ms + LATE_MS), counts(1, made_ms + LATE_MS));
    assert_eq!(taken(made_ms + LATE_MS + 1), Verdict::Void);
    assert_eq!(taken(made_ms - 500), counts(1, made_ms - 500), "clocks differ a little");
}

#[test]
fn a_message_far_behind_what_its_writer_knew_is_void() {
    let mut order = Order::default();
    for counter in 1..=WINDOW {
        assert_ne!(take_next(&mut order, 5, ordered(1, counter, 5)), Verdict::Void);
    }
    let mut later = order.clone();
    let known = End { message: 1, crc: 1, seq: 2, at_ms: 5 };
    assert_ne!(take(&mut order, 5, known, ordered(2, 1, 5)), Verdict::Void);
    assert_eq!(take(&mut later, 5, End::default(), ordered(2, 1, 5)), Verdict::Void);
    let not_there = End { message: later.end.message + 1, ..End::default() };
    assert_eq!(take(&mut later, 5, not_there, ordered(3, 1, 5)), Verdict::Void);
}

#[test]
fn time_does_not_go_back_with_the_clock_of_another_server() {
    let mut order = Order::default();
    assert_eq!(take_next(&mut order, 900, ordered(1, 1, 900)), counts(1, 900));
    assert_eq!(take_next(&mut order, 400, ordered(1, 2, 900)), counts(3, 900));
}

#[test]
fn a_log_goes_on_in_the_newer_format() {
    let mut order = Order::default();
    let following = Rule::Following;
    assert_eq!(take_next(&mut order, 5, following), counts(1, 5));
    assert_eq!(take(&mut order, 5, End::default(), following), Verdict::Void, "it came late");
    assert_eq!(take_next(&mut order, 6, following), counts(3, 6));
    assert_eq!(take_next(&mut order, 7, ordered(1, 1, 7)), counts(5, 7));
    assert_eq!(take_next(&mut order, 7, following), counts(7, 7));
}

#[test]
fn what_is_stored_is_the_same_order() {
    let mut order = Order::default();
    for writer in [7, u64::MAX] {
        take_next(&mut order, 5, ordered(writer, 3, 5));
    }
    let stored = serde_json::to_string(&StoredOrder::from(&order)).unwrap();
    let expected =
        r#"{"message":2,"crc":2,"seq":4,"at_ms":5,"writers":[[7,3,1],[18446744073709551615,3,2]]}"#;
    assert_eq!(stored, expected);
    assert_eq!(Order::from(serde_json::from_str::<StoredOrder>(&stored).unwrap()), order);
}

/// Writers as they are, and a service that puts their messages into any order, repeats them and
/// delays them.
#[derive(Default)]
struct World {
    now_ms: u64,
    log: Vec<Outline>,
    /// By the plain rule over the whole log: the end after each message.
    ends: Vec<End>,
    writers: Vec<Writer>,
    /// What was sent. Each may be stored any number of times.
    sent: Vec<Head>,
    drawn: u64,
}

#[derive(Clone, Copy, Default)]
struct Writer {
    id: u64,
    counter: u64,
    /// How many messages it has read.
    read: usize,
    /// It does not know what has become of its last message.
    waits: bool,
}

impl World {
    fn step(&mut self, (what, which): (u8, usize)) {
        let n = which % self.writers.len();
        match what {
            0..40 => self.send(n),
            40..45 => self.cancel(n),
            45..75 => self.read(n, self.log.len()),
            75..80 => self.read(n, self.log.len() - self.log.len() % 3),
            80..81 => self.begin_anew(n),
            81..83 => self.now_ms += which as u64 % 3_000,
            // Most of what is stored was sent just now, and some of it long ago.
            83..88 => self.store(which),
            _ => self.store(self.sent.len().saturating_sub(1 + which % 4)),
        }
    }

    fn begin_anew(&mut self, n: usize) {
        self.drawn += 1;
        self.writers[n] = Writer { id: self.drawn, read: self.log.len(), ..Writer::default() };
    }

    fn make(&mut self, n: usize, count: u64) {
        let Writer { id, counter, read, .. } = self.writers[n];
        let known = read.checked_sub(1).map_or(End::default(), |last| self.ends[last]);
        self.sent.push(Head { known, rule: ordered(id, counter, self.now_ms), count });
    }

    fn send(&mut self, n: usize) {
        if !self.writers[n].waits {
            self.writers[n].waits = true;
            self.writers[n].counter += 1;
            self.make(n, self.drawn % 3 + 1);
        }
    }

    fn cancel(&mut self, n: usize) {
        if self.writers[n].waits {
            self.make(n, 0);
        }
    }

    fn read(&mut self, n: usize, until: usize) {
        let Writer { id, counter, read, .. } = self.writers[n];
        let until = until.max(read);
        let is_own = |it: &Outline| matches!(it.head.rule, Rule::Ordered { writer, counter: c, .. } if (writer, c) == (id, counter));
        if self.log[read..until].iter().any(is_own) {
            self.writers[n].waits = false;
        }
        self.writers[n].read = until;
    }

    fn store(&mut self, which: usize) {
        if self.sent.is_empty() {
            return;
        }
        let head = self.sent[which % self.sent.len()];
        let message = self.log.len() as u64 + 1;
        let before = self.ends.last().copied().unwrap_or_default();
        let Rule::Ordered { writer, counter, made_ms } = head.rule else { unreachable!() };
        let is_repeated = self.log.iter().any(|it| {
            matches!(it.head.rule, Rule::Ordered { writer: w, counter: c, .. } if w == writer && c >= counter)
        });
        let counts = !is_repeated
            && head.known.message < message
            && message - head.known.message <= WINDOW
            && self.now_ms <= made_ms + LATE_MS;
        let crc = u32::try_from(message).unwrap();
        let end = match counts && head.count > 0 {
            true => End { message, crc, seq: before.seq + head.count, at_ms: self.now_ms },
            false => End { message, crc, ..before },
        };
        self.log.push(Outline { message, taken_ms: self.now_ms, crc, head });
        self.ends.push(end);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_replica_numbers_alike_wherever_it_begins(
        writers in 1..6_usize,
        steps in prop::collection::vec((0..100_u8, any::<usize>()), 1..9_000),
        places in prop::collection::vec(any::<prop::sample::Index>(), 8),
    ) {
        let mut world = World { writers: vec![Writer::default(); writers], ..World::default() };
        (0..writers).for_each(|n| world.begin_anew(n));
        steps.into_iter().for_each(|step| world.step(step));
        let mut order = Order::default();
        let mut orders = vec![order.clone()];
        for (outline, end) in world.log.iter().zip(&world.ends) {
            order.take(outline);
            prop_assert_eq!(order.end, *end);
            orders.push(order.clone());
        }
        // Begun anywhere, from the messages of two windows, it goes on as if begun at the first one.
        let two = 2 * usize::try_from(WINDOW).unwrap();
        for place in places {
            let next = place.index(orders.len());
            let Some(from) = next.checked_sub(two) else { continue };
            let until = (next + 1).min(world.log.len());
            let earliest = from as u64 + 1 + WINDOW;
            // Nothing of two windows has to count, and then more are needed.
            if let Some(mut begun) =
                count_from_known(&world.log[from..until], earliest, next as u64 + 1)
            {
                prop_assert_eq!(begun.end, orders[next].end);
                for (outline, end) in world.log[next..].iter().zip(&world.ends[next..]) {
                    begun.take(outline);
                    prop_assert_eq!(begun.end, *end);
                }
            }
            let stored = StoredOrder::from(&orders[next]);
            let mut stored = Order::from(stored);
            for outline in &world.log[next..] {
                stored.take(outline);
            }
            prop_assert_eq!(stored.end, order.end);
        }
    }
}
