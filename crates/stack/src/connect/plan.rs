//! What `connect` does with each number. Nothing here asks or changes anything.

use std::collections::BTreeSet;

use live_users_twilio::rest::{PhoneNumber, VoiceSettings, Webhook};

use super::ours::Ours;

/// The hosts of platforms that have put a number's URLs in place themselves, and their names.
const PLATFORMS: [(&str, &str); 3] =
    [("elevenlabs.io", "ElevenLabs"), ("vapi.ai", "Vapi"), ("retellai.com", "Retell")];

/// A number, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Planned {
    pub(super) number: PhoneNumber,
    pub(super) step: Step,
}

/// What becomes of a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It gets these settings.
    Connect(VoiceSettings),
    /// It has them already.
    Connected,
    /// It stays as it is: why.
    Left(String),
}

/// Decides about every number. `asked` are those that were named, in E.164; without any all are
/// meant.
pub(super) fn plan(numbers: &[PhoneNumber], asked: &BTreeSet<String>, ours: &Ours) -> Vec<Planned> {
    let is_meant = |it: &&PhoneNumber| asked.is_empty() || asked.contains(&it.number);
    let planned = |number: &PhoneNumber| Planned {
        number: number.clone(),
        step: step(number, asked.contains(&number.number), ours),
    };
    numbers.iter().filter(is_meant).map(planned).collect()
}

fn step(number: &PhoneNumber, is_asked: bool, ours: &Ours) -> Step {
    let left = |why: &str| Step::Left(why.to_owned());
    if !number.takes_calls {
        return left("it takes no voice calls");
    }
    if number.trunk_sid.is_some() {
        return left(
            "a SIP trunk takes its calls, which asks for no webhook; the platform behind it can tell of \
             them (docs/SOURCES.md)",
        );
    }
    if number.application_sid.is_some() {
        return left(
            "a TwiML application has its URLs; set them there by hand: applications may serve \
             other numbers, and are not changed",
        );
    }
    let now = &number.settings;
    if ours.is_connected(now) {
        return Step::Connected;
    }
    if let (Some(platform), false) = (platform_of(now), is_asked) {
        return Step::Left(format!(
            "{platform} has set its URLs, and may set them again; --number {} connects it all the \
             same",
            number.number
        ));
    }
    if now.voice.url.is_none() && !is_asked {
        return Step::Left(format!(
            "nothing answers it yet; --number {} connects it, and then the built-in conversation \
             answers",
            number.number
        ));
    }
    Step::Connect(wanted(now, ours))
}

/// What a number gets. When this server fails, Twilio goes to the number's own fallback if it has
/// one, and otherwise straight to the agent.
fn wanted(now: &VoiceSettings, ours: &Ours) -> VoiceSettings {
    let has_own = now.fallback.url.is_some() && !ours.is_voice(&now.fallback, &now.status_callback);
    let fallback = match (has_own, ours.is_voice(&now.voice, &now.status_callback)) {
        (true, _) => now.fallback.clone(),
        (false, true) => Webhook::default(),
        (false, false) => now.voice.clone(),
    };
    VoiceSettings {
        voice: Webhook::post(ours.voice_url()),
        fallback,
        status_callback: Webhook::post(ours.status_callback_url()),
    }
}

/// The platform whose URLs a number has.
pub(crate) fn platform_of(settings: &VoiceSettings) -> Option<&'static str> {
    let urls = [&settings.voice.url, &settings.status_callback.url];
    let hosts = urls.into_iter().flatten().filter_map(|url| {
        let url = reqwest::Url::parse(url).ok()?;
        url.host_str().map(str::to_lowercase)
    });
    hosts.into_iter().find_map(|host| {
        let is_its = |domain: &str| {
            host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        PLATFORMS.iter().find(|(domain, _)| is_its(domain)).map(|(_, name)| *name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use live_users_twilio::Method;

    fn ours() -> Ours {
        Ours::new("https://calls.example.com")
    }

    fn number(voice: Option<&str>) -> PhoneNumber {
        let voice = Webhook { url: voice.map(str::to_owned), method: Method::Get };
        PhoneNumber {
            sid: "PN1".to_owned(),
            number: "+12065550100".to_owned(),
            friendly_name: "Bookings".to_owned(),
            settings: VoiceSettings { voice, ..VoiceSettings::default() },
            application_sid: None,
            trunk_sid: None,
            takes_calls: true,
        }
    }

    fn step_of(number: &PhoneNumber, asked: bool) -> Step {
        step(number, asked, &ours())
    }

    fn why(step: Step) -> String {
        match step {
            Step::Left(why) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_agents_own_url_is_the_fallback_unless_there_is_one() {
        let Step::Connect(wanted) =
            step_of(&number(Some("https://agent.example.com/voice")), false)
        else {
            panic!("it is connected");
        };
        assert_eq!(wanted.voice, Webhook::post("https://calls.example.com/voice"));
        let agent = "https://agent.example.com/voice".to_owned();
        assert_eq!(wanted.fallback, Webhook { url: Some(agent), method: Method::Get });
        assert_eq!(
            wanted.status_callback,
            Webhook::post("https://calls.example.com/call-status#ct=500&rc=5&rp=all")
        );
        let mut with_fallback = number(Some("https://agent.example.com/voice"));
        let own = Webhook::post("https://handler.example.com/sorry");
        with_fallback.settings.fallback = own.clone();
        let Step::Connect(wanted) = step_of(&with_fallback, false) else { panic!() };
        assert_eq!(wanted.fallback, own);
    }

    #[test]
    fn what_is_connected_stays_and_what_is_half_connected_is_completed() {
        let Step::Connect(wanted) = step_of(&number(Some("https://agent.example.com/v")), false)
        else {
            panic!()
        };
        let mut connected = number(None);
        connected.settings = wanted.clone();
        assert_eq!(step_of(&connected, true), Step::Connected);
        connected.settings.status_callback = Webhook::post("https://other.example.com/status");
        assert_eq!(step_of(&connected, false), Step::Connect(wanted));
    }

    #[test]
    fn what_belongs_to_others_is_left_and_told() {
        let mut application = number(Some("https://agent.example.com/v"));
        application.application_sid = Some("AP1".to_owned());
        assert!(why(step_of(&application, true)).contains("TwiML application"));
        let mut trunk = number(None);
        trunk.trunk_sid = Some("TK1".to_owned());
        assert!(why(step_of(&trunk, true)).contains("SIP trunk"));
        let mut messages = number(None);
        messages.takes_calls = false;
        assert!(why(step_of(&messages, true)).contains("no voice calls"));
    }

    #[test]
    fn a_platforms_number_and_one_that_nothing_answers_wait_to_be_asked_for() {
        for (url, name) in [
            ("https://api.elevenlabs.io/twilio/inbound_call", "ElevenLabs"),
            ("https://api.us.elevenlabs.io/twilio/inbound_call", "ElevenLabs"),
            ("https://API.VAPI.AI/twilio/inbound_call", "Vapi"),
            ("https://api.retellai.com/twilio-voice-webhook/x", "Retell"),
        ] {
            assert!(why(step_of(&number(Some(url)), false)).starts_with(name), "{url}");
            assert!(matches!(step_of(&number(Some(url)), true), Step::Connect(_)), "{url}");
        }
        let lookalike = number(Some("https://notvapi.ai/voice"));
        assert!(matches!(step_of(&lookalike, false), Step::Connect(_)));
        assert!(why(step_of(&number(None), false)).contains("nothing answers it"));
        assert!(matches!(step_of(&number(None), true), Step::Connect(_)));
    }
}
