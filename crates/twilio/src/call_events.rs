//! What a webhook says beside the status of its call: what became of a verb, of a media stream or
//! of a conference, and who or what has answered.

use crate::form::Form;
use crate::sid;
use crate::status::CallStatus;
use crate::webhook::CALL_SID_BYTES_MAX;

/// The longest value of a short field, in bytes.
const TOKEN_BYTES_MAX: usize = 64;

/// Who or what has answered a call, as machine detection says: `AnsweredBy` of a webhook,
/// `answered_by` of the REST resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AnsweredBy {
    /// A person, or detection could not tell.
    Human,
    /// A voicemail or another machine.
    Machine,
    /// A fax.
    Fax,
}

impl AnsweredBy {
    /// Reads a result; `None` for one that is not known here. Where detection could not tell
    /// (`unknown`), a person is assumed. A machine has several results, by what was waited for:
    /// `machine_start`, `machine_end_beep`, `machine_end_silence` and `machine_end_other`. The set is
    /// open.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "human" | "unknown" => Some(Self::Human),
            "fax" => Some(Self::Fax),
            machine if machine.starts_with("machine") => Some(Self::Machine),
            _ => None,
        }
    }
}

/// What a webhook says beside the status of its call. All of it is missing from most webhooks, and
/// what cannot be used counts as missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallEvents {
    /// A `<Dial>` is over: a request to its `action`.
    pub dial: Option<DialResult>,
    /// A request that belongs to `<Enqueue>`.
    pub queue: Option<QueueEvent>,
    /// Whether a session of `<Connect>` is over: a request to its `action`.
    pub ends_session: bool,
    /// A media stream has reported.
    pub stream: Option<StreamEvent>,
    /// A conference has reported.
    pub conference: Option<ConferenceReport>,
    /// Whether a conference is named, also by what is no report of it.
    pub names_conference: bool,
    /// The result of machine detection.
    pub answered_by: Option<AnsweredBy>,
    /// Whether there is a result of machine detection without a status of the call: it comes to the
    /// URL for asynchronous results.
    pub is_detection: bool,
    /// The path of the URL whose answer was lost, on a request to the fallback URL, without slashes
    /// at its end.
    pub lost_path: Option<String>,
}

/// What became of a `<Dial>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DialResult {
    /// The leg that was dialled. A conference or a queue has none, and of several legs it is the one
    /// that was connected, or the last one.
    pub call_sid: Option<String>,
    /// How the leg ended. `None` for what is no end by its name: the leg is over all the same.
    pub status: Option<CallStatus>,
    /// How long the leg was connected, in seconds.
    pub duration_s: Option<u32>,
}

/// What a request that belongs to `<Enqueue>` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueEvent {
    /// The caller waits: a request to `waitUrl`.
    Waits,
    /// The caller is about to be connected with the call that has asked for the queue's next one.
    IsTaken,
    /// The caller has left the queue and goes on: a request to `action`.
    HasLeft,
    /// The caller has hung up in the queue.
    HungUp,
}

/// What has happened to a media stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEvent {
    /// The application hears the caller.
    Started,
    /// It does not any more, or never did. The call may go on.
    Ended,
}

/// A report of a conference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConferenceReport {
    /// The conference, in the form of [`Webhook::call_sid`](crate::Webhook::call_sid).
    pub conference_sid: String,
    /// What has happened.
    pub event: ConferenceEvent,
    /// The place of this report among those of the conference.
    pub sequence_number: Option<u32>,
    /// How the participant's call stands, of one that has left.
    pub participant_status: Option<CallStatus>,
}

/// What has happened in a conference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConferenceEvent {
    /// The participant is in it.
    IsIn,
    /// The participant is in it, and on hold.
    IsHeld,
    /// The participant has left.
    HasLeft,
    /// It is over, for all participants.
    IsOver,
    /// Nothing of that.
    Other,
}

