//! Conferences in a snapshot.
//!
//! ```text
//! the version, 1
//! of each conference, in the order of ids:
//!     its id
//!     a piece: when it was heard of, whether it is over
//!     a piece: of each participant its call, presence, since when, and order if there is one
//!     a piece for what a later version may add
//! ```

use live_users_core::{CallId, Conference, Millis, Participant, Presence};

use super::calls::{code, of_code};
use crate::binary::{Reader, Writer};
use crate::format::DecodeError;

/// The version that is written.
const VERSION: u8 = 1;

/// The presence of a code is that in its place.
const PRESENCES: [Presence; 3] = [Presence::Left, Presence::Joined, Presence::Held];

/// `None` if there are none.
pub(super) fn encode(conferences: &[(CallId, Conference)]) -> Option<Vec<u8>> {
    if conferences.is_empty() {
        return None;
    }
    let mut writer = Writer::default();
    writer.byte(VERSION);
    for (id, conference) in conferences {
        writer.id(id);
        writer.piece(|writer| {
            writer.number(conference.heard.0);
            writer.byte(u8::from(conference.is_over));
        });
        writer.piece(|writer| {
            for participant in &conference.participants {
                writer.id(&participant.call);
                writer.byte(code(&PRESENCES, &participant.presence));
                writer.way(conference.heard.0, participant.since.0);
                writer.number(participant.order.map_or(0, |order| u64::from(order) + 1));
            }
        });
        writer.piece(|_| {});
    }
    Some(writer.finish())
}

pub(super) fn decode(bytes: &[u8]) -> Result<Vec<(CallId, Conference)>, DecodeError> {
    let mut reader = Reader::new(bytes);
    match reader.byte() {
        Some(VERSION) => {}
        Some(version) if version > VERSION => return Err(DecodeError::NewerPart(version)),
        _ => return Err(DecodeError::Value("conferences")),
    }
    let mut conferences = Vec::new();
    while !reader.is_at_end() {
        conferences.push(read(&mut reader).ok_or(DecodeError::Value("conferences"))?);
    }
    Ok(conferences)
}

fn read(reader: &mut Reader<'_>) -> Option<(CallId, Conference)> {
    let id = reader.id()?;
    let (heard, is_over) =
        reader.piece(|reader| Some((Millis(reader.number()?), reader.byte()? != 0)))?;
    let participants = reader.piece(|reader| {
        let mut participants = Vec::new();
        while !reader.is_at_end() {
            participants.push(participant(reader, heard)?);
        }
        Some(participants)
    })?;
    reader.piece(|_| Some(()))?;
    Some((id, Conference { participants, heard, is_over }))
}

fn participant(reader: &mut Reader<'_>, heard: Millis) -> Option<Participant> {
    let call = reader.id()?;
    let presence = of_code(&PRESENCES, reader.byte()?)?;
    let since = Millis(reader.way(heard.0)?);
    let order = reader.number()?;
    let order = u32::try_from(order.saturating_sub(1)).ok().filter(|_| order > 0);
    Some(Participant { call, presence, since, order })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words;

    #[test]
    fn each_presence_has_a_code() {
        assert!(words::PRESENCES.iter().all(|(_, presence)| PRESENCES.contains(presence)));
    }
}
