//! Whatever happens in whatever order, the same connections are closed and the same requests refused
//! as by the plain model.

use proptest::collection::vec;
use proptest::prelude::*;

use super::model::Model;
use super::*;

/// Something that happens. A connection is named by its place among those that were taken so far.
#[derive(Clone, Debug)]
enum Happening {
    Open(Option<u8>),
    Begin(usize, bool, Option<u8>),
    Answer(usize),
    Stream(usize),
    End(usize, bool),
    /// It was answered at once.
    AtOnce(usize),
    Close(usize),
    Gone(usize),
    Sweep,
    Verify(u8),
    Later(u64),
}

fn happenings() -> impl Strategy<Value = Vec<Happening>> {
    use Happening::*;
    let client = || proptest::option::weighted(0.8, 0_u8..4);
    let place = || 0_usize..12;
    vec(
        prop_oneof![
            6 => client().prop_map(Open),
            8 => (place(), any::<bool>(), proptest::option::weighted(0.4, 0_u8..3))
                .prop_map(|(place, has_body, forwarded)| Begin(place, has_body, forwarded)),
            3 => place().prop_map(Answer),
            3 => place().prop_map(Stream),
            7 => (place(), any::<bool>()).prop_map(|(place, has_rest)| End(place, has_rest)),
            3 => place().prop_map(AtOnce),
            1 => place().prop_map(Close),
            2 => place().prop_map(Gone),
            1 => Just(Sweep),
            1 => (0_u8..4).prop_map(Verify),
            2 => prop_oneof![0_u64..5, 5_u64..200, Just(3_600)].prop_map(Later),
        ],
        1..120,
    )
}

/// Both, and how each names a connection, with whether a request is under way on it.
struct Both {
    server: Server,
    model: Model,
    taken: Vec<(u64, u64, bool)>,
    now: Instant,
}

impl Both {
    fn new() -> Self {
        let (server, now) = server();
        Self { server, model: Model::new(limits()), taken: Vec::new(), now }
    }

    /// One of the youngest connections, so that most of those that are named are open.
    fn at(&mut self, place: usize) -> Option<&mut (u64, u64, bool)> {
        let from = self.taken.len().saturating_sub(12);
        self.taken[from..].get_mut(place)
    }

    fn happens(&mut self, happening: &Happening) -> Result<(), TestCaseError> {
        let now = self.now;
        match *happening {
            Happening::Open(client) => {
                let client = client.map(key);
                let (ours, theirs) = (self.server.take(now, client), self.model.admit(now, client));
                prop_assert_eq!(ours.err(), theirs.err());
                if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
                    self.taken.push((ours, theirs, false));
                }
            }
            Happening::Verify(n) => {
                self.server.verify(now, key(n));
                self.model.verify(now, key(n));
            }
            Happening::Later(s) => self.now += seconds(s),
            Happening::Sweep => {
                self.server.sweep(now);
                self.model.sweep(now);
            }
            ref other => self.of_one(other)?,
        }
        self.compare()
    }

    fn of_one(&mut self, happening: &Happening) -> Result<(), TestCaseError> {
        use Happening::{Answer, AtOnce, Begin, Close, End, Gone, Stream};
        let (Begin(place, ..) | Answer(place) | Stream(place) | End(place, _)) = happening else {
            let (Close(place) | Gone(place) | AtOnce(place)) = happening else { return Ok(()) };
            let now = self.now;
            let Some(&mut (ours, theirs, is_under_way)) = self.at(*place) else { return Ok(()) };
            match happening {
                AtOnce(_) if is_under_way => {}
                AtOnce(_) => {
                    self.server.with(ours, |it| it.await_request(now, seconds(5)));
                    self.model.await_request(now + seconds(5), theirs);
                }
                Close(_) => {
                    self.server.with(ours, |it| it.close(Reason::Head));
                    self.model.close(theirs, Reason::Head);
                }
                _ => {
                    self.server.remove(ours);
                    self.model.remove(theirs);
                }
            }
            return Ok(());
        };
        let now = self.now;
        let Some(it) = self.at(*place) else { return Ok(()) };
        let (ours, theirs, is_under_way) = *it;
        // A request ends once, and before the next one begins.
        if is_under_way == matches!(happening, Begin(..)) {
            return Ok(());
        }
        it.2 = !matches!(happening, End(..));
        let (server, model) = (&mut self.server, &mut self.model);
        match *happening {
            Begin(_, has_body, forwarded) => {
                let forwarded = forwarded.map(|n| key(100 + n));
                let begun = server.begin(now, ours, has_body, forwarded);
                prop_assert_eq!(begun, model.begin(now, theirs, has_body, forwarded));
            }
            Answer(_) => {
                server.answer(now, ours);
                model.answer(now, theirs);
            }
            Stream(_) => {
                prop_assert_eq!(server.stream(now, ours), model.stream(now, theirs));
            }
            End(_, has_rest) => {
                server.end(now, ours, has_rest);
                model.end(now, theirs, has_rest);
            }
            _ => {}
        }
        Ok(())
    }

    fn compare(&self) -> Result<(), TestCaseError> {
        for (ours, theirs, _) in &self.taken {
            prop_assert_eq!(self.server.is_open(*ours), self.model.is_open(*theirs));
        }
        prop_assert_eq!(self.server.open(), self.model.open());
        prop_assert_eq!(self.server.closed(), self.model.closed());
        for n in (0..4).chain(100..103) {
            let (connections, requests, streams) = self.model.of(key(n));
            prop_assert_eq!(self.server.all.0.table.lock().connections_of(key(n)), connections);
            prop_assert_eq!(self.server.all.0.shares.has(key(n)), [requests, streams]);
        }
        self.server.check();
        Ok(())
    }
}

proptest! {
    #[test]
    fn limits_are_those_of_the_plain_model(happenings in happenings()) {
        let mut both = Both::new();
        for happening in &happenings {
            both.happens(happening)?;
        }
    }
}
