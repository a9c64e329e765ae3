//! The IncomingPhoneNumbers resource: the numbers of an account, and where each sends its calls.
//!
//! Facts from Twilio's API description and its Python package (9.10.0): a number's `voice_url` is
//! not used while it has a `voice_application_sid` or a `trunk_sid`. An update is a POST to the
//! number, in which absent fields stay as they are and an empty one is taken away.

use percent_encoding::utf8_percent_encode;
use serde_json::{Map, Value};

use super::parse::{self, Unreadable};
use super::{PAGE_SIZE, SEGMENT};
use crate::Method;

/// The longest URL of a number, in bytes.
const URL_BYTES_MAX: usize = 4096;

/// A URL that Twilio requests, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Webhook {
    /// The URL; `None` if there is none.
    pub url: Option<String>,
    /// The method. It stands there without a URL, too.
    pub method: Method,
}

impl Webhook {
    /// A URL that is requested by POST.
    pub fn post(url: impl Into<String>) -> Self {
        Self { url: Some(url.into()), method: Method::Post }
    }
}

/// What a number does with calls: the fields that can be changed here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VoiceSettings {
    /// `VoiceUrl`: a call comes in.
    pub voice: Webhook,
    /// `VoiceFallbackUrl`: the primary handler fails.
    pub fallback: Webhook,
    /// `StatusCallback`: the call is over.
    pub status_callback: Webhook,
}

/// A phone number of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneNumber {
    /// `PN` and 32 hexadecimal digits.
    pub sid: String,
    /// The number in E.164.
    pub number: String,
    /// What people call it; a new number has its own digits there.
    pub friendly_name: String,
    /// What it does with calls, unless one of the next two is set.
    pub settings: VoiceSettings,
    /// The TwiML application that has the voice URLs instead.
    pub application_sid: Option<String>,
    /// The Elastic SIP trunk that takes the calls instead.
    pub trunk_sid: Option<String>,
    /// Whether it takes voice calls: not a number for messages or for fax alone.
    pub takes_calls: bool,
}

/// A page of the list of numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NumberPage {
    /// The numbers.
    pub numbers: Vec<PhoneNumber>,
    /// The path and query of the next page on the same host; `None` on the last one.
    pub next_page_uri: Option<String>,
}

impl NumberPage {
    /// The path and query of the first page, below the address of the REST API.
    pub fn first(account_sid: &str) -> String {
        let account = utf8_percent_encode(account_sid, SEGMENT);
        format!("/2010-04-01/Accounts/{account}/IncomingPhoneNumbers.json?PageSize={PAGE_SIZE}")
    }

    /// Reads the body of a page. An entry without `sid` or `phone_number` is left out.
    ///
    /// # Errors
    /// If it is no JSON object with an array `incoming_phone_numbers`, or its `next_page_uri` is
    /// anything but a path on the same host.
    pub fn parse(body: &[u8]) -> Result<Self, Unreadable> {
        let fields = parse::object(body)?;
        let Some(Value::Array(entries)) = fields.get("incoming_phone_numbers") else {
            return Err(Unreadable::Numbers);
        };
        let next_page_uri = parse::next_page_uri(&fields)?;
        let numbers = entries.iter().filter_map(|entry| number_of(entry.as_object()?)).collect();
        Ok(Self { numbers, next_page_uri })
    }
}

impl PhoneNumber {
    /// The path of one number, below the address of the REST API: GET reads, POST changes it.
    pub fn path(account_sid: &str, sid: &str) -> String {
        let account = utf8_percent_encode(account_sid, SEGMENT);
        let sid = utf8_percent_encode(sid, SEGMENT);
        format!("/2010-04-01/Accounts/{account}/IncomingPhoneNumbers/{sid}.json")
    }

    /// Reads the body of a single number.
    ///
    /// # Errors
    /// If it is no JSON object, or has no usable `sid` and `phone_number`.
    pub fn parse(body: &[u8]) -> Result<Self, Unreadable> {
        number_of(&parse::object(body)?).ok_or(Unreadable::Number)
    }
}

