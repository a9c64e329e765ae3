//! The model of the rest of an account: phone numbers, TwiML applications, the debugger's alerts.

mod json;

pub(super) use json::{alerts, application, number, numbers};
use live_users_twilio::Method;
use live_users_twilio::rest::{Failure, PhoneNumber, VoiceSettings, Webhook};

/// The most entries of a page, whatever was asked for.
const PAGE_SIZE_MAX: usize = 1000;

/// What an account has beside its calls.
#[derive(Debug)]
pub struct Account {
    /// How it behaves from now on.
    pub behaviour: AccountBehaviour,
    numbers: Vec<PhoneNumber>,
    applications: Vec<Application>,
    alerts: Vec<NotedAlert>,
    changes: Vec<Change>,
}

/// How the account behaves. Everything may be changed while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountBehaviour {
    /// Whether the credentials may read phone numbers and alerts; otherwise 401, as with a
    /// restricted API key.
    pub may_read: bool,
    /// Whether they may change phone numbers.
    pub may_change: bool,
    /// After so many changes it does not work any more: status 503. `None`: always.
    pub works_for_changes: Option<usize>,
    /// How many requests for a change get a status of 5xx although the change is made, counted
    /// from the first one after this is set.
    pub answers_lost: usize,
    /// How many requests for a change get no answer at all, and are not carried out.
    pub answers_hang: usize,
    /// No page of numbers has more entries.
    pub page_size_max: usize,
    /// How far the clock of the provider, which its `Date` tells, is ahead, in seconds.
    pub clock_ahead_s: i64,
}

impl Default for AccountBehaviour {
    fn default() -> Self {
        Self {
            may_read: true,
            may_change: true,
            works_for_changes: None,
            answers_lost: 0,
            answers_hang: 0,
            page_size_max: PAGE_SIZE_MAX,
            clock_ahead_s: 0,
        }
    }
}

/// A TwiML application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// `AP` and 32 hexadecimal digits.
    pub sid: String,
    /// What people call it.
    pub friendly_name: String,
    /// What it does with calls.
    pub settings: VoiceSettings,
}

/// A change that somebody has asked for, with every field of the form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What was changed.
    pub sid: String,
    /// The fields in their order.
    pub fields: Vec<(String, String)>,
}

/// An alert of the debugger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NotedAlert {
    pub(super) at_ms: u64,
    pub(super) code: u32,
    pub(super) request_url: String,
}

/// The page of a list that is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) size: usize,
    pub(super) page: usize,
}

impl Default for Account {
    fn default() -> Self {
        Self::new()
    }
}

impl Account {
    /// An account without numbers.
    pub fn new() -> Self {
        Self {
            behaviour: AccountBehaviour::default(),
            numbers: Vec::new(),
            applications: Vec::new(),
            alerts: Vec::new(),
            changes: Vec::new(),
        }
    }

    /// Buys a number, and returns its SID. A number as Twilio sells it plays a demonstration;
    /// this one has these settings.
    pub fn add_number(
        &mut self,
        number: &str,
        friendly_name: &str,
        settings: VoiceSettings,
    ) -> String {
        let sid = format!("PN{:032x}", self.numbers.len() + 1);
        self.numbers.push(PhoneNumber {
            sid: sid.clone(),
            number: number.to_owned(),
            friendly_name: friendly_name.to_owned(),
            settings,
            application_sid: None,
            trunk_sid: None,
            takes_calls: true,
        });
        sid
    }

    /// Adds a TwiML application, and returns its SID.
    pub fn add_application(&mut self, friendly_name: &str, settings: VoiceSettings) -> String {
        let sid = format!("AP{:032x}", self.applications.len() + 1);
        let friendly_name = friendly_name.to_owned();
        self.applications.push(Application { sid: sid.clone(), friendly_name, settings });
        sid
    }

    /// The number with this SID or in this spelling (E.164).
    pub fn number(&self, name: &str) -> Option<&PhoneNumber> {
        self.numbers.iter().find(|it| it.sid == name || it.number == name)
    }

    /// The same, to change it as somebody in the Console would.
    pub fn number_mut(&mut self, name: &str) -> Option<&mut PhoneNumber> {
        self.numbers.iter_mut().find(|it| it.sid == name || it.number == name)
    }

