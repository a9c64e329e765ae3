//! What is known of few calls only, field by field. Each has a tag and a length, so that a later
//! version may add fields which this one skips.

use std::num::NonZeroU64;
use std::sync::Arc;

use live_users_core::{
    CallId, Details, Instead, LimitOf, Limits, Millis, Party, Queue, Stretch, Told, TurnedAway,
    TwilioAccount,
};

use super::calls::{code, of_code};
use crate::binary::{Reader, Writer};

/// The values of a code are in its place, as in [`super::calls`].
const QUEUES: [Queue; 3] = [Queue::Waiting, Queue::Bridged, Queue::Machine];
const PARTIES: [Party; 4] = Party::ALL;
const LIMITS_OF: [LimitOf; 2] = [LimitOf::Agent, LimitOf::Account];
const INSTEADS: [Instead; 3] = [Instead::Refuse, Instead::Queue, Instead::Elsewhere];

/// The tags. They never change, and none is used again.
mod tag {
    pub(super) const QUEUE: u8 = 1;
    pub(super) const PARENT: u8 = 2;
    pub(super) const ACTING_AGENT: u8 = 3;
    pub(super) const STRETCHES: u8 = 4;
    pub(super) const STRETCH_SINCE: u8 = 5;
    pub(super) const TURNED_AWAY: u8 = 6;
    /// Who has told of it. The tags after it are of that.
    pub(super) const TOLD: u8 = 7;
    pub(super) const SOURCES: u8 = 8;
    pub(super) const ACCOUNT: u8 = 9;
    pub(super) const TWILIO_ACCOUNT: u8 = 10;
    pub(super) const SPOKEN_FOR: u8 = 11;
    pub(super) const AGENT_ACCOUNT: u8 = 12;
    pub(super) const NAMES: u8 = 13;
    pub(super) const ROOM: u8 = 14;
    pub(super) const SESSION: u8 = 15;
    pub(super) const LIMITS: u8 = 16;
    pub(super) const WORD_AT: u8 = 17;
    pub(super) const WORDS: u8 = 18;
}

/// Whether there is anything of it that does not fit into the flags of a call.
pub(super) fn is_worth_it(it: &Details) -> bool {
    it.queue.is_some()
        || it.leg.as_ref().is_some_and(|leg| leg.parent.is_some())
        || it.acting_agent.is_some()
        || !it.stretches.is_empty()
        || it.stretch_since.is_some()
        || it.told.is_some()
        || it.turned_away.is_some()
}

/// Fields that are being written.
struct Fields<'a> {
    writer: &'a mut Writer,
}

impl Fields<'_> {
    fn add(&mut self, tag: u8, write: impl FnOnce(&mut Writer)) {
        self.writer.byte(tag);
        self.writer.piece(write);
    }

    fn add_some<T>(&mut self, tag: u8, value: Option<T>, write: impl FnOnce(&mut Writer, T)) {
        if let Some(value) = value {
            self.add(tag, |writer| write(writer, value));
        }
    }

    fn add_list<T>(&mut self, tag: u8, list: &[T], write: impl Fn(&mut Writer, &T)) {
        if !list.is_empty() {
            self.add(tag, |writer| list.iter().for_each(|value| write(writer, value)));
        }
    }
}

