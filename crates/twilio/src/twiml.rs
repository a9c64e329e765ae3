//! TwiML: what to do with a call next, as the XML that Twilio runs.
//!
//! Only the verbs that are used. Element and attribute names are case-sensitive.

use std::borrow::Cow;
use std::io;

use quick_xml::events::{BytesDecl, BytesText, Event};
use quick_xml::writer::Writer;

use crate::Method;

/// The content type of TwiML. Without one Twilio does not run the answer (error 11200).
pub const CONTENT_TYPE: &str = "text/xml; charset=utf-8";

/// What most answers take at most, in bytes.
const USUAL_BYTES: usize = 512;

/// A list of verbs that Twilio runs one after the other. When it ends, or is empty, so does the
/// call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    verbs: Vec<Verb>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Verb {
    Say(String),
    Pause(u32),
    Gather(Gather),
    Redirect(String, Method),
    Dial(Dial),
    Enqueue(String),
    Reject,
    Hangup,
}

impl Response {
    /// A response without verbs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Speaks a text.
    #[must_use]
    pub fn say(self, text: impl Into<String>) -> Self {
        self.then(Verb::Say(text.into()))
    }

    /// Waits so many seconds.
    #[must_use]
    pub fn pause(self, seconds: u32) -> Self {
        self.then(Verb::Pause(seconds))
    }

    /// Listens to the caller. The next verb runs when the caller gave no input, unless
    /// [`Gather::action_on_empty_result`] is set.
    #[must_use]
    pub fn gather(self, gather: Gather) -> Self {
        self.then(Verb::Gather(gather))
    }

    /// Goes on with the TwiML at a URL, absolute or relative. Verbs after it never run.
    #[must_use]
    pub fn redirect(self, url: impl Into<String>, method: Method) -> Self {
        self.then(Verb::Redirect(url.into(), method))
    }

    /// Connects the caller with somebody else. The next verb runs when they have talked, or when
    /// nobody has answered.
    #[must_use]
    pub fn dial(self, dial: Dial) -> Self {
        self.then(Verb::Dial(dial))
    }

    /// Has the caller wait in the queue of this name, which begins with its first caller. A call that
    /// is taken out of it goes on with what it was taken out for.
    #[must_use]
    pub fn enqueue(self, queue: impl Into<String>) -> Self {
        self.then(Verb::Enqueue(queue.into()))
    }

    /// An answer of nothing but this: the call is not picked up, and the caller hears that the line is
    /// busy. Only an inbound call that is ringing can be rejected, and only by the first verb.
    pub fn reject_busy() -> Self {
        Self { verbs: vec![Verb::Reject] }
    }

    /// Ends the call.
    #[must_use]
    pub fn hangup(self) -> Self {
        self.then(Verb::Hangup)
    }

    /// The document. Texts and URLs are escaped; characters that XML 1.0 cannot hold are left
    /// out, so that no text can break it.
    pub fn to_xml(&self) -> String {
        infallible(self.written())
    }

    fn then(mut self, verb: Verb) -> Self {
        self.verbs.push(verb);
        self
    }

    fn written(&self) -> io::Result<String> {
        let mut writer = Writer::new(Vec::with_capacity(USUAL_BYTES));
        writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        writer.create_element("Response").write_inner_content(|writer| {
            for verb in &self.verbs {
                match verb {
                    Verb::Say(text) => write_say(writer, text)?,
                    Verb::Pause(seconds) => {
                        let pause = writer.create_element("Pause");
                        pause.with_attribute(("length", &*seconds.to_string())).write_empty()?;
                    }
                    Verb::Gather(gather) => gather.write(writer)?,
                    Verb::Redirect(url, method) => {
                        let redirect = writer.create_element("Redirect");
                        let redirect = redirect.with_attribute(("method", method.as_str()));
                        redirect.write_text_content(BytesText::new(&allowed(url)))?;
                    }
                    Verb::Dial(dial) => dial.write(writer)?,
                    Verb::Enqueue(queue) => {
                        let enqueue = writer.create_element("Enqueue");
                        enqueue.write_text_content(BytesText::new(&allowed(queue)))?;
                    }
                    Verb::Reject => {
                        let reject = writer.create_element("Reject");
                        reject.with_attribute(("reason", "busy")).write_empty()?;
                    }
                    Verb::Hangup => {
                        writer.create_element("Hangup").write_empty()?;
                    }
                }
            }
            Ok(())
        })?;
        String::from_utf8(writer.into_inner()).map_err(io::Error::other)
    }
}