impl VoiceSettings {
    /// The fields of the POST that gives a number these settings, and leaves everything else.
    pub fn form(&self) -> [(&'static str, &str); 6] {
        fn url(webhook: &Webhook) -> &str {
            webhook.url.as_deref().unwrap_or_default()
        }
        [
            ("VoiceUrl", url(&self.voice)),
            ("VoiceMethod", self.voice.method.as_str()),
            ("VoiceFallbackUrl", url(&self.fallback)),
            ("VoiceFallbackMethod", self.fallback.method.as_str()),
            ("StatusCallback", url(&self.status_callback)),
            ("StatusCallbackMethod", self.status_callback.method.as_str()),
        ]
    }
}

fn number_of(fields: &Map<String, Value>) -> Option<PhoneNumber> {
    let text = |name: &str| parse::text(fields.get(name)).map(str::to_owned);
    let webhook = |url: &str, method: &str| Webhook {
        url: text(url).filter(|url| url.len() <= URL_BYTES_MAX),
        method: text(method).and_then(|it| Method::parse(&it)).unwrap_or_default(),
    };
    // Absent is not "no": compatible providers leave it out.
    let voice = fields.get("capabilities").and_then(|it| it.get("voice")).and_then(Value::as_bool);
    let is_fax = text("voice_receive_mode").as_deref() == Some("fax");
    Some(PhoneNumber {
        sid: text("sid")?,
        number: text("phone_number")?,
        friendly_name: text("friendly_name").unwrap_or_default(),
        settings: VoiceSettings {
            voice: webhook("voice_url", "voice_method"),
            fallback: webhook("voice_fallback_url", "voice_fallback_method"),
            status_callback: webhook("status_callback", "status_callback_method"),
        },
        application_sid: text("voice_application_sid"),
        trunk_sid: text("trunk_sid"),
        takes_calls: voice.unwrap_or(true) && !is_fax,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn number() -> Value {
        json!({
            "sid": "PN00000000000000000000000000000001",
            "phone_number": "+12065550100",
            "friendly_name": "Table bookings",
            "voice_url": "https://agent.example.com/voice",
            "voice_method": "GET",
            "voice_fallback_url": "",
            "voice_fallback_method": "POST",
            "status_callback": null,
            "status_callback_method": "POST",
            "voice_application_sid": "",
            "trunk_sid": null,
            "capabilities": {"voice": true, "sms": true, "mms": false, "fax": false},
            "voice_receive_mode": "voice",
        })
    }

    #[test]
    fn a_number_is_read_with_what_it_does_with_calls() {
        let parsed = PhoneNumber::parse(number().to_string().as_bytes()).unwrap();
        assert_eq!(parsed.number, "+12065550100");
        let voice = Webhook {
            url: Some("https://agent.example.com/voice".to_owned()),
            method: Method::Get,
        };
        assert_eq!(parsed.settings, VoiceSettings { voice, ..VoiceSettings::default() });
        assert_eq!(
            (parsed.application_sid, parsed.trunk_sid, parsed.takes_calls),
            (None, None, true)
        );
    }

    #[test]
    fn a_page_leaves_out_what_is_no_number_and_leads_to_no_other_host() {
        let page = |next: Value| {
            json!({
                "incoming_phone_numbers": [number(), {"sid": "PN2"}, 7],
                "next_page_uri": next,
            })
            .to_string()
        };
        let parsed = NumberPage::parse(page(json!("/2010-04-01/x?Page=1")).as_bytes()).unwrap();
        assert_eq!(parsed.numbers.len(), 1);
        assert_eq!(parsed.next_page_uri.as_deref(), Some("/2010-04-01/x?Page=1"));
        let elsewhere = page(json!("https://elsewhere.example/x"));
        assert_eq!(NumberPage::parse(elsewhere.as_bytes()), Err(Unreadable::NextPage));
        assert_eq!(NumberPage::parse(b"{}"), Err(Unreadable::Numbers));
    }

    #[test]
    fn a_number_for_messages_or_fax_takes_no_calls() {
        for (field, value) in [
            ("capabilities", json!({"voice": false, "sms": true})),
            ("voice_receive_mode", json!("fax")),
        ] {
            let mut number = number();
            number[field] = value;
            let parsed = PhoneNumber::parse(number.to_string().as_bytes()).unwrap();
            assert!(!parsed.takes_calls, "{field}");
        }
        let mut without = number();
        without.as_object_mut().unwrap().remove("capabilities");
        assert!(PhoneNumber::parse(without.to_string().as_bytes()).unwrap().takes_calls);
    }

    #[test]
    fn a_change_names_all_voice_fields_and_no_other() {
        let settings = VoiceSettings {
            voice: Webhook::post("https://calls.example.com/voice"),
            ..VoiceSettings::default()
        };
        assert_eq!(
            settings.form(),
            [
                ("VoiceUrl", "https://calls.example.com/voice"),
                ("VoiceMethod", "POST"),
                ("VoiceFallbackUrl", ""),
                ("VoiceFallbackMethod", "POST"),
                ("StatusCallback", ""),
                ("StatusCallbackMethod", "POST"),
            ]
        );
    }
}