/// Writes the fields of a call that is in its phase since this moment.
pub(super) fn write(writer: &mut Writer, it: &Details, since: u64) {
    writer.piece(|writer| {
        let mut fields = Fields { writer };
        fields.add_some(tag::QUEUE, it.queue, |writer, queue| writer.byte(code(&QUEUES, &queue)));
        let parent = it.leg.as_ref().and_then(|leg| leg.parent.as_ref());
        fields.add_some(tag::PARENT, parent, Writer::id);
        fields.add_some(tag::ACTING_AGENT, it.acting_agent.as_ref(), Writer::agent);
        fields.add_list(tag::STRETCHES, &it.stretches, |writer, stretch| {
            writer.byte(code(&PARTIES, &stretch.party));
            writer.agent(&stretch.agent);
            writer.text(stretch.account.as_ref());
            writer.way(since, stretch.since.0);
            writer.way(stretch.since.0, stretch.until.0);
        });
        fields.add_some(tag::STRETCH_SINCE, it.stretch_since, |writer, Millis(at)| {
            writer.way(since, at);
        });
        fields.add_some(tag::TURNED_AWAY, it.turned_away, |writer, it| {
            writer.byte(code(&LIMITS_OF, &it.by));
            writer.byte(code(&INSTEADS, &it.instead));
            writer.byte(u8::from(it.was_ringing) | u8::from(it.is_in) << 1);
        });
        if let Some(told) = &it.told {
            write_told(&mut fields, told, since);
        }
    });
}

fn write_told(fields: &mut Fields<'_>, told: &Told, since: u64) {
    fields.add(tag::TOLD, |writer| {
        writer.byte(u8::from(told.by_twilio) | u8::from(told.by_carrier) << 1);
    });
    fields.add_list(tag::SOURCES, &told.sources, |writer, source| writer.text(Some(source)));
    fields.add_some(tag::ACCOUNT, told.account.as_ref(), |writer, it| writer.text(Some(it)));
    fields.add_some(tag::TWILIO_ACCOUNT, told.twilio_account.as_ref(), |writer, account| {
        writer.bytes(&account.digest.get().to_le_bytes());
        writer.text(account.name.as_ref());
    });
    let eight = |writer: &mut Writer, it: NonZeroU64| writer.bytes(&it.get().to_le_bytes());
    fields.add_some(tag::SPOKEN_FOR, told.spoken_for, eight);
    let agent_account = told.agent_account.as_ref();
    fields.add_some(tag::AGENT_ACCOUNT, agent_account, |writer, it| writer.text(Some(it)));
    fields.add_list(tag::NAMES, &told.names, Writer::id);
    fields.add_some(tag::ROOM, told.room.as_ref(), Writer::id);
    fields.add_some(tag::SESSION, told.session.as_ref(), Writer::id);
    if !told.limits.is_none() {
        fields.add(tag::LIMITS, |writer| {
            let Limits { quiet_s, longest_s, silent_s } = told.limits;
            for limit in [quiet_s, longest_s, silent_s] {
                writer.number(limit.map_or(0, |it| u64::from(it) + 1));
            }
        });
    }
    fields.add_some(tag::WORD_AT, told.word_at, |writer, Millis(at)| writer.way(since, at));
    fields.add_list(tag::WORDS, &told.words, |writer, word| eight(writer, *word));
}

/// Reads what [`write`] has written, and skips what a later version has added.
pub(super) fn read(reader: &mut Reader<'_>, it: &mut Details, since: u64) -> Option<()> {
    reader.piece(|reader| {
        while !reader.is_at_end() {
            let tag = reader.byte()?;
            reader.piece(|reader| read_field(reader, tag, it, since))?;
        }
        Some(())
    })
}

fn read_field(reader: &mut Reader<'_>, tag: u8, it: &mut Details, since: u64) -> Option<()> {
    match tag {
        tag::QUEUE => it.queue = Some(of_code(&QUEUES, reader.byte()?)?),
        tag::PARENT => it.leg.get_or_insert_default().parent = Some(reader.id()?),
        tag::ACTING_AGENT => it.acting_agent = Some(reader.agent()?),
        tag::STRETCHES => it.stretches = list(reader, |reader| stretch(reader, since))?,
        tag::STRETCH_SINCE => it.stretch_since = Some(Millis(reader.way(since)?)),
        tag::TURNED_AWAY => {
            let [by, instead, flags] = reader.array()?;
            it.turned_away = Some(TurnedAway {
                by: of_code(&LIMITS_OF, by)?,
                instead: of_code(&INSTEADS, instead)?,
                was_ringing: flags & 1 != 0,
                is_in: flags & 2 != 0,
            });
        }
        tag::TOLD..=tag::WORDS => {
            read_told(reader, tag, it.told.get_or_insert_default(), since)?;
        }
        // Of a later version.
        _ => {}
    }
    Some(())
}