    /// What a call to this number does: the settings of the number, or of its application. `None`
    /// if there is no such number, or a trunk takes its calls.
    pub fn settings_of(&self, number: &str) -> Option<&VoiceSettings> {
        let number = self.number(number).filter(|it| it.trunk_sid.is_none())?;
        match &number.application_sid {
            None => Some(&number.settings),
            Some(sid) => self.applications.iter().find(|it| it.sid == *sid).map(|it| &it.settings),
        }
    }

    /// Every change that was made, in order.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// Notes what went wrong with a request to this URL.
    pub fn note_alert(&mut self, at_ms: u64, code: u32, request_url: &str) {
        self.alerts.push(NotedAlert { at_ms, code, request_url: request_url.to_owned() });
    }

    pub(super) fn read_numbers(
        &self,
        window: Window,
    ) -> Result<(Vec<&PhoneNumber>, bool), Failure> {
        self.check_reading()?;
        let size = window.size.min(self.behaviour.page_size_max.max(1));
        let rest: Vec<_> = self.numbers.iter().skip(window.page * size).collect();
        let has_more = rest.len() > size;
        Ok((rest.into_iter().take(size).collect(), has_more))
    }

    pub(super) fn read_number(&self, sid: &str) -> Result<Option<&PhoneNumber>, Failure> {
        self.check_reading()?;
        Ok(self.numbers.iter().find(|it| it.sid == sid))
    }

    pub(super) fn read_application(&self, sid: &str) -> Result<Option<&Application>, Failure> {
        self.check_reading()?;
        Ok(self.applications.iter().find(|it| it.sid == sid))
    }

    pub(super) fn read_alerts(&self, since_ms: u64) -> Result<Vec<&NotedAlert>, Failure> {
        self.check_reading()?;
        let since = self.alerts.iter().filter(|it| it.at_ms >= since_ms);
        Ok(since.rev().collect())
    }

    /// Changes a number: absent fields stay as they are.
    pub(super) fn change_number(
        &mut self,
        sid: &str,
        fields: Vec<(String, String)>,
    ) -> Result<Option<&PhoneNumber>, Failure> {
        self.check_reading()?;
        if !self.behaviour.may_change {
            return Err(Failure::Refused(401));
        }
        if self.behaviour.works_for_changes.is_some_and(|most| self.changes.len() >= most) {
            return Err(Failure::Server(503));
        }
        if self.behaviour.answers_hang > 0 {
            self.behaviour.answers_hang -= 1;
            return Err(Failure::Timeout);
        }
        let Some(number) = self.numbers.iter_mut().find(|it| it.sid == sid) else {
            return Ok(None);
        };
        let mut changed = number.settings.clone();
        for (name, value) in &fields {
            change(&mut changed, name, value)?;
        }
        number.settings = changed;
        self.changes.push(Change { sid: sid.to_owned(), fields });
        if self.behaviour.answers_lost > 0 {
            self.behaviour.answers_lost -= 1;
            return Err(Failure::Server(502));
        }
        Ok(self.numbers.iter().find(|it| it.sid == sid))
    }

    fn check_reading(&self) -> Result<(), Failure> {
        if self.behaviour.may_read { Ok(()) } else { Err(Failure::Refused(401)) }
    }
}

/// Sets one field. Fields that nothing here models are taken, and change nothing.
fn change(settings: &mut VoiceSettings, name: &str, value: &str) -> Result<(), Failure> {
    let bad = || Failure::Odd("status 400".to_owned());
    let Some((webhook, is_method)) = field_of(settings, name) else { return Ok(()) };
    if is_method {
        webhook.method = Method::parse(value).ok_or_else(bad)?;
    } else if value.is_empty() {
        webhook.url = None;
    } else if value.starts_with("http://") || value.starts_with("https://") {
        webhook.url = Some(value.to_owned());
    } else {
        return Err(bad());
    }
    Ok(())
}

fn field_of<'a>(settings: &'a mut VoiceSettings, name: &str) -> Option<(&'a mut Webhook, bool)> {
    Some(match name {
        "VoiceUrl" => (&mut settings.voice, false),
        "VoiceMethod" => (&mut settings.voice, true),
        "VoiceFallbackUrl" => (&mut settings.fallback, false),
        "VoiceFallbackMethod" => (&mut settings.fallback, true),
        "StatusCallback" => (&mut settings.status_callback, false),
        "StatusCallbackMethod" => (&mut settings.status_callback, true),
        _ => return None,
    })
}
