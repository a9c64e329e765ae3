//! From what the provider says to evidence: the last place where a stray string can exist.

use std::sync::Arc;

use crate::agents::{self, Agents};
use live_users_core::{
    Agent, AgentFrom, CallId, CallIdError, Country, Direction, EndReason, Evidence, Place, Said,
    Source,
};
use live_users_twilio::rest::CallResource;
use live_users_twilio::{self as twilio, CallStatus, Geography, StatusField, Webhook};

use crate::caller::CallerKey;
use crate::country;
use crate::party::Party;

/// The longest call that there can be, in seconds: Twilio's limit is 24 h, and an hour is added for
/// compatible providers that count the ringing. A longer duration is a mistake.
const DURATION_S_MAX: u32 = 25 * 3600;

/// What a webhook may name its call is what a call may be named.
const _: () = assert!(twilio::CALL_SID_BYTES_MAX == CallId::BYTES_MAX);

/// Whose call it is.
pub(crate) struct Attribution<'a> {
    /// The agent that the call counts for.
    pub(crate) agent: Agent,
    /// How that is known.
    pub(crate) from: AgentFrom,
    /// The agent that answers, if it is configured.
    pub(crate) configured: Option<&'a agents::Agent>,
}

impl<'a> Attribution<'a> {
    /// The agent by its id in the URL, else by its number, else the number itself: an agent that
    /// nobody configured is never dropped.
    pub(crate) fn of(id: Option<&str>, parties: &Parties<'_>, agents: &'a Agents) -> Self {
        let ours = parties.ours;
        let by_number = ours.and_then(|ours| agents.by_number(ours));
        if let Some(id) = id {
            let configured = agents.by_id(id).or(by_number);
            return Self { agent: Agent::Id(Arc::from(id)), from: AgentFrom::Url, configured };
        }
        let agent = match (by_number, ours) {
            (Some(agent), _) => Agent::Id(Arc::from(agent.id.as_str())),
            (None, Some(ours)) if !parties.is_dialled_by_a_client => {
                Agent::Address(Arc::from(ours))
            }
            (None, _) => Agent::Unknown,
        };
        Self { agent, from: AgentFrom::Address, configured: by_number }
    }
}

/// What a webhook says about its call.
///
/// # Errors
/// If the id of the call cannot be one.
pub(crate) fn of_webhook(
    webhook: &Webhook,
    source: Source,
    parties: &Parties<'_>,
    attribution: &Attribution<'_>,
    (agents, key): (&Agents, &CallerKey),
) -> Result<Evidence, CallIdError> {
    let said = said(webhook.status);
    let call = CallId::parse(&webhook.call_sid)?;
    let parent = webhook.parent_call_sid.as_deref().and_then(|sid| CallId::parse(sid).ok());
    let evidence =
        between(parties, attribution, (agents, key), Evidence::about(call, source, said));
    Ok(Evidence {
        // A parent whose id cannot be used makes this call a leg all the same.
        direction: match parent {
            None if webhook.has_parent => Some(Direction::Dial),
            _ => evidence.direction,
        },
        parent,
        duration_s: of_a_call_that_is_over(said, webhook.call_duration_s),
        ..evidence
    })
}

/// What the provider's list of calls says about one of which there was no webhook, if it is one for
/// us: a leg belongs to its parent, and when agents have numbers, a call on another number is
/// somebody else's on the same account.
pub(crate) fn of_unheard(
    call: &CallResource,
    agents: &Agents,
    key: &CallerKey,
) -> Option<Evidence> {
    let parties = Parties::of_resource(call);
    let is_whole = call.parent_call_sid.is_none()
        && matches!(parties.direction, Some(Direction::Inbound | Direction::Outbound));
    let attribution = Attribution::of(None, &parties, agents);
    let any_number = agents.iter().all(|agent| agent.numbers.is_empty());
    if !is_whole || !(any_number || attribution.configured.is_some()) {
        return None;
    }
    let said = call.status.map_or(Said::Nothing, said_by);
    let evidence = Evidence::about(CallId::parse(&call.sid).ok()?, Source::Referee, said);
    Some(between(&parties, &attribution, (agents, key), evidence))
}

