//! The bodies of the phone numbers, applications and alerts, with every field that Twilio's have
//! (as its Python package 9.10.0 lists them).

use live_users_twilio::rest::{PhoneNumber, VoiceSettings, Webhook};
use serde_json::{Value, json};

use super::{Application, NotedAlert, Window};
use crate::rest::json::iso_date;

/// A page of numbers.
pub(in crate::rest) fn numbers(
    (page, has_more): &(Vec<&PhoneNumber>, bool),
    window: Window,
    account_sid: &str,
) -> Value {
    let uri = |page: usize| {
        format!(
            "/2010-04-01/Accounts/{account_sid}/IncomingPhoneNumbers.json?PageSize={}&Page={page}",
            window.size
        )
    };
    let start = window.page.saturating_mul(window.size);
    json!({
        "incoming_phone_numbers": page.iter().map(|it| number(it, account_sid)).collect::<Vec<_>>(),
        "first_page_uri": uri(0),
        "next_page_uri": has_more.then(|| uri(window.page + 1)),
        "previous_page_uri": window.page.checked_sub(1).map(uri),
        "uri": uri(window.page),
        "page": window.page,
        "page_size": window.size,
        "start": start,
        "end": start.saturating_add(page.len()).saturating_sub(1),
    })
}

/// A single number.
pub(in crate::rest) fn number(number: &PhoneNumber, account_sid: &str) -> Value {
    let PhoneNumber { sid, application_sid, trunk_sid, takes_calls, .. } = number;
    let mut body = json!({
        "sid": sid,
        "account_sid": account_sid,
        "address_requirements": "none",
        "address_sid": null,
        "api_version": "2010-04-01",
        "beta": false,
        "bundle_sid": null,
        "capabilities": {"voice": takes_calls, "sms": true, "mms": true, "fax": false},
        "date_created": "Wed, 04 Nov 2026 09:44:58 +0000",
        "date_updated": "Wed, 04 Nov 2026 09:44:58 +0000",
        "emergency_address_sid": null,
        "emergency_address_status": "unregistered",
        "emergency_status": "Inactive",
        "friendly_name": number.friendly_name,
        "identity_sid": null,
        "origin": "twilio",
        "phone_number": number.number,
        "sms_application_sid": "",
        "sms_fallback_method": "POST",
        "sms_fallback_url": "",
        "sms_method": "POST",
        "sms_url": "https://messages.example.com/sms",
        "status": "in-use",
        "trunk_sid": trunk_sid,
        "uri": format!("/2010-04-01/Accounts/{account_sid}/IncomingPhoneNumbers/{sid}.json"),
        "voice_application_sid": application_sid.clone().unwrap_or_default(),
        "voice_caller_id_lookup": false,
        "voice_receive_mode": "voice",
    });
    add_settings(&mut body, &number.settings);
    body
}

/// A single TwiML application.
pub(in crate::rest) fn application(application: &Application, account_sid: &str) -> Value {
    let sid = &application.sid;
    let mut body = json!({
        "sid": sid,
        "account_sid": account_sid,
        "api_version": "2010-04-01",
        "date_created": "Wed, 04 Nov 2026 09:44:58 +0000",
        "date_updated": "Wed, 04 Nov 2026 09:44:58 +0000",
        "friendly_name": application.friendly_name,
        "message_status_callback": null,
        "public_application_connect_enabled": false,
        "sms_fallback_method": "POST",
        "sms_fallback_url": null,
        "sms_method": "POST",
        "sms_status_callback": null,
        "sms_url": null,
        "uri": format!("/2010-04-01/Accounts/{account_sid}/Applications/{sid}.json"),
        "voice_caller_id_lookup": false,
    });
    add_settings(&mut body, &application.settings);
    body
}

/// A page of alerts; there is never a second one.
pub(in crate::rest) fn alerts(alerts: &[&NotedAlert], account_sid: &str) -> Value {
    let alert = |(n, alert): (usize, &&NotedAlert)| {
        let (sid, at) = (format!("NO{n:032x}"), iso_date(alert.at_ms));
        json!({
            "sid": sid,
            "account_sid": account_sid,
            "alert_text": "",
            "api_version": "2010-04-01",
            "date_created": at,
            "date_generated": at,
            "date_updated": at,
            "error_code": alert.code.to_string(),
            "log_level": "error",
            "more_info": format!("https://www.twilio.com/docs/errors/{}", alert.code),
            "request_method": "POST",
            "request_url": alert.request_url,
            "resource_sid": null,
            "service_sid": null,
            "url": format!("https://monitor.twilio.com/v1/Alerts/{sid}"),
        })
    };
    json!({
        "alerts": alerts.iter().enumerate().map(alert).collect::<Vec<_>>(),
        "meta": {
            "first_page_url": "https://monitor.twilio.com/v1/Alerts?PageSize=50&Page=0",
            "key": "alerts",
            "next_page_url": null,
            "page": 0,
            "page_size": 50,
            "previous_page_url": null,
            "url": "https://monitor.twilio.com/v1/Alerts?PageSize=50&Page=0",
        },
    })
}

fn add_settings(body: &mut Value, settings: &VoiceSettings) {
    for (name, webhook) in [
        ("voice", &settings.voice),
        ("voice_fallback", &settings.fallback),
        ("status_callback", &settings.status_callback),
    ] {
        let Webhook { url, method } = webhook;
        // The status callback's field has no `_url`.
        let url_field =
            if name == "status_callback" { name.to_owned() } else { format!("{name}_url") };
        body[url_field] = url.clone().unwrap_or_default().into();
        body[format!("{name}_method")] = method.as_str().into();
    }
}