/// Listens to the caller and sends what was said or pressed to a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gather {
    /// Where the input goes, by POST; absolute or relative. The answer is the next TwiML. Without
    /// one the same document would run again, so there always is one.
    pub action: String,
    /// What counts as input.
    pub input: GatherInput,
    /// How long to wait for input, in seconds, from the end of what is said.
    pub timeout_s: u32,
    /// The silence that ends speech, in seconds. A whole number suits every speech model, which
    /// `auto` does not.
    pub speech_timeout_s: u32,
    /// Whether to request `action` as well when there was no input, in place of running the next
    /// verb.
    pub action_on_empty_result: bool,
    /// The language of the caller, such as `en-GB`; Twilio takes `en-US` when there is none.
    pub language: Option<String>,
    /// What to say meanwhile; the caller may interrupt.
    pub say: Vec<String>,
}

/// Connects the caller with a phone number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dial {
    /// The number, in E.164.
    pub number: String,
    /// Where the progress of the new leg is reported.
    pub status_callback: String,
}

impl Dial {
    fn write(&self, writer: &mut Writer<Vec<u8>>) -> io::Result<()> {
        writer.create_element("Dial").write_inner_content(|writer| {
            writer
                .create_element("Number")
                .with_attribute(("statusCallback", allowed(&self.status_callback)))
                .with_attribute(("statusCallbackEvent", "initiated ringing answered completed"))
                .write_text_content(BytesText::new(&allowed(&self.number)))?;
            Ok(())
        })?;
        Ok(())
    }
}

/// What counts as input to a [`Gather`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GatherInput {
    /// Speech, up to 60 s of it.
    Speech,
    /// Keys or speech, whichever comes first.
    DtmfOrSpeech,
}

impl Gather {
    /// Listens to speech: 5 s for it to begin (Twilio's default) and 2 s of silence to end it.
    pub fn new(action: impl Into<String>) -> Self {
        Self {
            action: action.into(),
            input: GatherInput::Speech,
            timeout_s: 5,
            speech_timeout_s: 2,
            action_on_empty_result: false,
            language: None,
            say: Vec::new(),
        }
    }

    /// Speaks a text while listening.
    #[must_use]
    pub fn say(mut self, text: impl Into<String>) -> Self {
        self.say.push(text.into());
        self
    }

    fn write(&self, writer: &mut Writer<Vec<u8>>) -> io::Result<()> {
        let input = match self.input {
            GatherInput::Speech => "speech",
            GatherInput::DtmfOrSpeech => "dtmf speech",
        };
        let on_empty = if self.action_on_empty_result { "true" } else { "false" };
        let (timeout_s, speech_timeout_s) =
            (self.timeout_s.to_string(), self.speech_timeout_s.to_string());
        let mut gather = writer
            .create_element("Gather")
            .with_attribute(("input", input))
            .with_attribute(("action", allowed(&self.action)))
            .with_attribute(("method", "POST"))
            .with_attribute(("timeout", timeout_s.as_str()))
            .with_attribute(("speechTimeout", speech_timeout_s.as_str()))
            .with_attribute(("actionOnEmptyResult", on_empty));
        if let Some(language) = &self.language {
            gather = gather.with_attribute(("language", allowed(language)));
        }
        gather.write_inner_content(|writer| {
            self.say.iter().try_for_each(|text| write_say(writer, text))
        })?;
        Ok(())
    }
}

fn write_say(writer: &mut Writer<Vec<u8>>, text: &str) -> io::Result<()> {
    writer.create_element("Say").write_text_content(BytesText::new(&allowed(text)))?;
    Ok(())
}

/// The text without the characters that XML 1.0 (section 2.2) allows nowhere, not even escaped.
fn allowed(text: &str) -> Cow<'_, str> {
    let is_allowed = |c: char| match c {
        '\t' | '\n' | '\r' => true,
        '\0'..='\u{1F}' | '\u{FFFE}' | '\u{FFFF}' => false,
        _ => true,
    };
    match text.chars().all(is_allowed) {
        true => Cow::Borrowed(text),
        false => text.chars().filter(|&c| is_allowed(c)).collect(),
    }
}

fn infallible(result: io::Result<String>) -> String {
    result.expect("strings written to memory meet neither a device nor another encoding")
}

#[cfg(test)]
mod tests;