impl CallEvents {
    /// Reads a form. Nothing in it is a mistake.
    ///
    /// ```
    /// use live_users_twilio::{CallEvents, Form, QueueEvent};
    ///
    /// let form = Form::parse(b"CallSid=CA1&QueueSid=QU1&QueuePosition=1")?;
    /// assert_eq!(CallEvents::read(&form).queue, Some(QueueEvent::Waits));
    /// # Ok::<(), live_users_twilio::FormError>(())
    /// ```
    pub fn read(form: &Form) -> Self {
        let reader = Reader { form };
        let answered_by = reader.text("AnsweredBy");
        Self {
            dial: reader.dial(),
            queue: reader.queue(),
            ends_session: reader.has("SessionId") || reader.has("SessionStatus"),
            stream: reader.stream(),
            conference: reader.conference(),
            names_conference: reader.has("ConferenceSid"),
            answered_by: answered_by.and_then(AnsweredBy::parse),
            is_detection: answered_by.is_some() && !reader.has("CallStatus"),
            lost_path: form.text("ErrorUrl").ok().flatten().map(|url| path(url).to_owned()),
        }
    }

    /// Whether it is a report that nobody waits for the answer of, wherever it is sent.
    pub fn is_report(&self) -> bool {
        self.stream.is_some() || self.conference.is_some() || self.is_detection
    }

    /// Whether it says anything beside the status of the call.
    pub fn is_any(&self) -> bool {
        self.is_report() || self.dial.is_some() || self.queue.is_some() || self.ends_session
    }
}

struct Reader<'a> {
    form: &'a Form,
}

impl<'a> Reader<'a> {
    fn dial(&self) -> Option<DialResult> {
        let status = self.text("DialCallStatus")?;
        let status = CallStatus::parse(status).filter(|status| status.is_terminal());
        Some(DialResult {
            call_sid: self.sid("CA", "DialCallSid"),
            status,
            duration_s: self.whole_number("DialCallDuration"),
        })
    }

    fn queue(&self) -> Option<QueueEvent> {
        let places = ["QueuePosition", "CurrentQueueSize", "AvgQueueTime"];
        match self.text("QueueResult") {
            Some("hangup") => Some(QueueEvent::HungUp),
            Some(_) => Some(QueueEvent::HasLeft),
            None if !self.has("QueueSid") => None,
            None if self.has("DequeingCallSid") => Some(QueueEvent::IsTaken),
            None => places.into_iter().any(|name| self.has(name)).then_some(QueueEvent::Waits),
        }
    }

    fn stream(&self) -> Option<StreamEvent> {
        let event = self.text("StreamEvent").filter(|_| self.has("StreamSid"))?;
        Some(match event {
            "stream-started" => StreamEvent::Started,
            _ => StreamEvent::Ended,
        })
    }

    fn conference(&self) -> Option<ConferenceReport> {
        let conference_sid = self.sid("CF", "ConferenceSid")?;
        let name = self.text("StatusCallbackEvent")?;
        // Each report of a participant says whether it is on hold.
        let presence = match self.text("Hold") {
            Some("true") => ConferenceEvent::IsHeld,
            _ => ConferenceEvent::IsIn,
        };
        let event = match name.strip_prefix("participant-") {
            Some("leave") => ConferenceEvent::HasLeft,
            Some("hold") => ConferenceEvent::IsHeld,
            Some("unhold") => ConferenceEvent::IsIn,
            Some(_) => presence,
            None if name == "conference-end" => ConferenceEvent::IsOver,
            None => ConferenceEvent::Other,
        };
        let left = Some(event).filter(|it| *it == ConferenceEvent::HasLeft);
        let status = left.and_then(|_| self.text("ParticipantCallStatus"));
        Some(ConferenceReport {
            conference_sid,
            event,
            sequence_number: self.whole_number("SequenceNumber"),
            participant_status: status.and_then(CallStatus::parse),
        })
    }

    fn has(&self, name: &str) -> bool {
        self.form.text(name) != Ok(None)
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.form.text_within(name, TOKEN_BYTES_MAX).ok().flatten()
    }

    fn sid(&self, prefix: &str, name: &str) -> Option<String> {
        let text = self.form.text_within(name, CALL_SID_BYTES_MAX).ok().flatten()?;
        let is_one = text.bytes().all(|byte| byte.is_ascii_graphic());
        (is_one && sid::fits(self.form, prefix, text)).then(|| text.to_owned())
    }

    fn whole_number(&self, name: &str) -> Option<u32> {
        let text = self.text(name)?;
        // `parse` alone would take a leading plus as well.
        text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
    }
}

/// The path of a URL, without slashes at its end.
fn path(url: &str) -> &str {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = after_scheme.find('/').map_or("", |at| &after_scheme[at..]);
    path.trim_end_matches('/')
}

#[cfg(test)]
mod tests;
