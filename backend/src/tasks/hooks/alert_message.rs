//! What a hook is sent of an alert, in each form.

use live_users_intake::hooks::HookFormat;
use live_users_state::AlertNews;
use live_users_wire::{AlertData, AlertEventView};
use mail_builder::MessageBuilder;
use serde_json::json;

use super::message::{Message, message};
use crate::parts::alert_views::{event_view, text, title};
use crate::parts::hooks::Hook;
use live_users_intake::hooks::HookEvent;

/// What has happened to an alert. There is nothing of a caller in it, and nothing that people have
/// written but ids of the agents file, so no form needs anything escaped.
pub(super) fn of_alert(hook: &Hook, number: u64, news: &AlertNews) -> Message {
    let event = event_view(news);
    // The number begins again with a new journal; the time does not.
    let id = format!("{}-{:x}-alert-{number}", hook.id(), news.at.0);
    let body = match hook.table.format() {
        HookFormat::LiveUsers => {
            let text = text(&event);
            return message(id, HookEvent::Alert, news.at, AlertData { event, text });
        }
        HookFormat::Slack => slack(&event),
        HookFormat::Teams => teams(&event),
        HookFormat::Mail => mail(hook, &id, (news, &event)),
    };
    Message { id, body }
}

/// For an incoming webhook of Slack: the text is what a notification shows, the blocks the channel.
fn slack(event: &AlertEventView) -> String {
    let (title, text) = (title(event), text(event));
    let plain = |text: &str| json!({ "type": "plain_text", "text": text });
    let blocks = [
        json!({ "type": "header", "text": plain(&title) }),
        json!({ "type": "section", "text": plain(&text) }),
    ];
    json!({ "text": format!("{title}: {text}"), "blocks": blocks }).to_string()
}

/// For a webhook of Workflows in Microsoft Teams: an Adaptive Card. Runs of text are no Markdown.
fn teams(event: &AlertEventView) -> String {
    let colour = match &*event.state {
        "firing" => "Attention",
        "resolved" => "Good",
        _ => "Accent",
    };
    let run = |text: String, more: serde_json::Value| {
        let mut run = json!({ "type": "TextRun", "text": text });
        let (fields, more) = (run.as_object_mut(), more.as_object().cloned());
        fields.expect("an object").extend(more.unwrap_or_default());
        json!({ "type": "RichTextBlock", "inlines": [run] })
    };
    let heading = json!({ "weight": "Bolder", "size": "Medium", "color": colour });
    let body = [run(title(event), heading), run(text(event), json!({}))];
    let card = json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "fallbackText": title(event),
        "body": body,
    });
    let attachment = json!({
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": null,
        "content": card,
    });
    json!({ "type": "message", "attachments": [attachment] }).to_string()
}

/// A whole message (RFC 5322), for a command that reads whom it is for from its head.
fn mail(hook: &Hook, id: &str, (news, event): (&AlertNews, &AlertEventView)) -> String {
    let from = hook.table.mail_from.as_deref().unwrap_or_default();
    let domain = from.rsplit('@').next().unwrap_or_default();
    let to: Vec<&str> = hook.table.mail_to.iter().map(String::as_str).collect();
    let mail = MessageBuilder::new()
        .from(from)
        .to(to)
        .subject(format!("{} at Live Users", title(event)))
        .date(i64::try_from(news.at.0 / 1_000).unwrap_or_default())
        // The same each time that it is sent.
        .message_id(format!("{id}@{domain}"))
        .header("Auto-Submitted", mail_builder::headers::raw::Raw::new("auto-generated"))
        .text_body(format!("{}\r\n", text(event)));
    mail.write_to_string().expect("a message in memory is text")
}