fn read_told(reader: &mut Reader<'_>, tag: u8, told: &mut Told, since: u64) -> Option<()> {
    let eight = |reader: &mut Reader<'_>| NonZeroU64::new(u64::from_le_bytes(reader.array()?));
    match tag {
        tag::TOLD => {
            let flags = reader.byte()?;
            (told.by_twilio, told.by_carrier) = (flags & 1 != 0, flags & 2 != 0);
        }
        tag::SOURCES => told.sources = list(reader, text)?,
        tag::ACCOUNT => told.account = Some(text(reader)?),
        tag::TWILIO_ACCOUNT => {
            let (digest, name) = (eight(reader)?, reader.text()?);
            told.twilio_account = Some(TwilioAccount { digest, name });
        }
        tag::SPOKEN_FOR => told.spoken_for = Some(eight(reader)?),
        tag::AGENT_ACCOUNT => told.agent_account = Some(text(reader)?),
        tag::NAMES => told.names = list(reader, id)?,
        tag::ROOM => told.room = Some(reader.id()?),
        tag::SESSION => told.session = Some(reader.id()?),
        tag::LIMITS => {
            let mut limit = || {
                let number = reader.number()?;
                Some(u32::try_from(number.saturating_sub(1)).ok().filter(|_| number > 0))
            };
            told.limits = Limits { quiet_s: limit()?, longest_s: limit()?, silent_s: limit()? };
        }
        tag::WORD_AT => told.word_at = Some(Millis(reader.way(since)?)),
        _ => told.words = list(reader, eight)?,
    }
    Some(())
}

fn stretch(reader: &mut Reader<'_>, call_since: u64) -> Option<Stretch> {
    let party = of_code(&PARTIES, reader.byte()?)?;
    let (agent, account) = (reader.agent()?, reader.text()?);
    let since = reader.way(call_since)?;
    let until = reader.way(since)?;
    Some(Stretch { party, agent, account, since: Millis(since), until: Millis(until) })
}

fn text(reader: &mut Reader<'_>) -> Option<Arc<str>> {
    reader.text()?
}

fn id(reader: &mut Reader<'_>) -> Option<CallId> {
    reader.id()
}

/// Values up to the end of a field.
fn list<T>(
    reader: &mut Reader<'_>,
    mut read: impl FnMut(&mut Reader<'_>) -> Option<T>,
) -> Option<Vec<T>> {
    let mut list = Vec::new();
    while !reader.is_at_end() {
        list.push(read(reader)?);
    }
    Some(list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words;

    #[test]
    fn each_value_has_a_code() {
        assert!(words::QUEUES.iter().all(|(_, it)| QUEUES.contains(it)));
        assert!(words::PARTIES.iter().all(|(_, it)| PARTIES.contains(it)));
        assert!(words::LIMITS_OF.iter().all(|(_, it)| LIMITS_OF.contains(it)));
        assert!(words::INSTEADS.iter().all(|(_, it)| INSTEADS.contains(it)));
    }

    #[test]
    fn fields_of_a_later_version_are_skipped() {
        let mut writer = Writer::default();
        writer.piece(|writer| {
            writer.byte(200);
            writer.piece(|writer| writer.plain_text("of the future"));
            writer.byte(tag::ROOM);
            writer.piece(|writer| writer.id(&CallId::parse("room").unwrap()));
        });
        writer.byte(7);
        let bytes = writer.finish();
        let (mut reader, mut it) = (Reader::new(&bytes), Details::default());
        read(&mut reader, &mut it, 5).unwrap();
        assert_eq!(it.told.unwrap().room, CallId::parse("room").ok());
        assert_eq!(reader.byte(), Some(7), "it goes on behind them");
    }
}