/// The evidence with who is on the call: the agent, the person and where that person is.
fn between(
    parties: &Parties<'_>,
    attribution: &Attribution<'_>,
    (agents, key): (&Agents, &CallerKey),
    evidence: Evidence,
) -> Evidence {
    let theirs = parties.theirs.unwrap_or_default();
    let party = Party::parse(theirs);
    let is_told = parties.their_place.is_some_and(Geography::is_told);
    let identity = party.identity(is_told).filter(|_| !agents.is_own_number(theirs));
    Evidence {
        direction: parties.direction,
        agent: attribution.agent.clone(),
        agent_from: attribution.from,
        // Behind the number of a switchboard is always somebody else.
        caller: identity
            .filter(|_| !agents.is_shared_number(theirs))
            .map(|identity| key.caller(identity)),
        // Twilio takes the country from the number, and a number that stands for "withheld" has
        // none, whatever its digits say. Our own numbers are where we rented them.
        place: match identity {
            Some(_) => place(parties.their_place, &party),
            None => Place::default(),
        },
        ..evidence
    }
}

/// What the provider says about a single call that it was asked for, if its status is known.
pub(crate) fn of_known(call: CallId, resource: &CallResource) -> Option<Evidence> {
    let said = said_by(resource.status?);
    let duration_s = of_a_call_that_is_over(said, resource.duration_s);
    Some(Evidence { duration_s, ..Evidence::about(call, Source::Referee, said) })
}

/// While a call goes on there is no duration, or one that is 0 or still grows.
fn of_a_call_that_is_over(said: Said, duration_s: Option<u32>) -> Option<u32> {
    match said {
        Said::Over(_) => duration_s.filter(|duration_s| *duration_s <= DURATION_S_MAX),
        Said::Nothing | Said::Dialing | Said::InProgress => None,
    }
}

/// The two ends of a call: the person is who calls us, or whom we call.
#[derive(Default)]
pub(crate) struct Parties<'a> {
    direction: Option<Direction>,
    /// The agent's number or address.
    ours: Option<&'a str>,
    /// The person's.
    theirs: Option<&'a str>,
    /// Where the person is, as far as the provider says.
    their_place: Option<&'a Geography>,
    /// A call from a browser or an app is inbound although a person dials out: what it calls may be
    /// anybody's phone number, which is none of ours and must not be kept.
    is_dialled_by_a_client: bool,
}

impl<'a> Parties<'a> {
    /// As a webhook names them.
    pub(crate) fn of_webhook(webhook: &'a Webhook) -> Self {
        let from = (webhook.from.as_deref(), Some(&webhook.from_place));
        let to = (webhook.to.as_deref(), Some(&webhook.to_place));
        Self::of(webhook.direction, from, to)
    }

    /// As the provider's list of calls names them, which says nothing of places.
    pub(crate) fn of_resource(call: &'a CallResource) -> Self {
        Self::of(call.direction, (call.from.as_deref(), None), (call.to.as_deref(), None))
    }

    fn of(
        direction: Option<twilio::Direction>,
        from: (Option<&'a str>, Option<&'a Geography>),
        to: (Option<&'a str>, Option<&'a Geography>),
    ) -> Self {
        let direction = direction.map(|direction| match direction {
            twilio::Direction::Inbound => Direction::Inbound,
            twilio::Direction::Outbound => Direction::Outbound,
            twilio::Direction::OutboundDial => Direction::Dial,
        });
        let ((ours, _), (theirs, their_place)) = match direction {
            None | Some(Direction::Inbound) => (to, from),
            Some(Direction::Outbound | Direction::Dial) => (from, to),
        };
        let is_dialled_by_a_client = from.0.is_some_and(|from| from.starts_with("client:"));
        Self { direction, ours, theirs, their_place, is_dialled_by_a_client }
    }
}

fn said(status: StatusField) -> Said {
    match status {
        StatusField::Missing | StatusField::Unknown => Said::Nothing,
        StatusField::Known(status) => said_by(status),
    }
}

/// What a status means.
pub(crate) fn said_by(status: CallStatus) -> Said {
    match status {
        CallStatus::Queued | CallStatus::Initiated | CallStatus::Ringing => Said::Dialing,
        CallStatus::InProgress => Said::InProgress,
        CallStatus::Completed => Said::Over(EndReason::Completed),
        CallStatus::Busy => Said::Over(EndReason::Busy),
        CallStatus::Failed => Said::Over(EndReason::Failed),
        CallStatus::NoAnswer => Said::Over(EndReason::NoAnswer),
        CallStatus::Canceled => Said::Over(EndReason::Canceled),
    }
}

