//! The file that `connect --undo` works from: what each number had before.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use live_users_twilio::Method;
use live_users_twilio::rest::{PhoneNumber, VoiceSettings, Webhook};
use serde::{Deserialize, Serialize};

use super::ours::Ours;
use crate::Failure;

const VERSION: u32 = 1;

/// What was changed, and what was there before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Saved {
    version: u32,
    /// The account that the numbers belong to.
    pub(super) account_sid: String,
    /// The numbers, each with what it had before it was connected for the first time.
    pub(super) numbers: Vec<SavedNumber>,
    /// The agents file, if it was changed.
    pub(super) agents_file: Option<SavedFile>,
}

/// One number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SavedNumber {
    pub(super) sid: String,
    pub(super) number: String,
    pub(super) before: SavedSettings,
    pub(super) after: SavedSettings,
}

/// The fields as they are named in Twilio's API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SavedSettings {
    voice_url: Option<String>,
    voice_method: String,
    voice_fallback_url: Option<String>,
    voice_fallback_method: String,
    status_callback: Option<String>,
    status_callback_method: String,
}

/// A file that was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SavedFile {
    pub(super) path: PathBuf,
    /// Its text before; `None` if there was no such file.
    pub(super) before: Option<String>,
    /// Its text afterwards.
    pub(super) after: String,
}

impl Saved {
    pub(super) fn new(account_sid: &str) -> Self {
        let account_sid = account_sid.to_owned();
        Self { version: VERSION, account_sid, numbers: Vec::new(), agents_file: None }
    }

    /// Reads the file; `None` if there is none.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, Failure> {
        let wrong = |why: &dyn std::fmt::Display| {
            Failure::run(format!("{}: cannot be read: {why}", path.display()))
        };
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(wrong(&error)),
        };
        let saved: Self = serde_json::from_str(&text).map_err(|error| wrong(&error))?;
        match saved.version {
            VERSION => Ok(Some(saved)),
            other => Err(wrong(&format!("it is of version {other}; expected {VERSION}"))),
        }
    }

    /// Writes the file, for its owner alone: URLs may have secrets in them.
    pub(super) fn write(&self, path: &Path) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(self).map_err(Failure::run)? + "\n";
        write_file(path, &text, Some(0o600))
            .map_err(|error| Failure::run(format!("cannot write {}: {error}", path.display())))
    }

    /// Adds a number. What it had before it was connected for the first time stays, webhook by
    /// webhook, unless somebody has given it something else meanwhile. Our own URLs never replace it.
    pub(super) fn add(&mut self, number: &PhoneNumber, after: &VoiceSettings, ours: &Ours) {
        let now = &number.settings;
        let Some(known) = self.numbers.iter_mut().find(|it| it.sid == number.sid) else {
            return self.numbers.push(SavedNumber {
                sid: number.sid.clone(),
                number: number.number.clone(),
                before: SavedSettings::of(now),
                after: SavedSettings::of(after),
            });
        };
        let (mut before, given) = (known.before.settings(), known.after.settings());
        if now.voice != given.voice && !ours.is_voice(&now.voice, &now.status_callback) {
            before.voice = now.voice.clone();
        }
        if now.fallback != given.fallback && !ours.is_voice(&now.fallback, &now.status_callback) {
            before.fallback = now.fallback.clone();
        }
        if now.status_callback != given.status_callback
            && !ours.is_status_callback(&now.status_callback, &now.voice)
        {
            before.status_callback = now.status_callback.clone();
        }
        known.before = SavedSettings::of(&before);
        known.after = SavedSettings::of(after);
    }

    /// The URLs that numbers were given.
    pub(super) fn voice_urls(&self) -> impl Iterator<Item = String> + '_ {
        self.numbers.iter().filter_map(|it| it.after.voice_url.clone())
    }
}

impl SavedSettings {
    fn of(settings: &VoiceSettings) -> Self {
        let VoiceSettings { voice, fallback, status_callback } = settings;
        let method = |it: &Webhook| it.method.as_str().to_owned();
        Self {
            voice_url: voice.url.clone(),
            voice_method: method(voice),
            voice_fallback_url: fallback.url.clone(),
            voice_fallback_method: method(fallback),
            status_callback: status_callback.url.clone(),
            status_callback_method: method(status_callback),
        }
    }