/// The provider's word counts; without it, as in its lists of calls and with some compatible
/// providers, the number's own country.
fn place(geography: Option<&Geography>, theirs: &Party) -> Place {
    let part =
        |part: fn(&Geography) -> &Option<String>| geography.and_then(|it| part(it).as_deref());
    let named = part(|it| &it.country).and_then(Country::parse);
    let country = named.or_else(|| country::of_number(theirs.international_number()?));
    // A region or a city of no country could be anywhere.
    let within = |name: Option<&str>| name.filter(|_| country.is_some()).map(Arc::from);
    Place { country, region: within(part(|it| &it.state)), city: within(part(|it| &it.city)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use live_users_twilio::Form;

    const INBOUND: [(&str, &str); 7] = [
        ("CallSid", "CA1"),
        ("CallStatus", "ringing"),
        ("Direction", "inbound"),
        ("From", "+14155550123"),
        ("FromCountry", "US"),
        ("FromState", "CA"),
        ("To", "+15005550006"),
    ];

    fn evidence(fields: &[(&str, &str)], agent_id: Option<&str>) -> Evidence {
        let webhook = Webhook::parse(&Form::from_pairs(fields.iter().copied())).unwrap();
        let key = CallerKey::new("0123456789abcdef").unwrap();
        let (agents, _) = Agents::parse(
            "shared = [\"+442079460000\"]\n\
             [[agent]]\nid = \"booking\"\nname = \"Bookings\"\nnumbers = [\"+15005550006\"]",
        );
        let parties = Parties::of_webhook(&webhook);
        let attribution = Attribution::of(agent_id, &parties, &agents);
        of_webhook(&webhook, Source::Voice, &parties, &attribution, (&agents, &key)).unwrap()
    }

    fn inbound_with(name: &str, value: &str) -> Evidence {
        let fields: Vec<_> = INBOUND.into_iter().filter(|(n, _)| *n != name).collect();
        evidence(&[&fields[..], &[(name, value)]].concat(), None)
    }

    #[test]
    fn the_person_is_who_calls_us_or_whom_we_call() {
        let inbound = evidence(&INBOUND, None);
        let outbound = evidence(
            &[
                ("CallSid", "CA2"),
                ("Direction", "outbound-api"),
                ("From", "+15005550006"),
                ("To", "+14155550123"),
                ("ToCountry", "US"),
                ("ToState", "CA"),
            ],
            None,
        );
        assert!(inbound.caller.is_some());
        assert_eq!(inbound.caller, outbound.caller);
        assert_eq!(inbound.place, outbound.place);
        assert_eq!(inbound.agent, outbound.agent);
        assert_eq!(inbound.agent, Agent::Id("booking".into()));
    }

    #[test]
    fn an_agent_is_found_by_url_then_by_number_and_else_shows_up_as_itself() {
        assert_eq!(evidence(&INBOUND, Some("x")).agent, Agent::Id("x".into()));
        let whatsapp = inbound_with("To", "whatsapp:+15005550006");
        assert_eq!(whatsapp.agent, Agent::Id("booking".into()));
        assert_eq!(inbound_with("To", "+1999").agent, Agent::Address("+1999".into()));
        assert_eq!(inbound_with("To", "").agent, Agent::Unknown);
    }

    #[test]
    fn an_agent_is_found_by_each_spelling_of_its_number() {
        for to in ["15005550006", "0015005550006", "sip:+15005550006@pbx.example.com:5060;a=b"] {
            assert_eq!(inbound_with("To", to).agent, Agent::Id("booking".into()), "{to}");
        }
    }

    #[test]
    fn our_own_number_is_nobodys_identity_and_no_place() {
        for from in ["+15005550006", "sip:15005550006@a.example", "whatsapp:+15005550006"] {
            let evidence = inbound_with("From", from);
            assert_eq!((evidence.caller, evidence.place), (None, Place::default()), "{from}");
        }
    }

    #[test]
    fn a_number_that_many_share_is_nobodys_identity_but_in_its_country() {
        for from in ["+442079460000", "sip:442079460000@a.example"] {
            let fields = [("CallSid", "CA1"), ("From", from), ("FromCountry", "GB")];
            let evidence = evidence(&fields, None);
            assert_eq!(evidence.caller, None, "{from}");
            assert_eq!(evidence.place.country, Country::parse("GB"), "{from}");
        }
    }

    #[test]
    fn a_doubtful_number_is_a_persons_where_a_place_is_told() {
        let of = |more: (&str, &str)| {
            evidence(&[("CallSid", "CA1"), ("From", "+17378742833"), more], None)
        };
        for told in ["FromCity", "FromState", "FromZip", "FromCountry", "CallerZip"] {
            let evidence = of((told, "US"));
            assert!(evidence.caller.is_some(), "{told}");
            assert_eq!(evidence.place.country, Country::parse("US"), "{told}");
        }
        for blank in [("FromCity", ""), ("ToCountry", "US"), ("FromZip", " ")] {
            let evidence = of(blank);
            assert_eq!((evidence.caller, evidence.place), (None, Place::default()), "{blank:?}");
        }
    }

    #[test]
    fn a_parent_that_cannot_be_used_makes_a_leg() {
        let leg = inbound_with("ParentCallSid", "no id");
        assert_eq!((leg.parent.clone(), leg.claim()), (None, live_users_core::Claim::Leg));
        assert_ne!(inbound_with("ParentCallSid", "").claim(), live_users_core::Claim::Leg);
    }

    #[test]
    fn what_a_browser_dials_is_not_kept_since_it_may_be_anybodys_number() {
        let dial = |to| evidence(&[("CallSid", "CA1"), ("From", "client:jo"), ("To", to)], None);
        assert_eq!(dial("+14155550123").agent, Agent::Unknown);
        assert_eq!(dial("+15005550006").agent, Agent::Id("booking".into()));
    }

    #[test]
    fn a_withheld_caller_has_no_country_though_the_number_that_stands_for_it_does() {
        let withheld =
            evidence(&[("CallSid", "CA1"), ("From", "+266696687"), ("FromCountry", "LS")], None);
        assert_eq!((withheld.caller, withheld.place), (None, Place::default()));
    }

    #[test]
    fn the_duration_is_in_seconds_and_of_a_call_that_is_over() {
        let of = |status, duration| {
            let fields = [("CallSid", "CA1"), ("CallStatus", status), ("CallDuration", duration)];
            // The other one is in minutes.
            evidence(&[&fields[..], &[("Duration", "2")]].concat(), None).duration_s
        };
        assert_eq!(of("completed", "61"), Some(61));
        assert_eq!(of("completed", "90000"), Some(90_000));
        for (status, duration) in
            [("completed", "90001"), ("completed", ""), ("completed", "-1"), ("in-progress", "61")]
        {
            assert_eq!(of(status, duration), None, "{status} {duration}");
        }
    }

    #[test]
    fn the_reconciler_receives_the_duration_too() {
        let of = |status| {
            let resource = CallResource {
                sid: "CA1".to_owned(),
                parent_call_sid: None,
                status,
                direction: None,
                from: None,
                to: None,
                duration_s: Some(61),
            };
            of_known(CallId::parse("CA1").unwrap(), &resource).map(|evidence| evidence.duration_s)
        };
        assert_eq!(of(Some(CallStatus::Completed)), Some(Some(61)));
        assert_eq!(of(Some(CallStatus::InProgress)), Some(None));
        assert_eq!(of(None), None);
    }

    #[test]
    fn a_country_that_is_none_is_unknown_and_its_region_too() {
        assert_eq!(
            inbound_with("FromCountry", "Oz").place,
            inbound_with("FromCountry", "OZ").place
        );
        let fields = [("CallSid", "CA1"), ("From", "client:jo"), ("FromCountry", "O2")];
        let unknown = evidence(&[&fields[..], &[("FromState", "CA")]].concat(), None);
        assert_eq!(unknown.place, Place::default());
    }

    #[test]
    fn the_city_is_taken_where_it_is_sent_and_a_country_is_known() {
        let city = inbound_with("FromCity", "SAN FRANCISCO").place;
        assert_eq!(city.city.as_deref(), Some("SAN FRANCISCO"));
        assert_eq!(city.area(), evidence(&INBOUND, None).place);
        let fields = [("CallSid", "CA1"), ("From", "client:jo"), ("FromCity", "OSLO")];
        assert_eq!(evidence(&fields, None).place, Place::default());
        let withheld = [("CallSid", "CA1"), ("From", "anonymous"), ("FromCity", "MASERU")];
        assert_eq!(evidence(&withheld, None).place, Place::default());
    }

    #[test]
    fn without_a_country_the_number_gives_it() {
        let place = |from| evidence(&[("CallSid", "CA1"), ("From", from)], None).place;
        assert_eq!(place("+14165550123").country, Country::parse("CA"));
        assert_eq!(place("+442079460123").country, Country::parse("GB"));
        assert_eq!(place("+266696687"), Place::default(), "withheld, and not in Lesotho");
        assert_eq!(place("sip:+442079460123@example.com").country, Country::parse("GB"));
        assert_eq!(place("sip:2079460123@example.com"), Place::default(), "it may be a local one");
        assert_eq!(inbound_with("FromCountry", "").place, inbound_with("FromCountry", "US").place);
    }
}