    pub(super) fn settings(&self) -> VoiceSettings {
        let webhook = |url: &Option<String>, method: &str| Webhook {
            url: url.clone(),
            method: Method::parse(method).unwrap_or_default(),
        };
        VoiceSettings {
            voice: webhook(&self.voice_url, &self.voice_method),
            fallback: webhook(&self.voice_fallback_url, &self.voice_fallback_method),
            status_callback: webhook(&self.status_callback, &self.status_callback_method),
        }
    }
}

/// Keeps another `connect` from working on the same file until it is dropped.
pub(super) fn lock(saved: &Path) -> Result<File, Failure> {
    let file = saved.display();
    let open = || {
        if let Some(folder) = saved.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut options = OpenOptions::new();
        options.create(true).append(true).mode(0o600).open(format!("{file}.lock"))
    };
    let cannot = |error: io::Error| {
        Failure::run(format!(
            "cannot write {file}: {error}. Nothing was changed; --saved names another file"
        ))
    };
    let lock = open().map_err(cannot)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(Failure::run(format!(
            "another `live-users connect` works with {file}: try again when it has ended"
        ))),
        Err(TryLockError::Error(error)) => Err(cannot(error)),
    }
}

/// Replaces a file at once: after a crash it has the old text or the new one. It keeps its mode,
/// unless another one is given.
pub(super) fn write_file(path: &Path, text: &str, mode: Option<u32>) -> io::Result<()> {
    // A link stays a link.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let known = fs::metadata(path);
    if known.as_ref().is_ok_and(|it| it.permissions().readonly()) {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "the file is read-only"));
    }
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    let known = known.map(|it| it.permissions().mode() & 0o777).unwrap_or(0o644);
    file.as_file().set_permissions(fs::Permissions::from_mode(mode.unwrap_or(known)))?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(voice: &str) -> PhoneNumber {
        PhoneNumber {
            sid: "PN1".to_owned(),
            number: "+12065550100".to_owned(),
            friendly_name: String::new(),
            settings: settings(voice),
            application_sid: None,
            trunk_sid: None,
            takes_calls: true,
        }
    }

    fn settings(voice: &str) -> VoiceSettings {
        VoiceSettings { voice: Webhook::post(voice), ..VoiceSettings::default() }
    }

    #[test]
    fn what_a_number_had_first_is_kept_however_often_it_is_connected() {
        let ours = Ours::new("https://two.example.com");
        let ours = ours.formerly(["https://one.example.com/voice".to_owned()]);
        let (one, two) = ("https://one.example.com/voice", "https://two.example.com/voice");
        let mut saved = Saved::new("AC1");
        saved.add(&number("https://agent.example.com"), &settings(one), &ours);
        saved.add(&number(one), &settings(two), &ours);
        saved.add(&number(two), &settings(two), &ours);
        // Somebody has changed the status callback alone.
        let mut changed = number(two);
        changed.settings.status_callback = Webhook::post("https://other.example.com/status");
        saved.add(&changed, &settings(two), &ours);
        let [known] = &saved.numbers[..] else { panic!("one number") };
        let mut expected = settings("https://agent.example.com");
        expected.status_callback = changed.settings.status_callback.clone();
        assert_eq!(known.before.settings(), expected);
        assert_eq!(known.after.settings(), settings(two));
        // Somebody has given it another agent meanwhile.
        saved.add(&number("https://other.example.com"), &settings(two), &ours);
        assert_eq!(
            saved.numbers[0].before.settings().voice.url.as_deref(),
            Some("https://other.example.com")
        );
    }

    #[test]
    fn a_file_is_read_back_and_only_its_owner_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/connect.json");
        assert!(Saved::read(&path).unwrap().is_none());
        let mut saved = Saved::new("AC1");
        let ours = Ours::new("https://one.example.com");
        saved.add(
            &number("https://agent.example.com"),
            &settings("https://one.example.com"),
            &ours,
        );
        saved.write(&path).unwrap();
        assert_eq!(Saved::read(&path).unwrap(), Some(saved));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&path, r#"{"version":2,"accountSid":"AC1","numbers":[],"agentsFile":null}"#)
            .unwrap();
        let Err(failure) = Saved::read(&path) else { panic!("a version that is not known") };
        assert!(failure.message.contains("expected 1"), "{}", failure.message);
    }

    #[test]
    fn a_file_keeps_its_mode_and_one_that_is_read_only_its_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agents.toml");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        write_file(&path, "new", None).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
        assert!(write_file(&path, "newer", None).unwrap_err().to_string().contains("read-only"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    }
}
