//! With a clock of the test's own.

use actix_web::http::header::HeaderValue;
use live_users_http_kit::{Env, SettingsReader};
use live_users_wire::{Access, LinkAccess, LinkScope, LinkView, Role, True};

use super::*;

const ONE: &str = "0123456789abcdef";
const TWO: &str = "fedcba9876543210";
const HOUR: Duration = Duration::from_secs(3600);

fn sessions(tokens: &str) -> Sessions {
    let env = Env::of([("T", tokens)]);
    let token = BearerToken::read(&mut SettingsReader::new(&env), "T").unwrap();
    let sessions = Sessions::new(&token, 12 * HOUR, noon());
    sessions.learn(Vec::new());
    sessions
}

fn noon() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

fn shows(text: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::COOKIE, HeaderValue::from_str(text).unwrap());
    headers
}

fn begin(sessions: &Sessions, which: usize) -> String {
    sessions.begin(which, None, noon()).unwrap().stripped().to_string()
}

fn is_live(sessions: &Sessions, cookie: &str, now: SystemTime) -> bool {
    sessions.shown(&shows(cookie)).is_some_and(|it| sessions.is_live(it.session, now))
}

#[test]
fn a_session_lasts_as_long_as_it_may_and_its_cookie_is_known_for_longer() {
    let sessions = sessions(ONE);
    let cookie = begin(&sessions, 0);
    let end = noon() + 12 * HOUR;
    assert!(is_live(&sessions, &cookie, noon()));
    assert!(is_live(&sessions, &cookie, end - Duration::from_millis(1)));
    assert!(!is_live(&sessions, &cookie, end));
    assert!(sessions.shown(&shows(&cookie)).is_some());
    assert!(is_live(&sessions, &cookie, noon() - HOUR), "a clock that was set back");
}

#[test]
fn it_is_told_why_a_session_is_over() {
    let (here, end) = (sessions(ONE), noon() + 12 * HOUR);
    let cookie = begin(&here, 0);
    let why = |sessions: &Sessions, cookie: &str, now| sessions.why_over(&shows(cookie), now);
    assert_eq!(why(&here, "a=b", noon()), None);
    assert_eq!(why(&here, &format!("{NAME}="), noon()), None);
    assert_eq!(why(&here, &cookie, noon()), None, "it is not over");
    assert_eq!(why(&here, &cookie, end), Some(SessionOver::Expired));
    assert_eq!(why(&sessions(TWO), &cookie, noon()), Some(SessionOver::OtherToken));
    for unreadable in ["x", ONE, &"ä".repeat(60)] {
        let cookie = format!("{NAME}={unreadable}");
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_bytes(cookie.as_bytes()).unwrap());
        let expected = unreadable.is_ascii().then_some(SessionOver::Unreadable);
        assert_eq!(here.why_over(&headers, noon()), expected, "{unreadable}");
    }
    here.end(&here.shown(&shows(&cookie)).unwrap(), EndedBy::SignOut, noon());
    let elsewhere = sessions(ONE);
    elsewhere.learn(here.unreported(&[], noon()));
    assert_eq!(why(&elsewhere, &cookie, noon()), Some(SessionOver::SignedOutElsewhere));
    for now in [noon(), end] {
        assert_eq!(why(&here, &cookie, now), Some(SessionOver::SignedOutHere));
    }
}

#[test]
fn a_session_survives_a_restart_and_ends_with_its_token() {
    let cookie = begin(&sessions(ONE), 0);
    assert!(is_live(&sessions(ONE), &cookie, noon()));
    assert!(is_live(&sessions(&format!("{TWO},{ONE}")), &cookie, noon()), "while it is changed");
    assert!(!is_live(&sessions(TWO), &cookie, noon()));
    let second = begin(&sessions(&format!("{TWO},{ONE}")), 1);
    assert!(is_live(&sessions(ONE), &second, noon()));
}

#[test]
fn a_session_that_was_ended_is_over_also_for_a_copy_of_its_cookie() {
    let sessions = sessions(ONE);
    let (one, another) = (begin(&sessions, 0), begin(&sessions, 0));
    assert_ne!(one, another, "each session is another");
    sessions.end(&sessions.shown(&shows(&one)).unwrap(), EndedBy::SignOut, noon());
    assert!(!is_live(&sessions, &one, noon()));
    assert!(is_live(&sessions, &another, noon()));
}

fn nth(n: usize, began: SystemTime, scope: Option<Arc<Scope>>) -> Claims {
    let id = u128::try_from(n).unwrap().to_be_bytes();
    Claims::of(id, unix_ms(began), scope)
}

#[test]
fn what_was_ended_is_forgotten_when_it_would_be_over_anyway() {
    let sessions = sessions(ONE);
    let end = |n, at| sessions.end(&nth(n, at, None), EndedBy::SignOut, at);
    (0..ENDED_MAX).for_each(|n| end(n, noon()));
    let later = noon() + 12 * HOUR;
    end(ENDED_MAX, later);
    assert_eq!(sessions.ended.lock().len(), 1);
}

#[test]
fn accounts_leave_admins_places_to_sign_out_and_have_one_bucket_for_guesses() {
    let sessions = sessions(ONE);
    let end = |n, scope| sessions.end(&nth(n, noon(), scope), EndedBy::SignOut, noon());
    (0..ENDED_SCOPED_MAX + 9).for_each(|n| end(n, Some(acme())));
    let ended = || sessions.ended.lock().len();
    assert_eq!(ended(), ENDED_SCOPED_MAX);
    (ENDED_MAX..2 * ENDED_MAX - ENDED_SCOPED_MAX).for_each(|n| end(n, None));
    assert_eq!(ended(), ENDED_MAX);
    let [one, two] = [1, 2].map(|n| nth(n, noon(), Some(acme())).client());
    assert_eq!(one, two, "or each sign-in would give more guesses");
    assert_ne!(nth(1, noon(), None).client(), nth(2, noon(), None).client());
}

#[test]
fn nothing_but_what_was_signed_is_a_session() {
    let sessions = sessions(ONE);
    let cookie = begin(&sessions, 0);
    let value = cookie.strip_prefix("__Host-live-users=").unwrap();
    let (signature, text) = value.split_at(44);
    let elsewhere = begin(&self::sessions(TWO), 0);
    let later = text.replace(".1800000000000", ".1900000000000");
    assert_ne!(later, text);
    for forged in [
        format!("__Host-live-users={text}"),
        format!("__Host-live-users={signature}{later}"),
        format!("__Host-live-users={signature}"),
        format!("__Host-live-users={}", value.to_uppercase()),
        format!("__Host-live-users=\"{value}"),
        "__Host-live-users=".to_owned(),
        "__Host-live-users".to_owned(),
        format!("__Host-live-users={}", "\u{e9}".repeat(43)),
        format!("live-users={value}"),
        format!("__host-live-users={value}"),
        elsewhere,
    ] {
        assert_eq!(sessions.shown(&shows(&forged)), None, "{forged}");
    }
    assert!(sessions.shown(&shows(&format!("a=b; {cookie}; c=d"))).is_some());
    assert!(sessions.shown(&shows(&format!("__Host-live-users=forged; {cookie}"))).is_some());
}

fn acme() -> Arc<Scope> {
    let access = Access {
        id: Some("acme-wall".to_owned()),
        role: Role::Read,
        accounts: Some(vec!["acme".to_owned(), "b.c".to_owned()]),
        access: Some("acme-wall.0a1b".to_owned()),
        link: None,
    };
    Arc::new(Scope::of(access).unwrap().unwrap())
}

/// A cookie with this text, signed as all are.
fn signed(sessions: &Sessions, text: &str) -> String {
    let mut jar = CookieJar::new();
    jar.signed_mut(&sessions.keys[0]).add((NAME, text.to_owned()));
    jar.get(NAME).unwrap().stripped().to_string()
}

#[test]
fn a_cookie_keeps_the_scope_and_one_of_before_there_were_any_sees_everything() {
    let sessions = sessions(ONE);
    let scope_of = |cookie: &str| sessions.shown(&shows(cookie)).map(|claims| claims.scope);
    let scoped = sessions.begin(0, Some(acme()), noon()).unwrap().stripped().to_string();
    assert_eq!(scope_of(&scoped), Some(Some(acme())));
    assert!(is_live(&sessions, &scoped, noon()));
    let old = signed(&sessions, &format!("{:032x}.1800000000000", 7));
    assert_eq!(scope_of(&old), Some(None));
    assert!(is_live(&sessions, &old, noon()));
}

#[test]
fn no_scope_can_be_changed_or_cut_off() {
    let sessions = sessions(ONE);
    let cookie = sessions.begin(0, Some(acme()), noon()).unwrap().stripped().to_string();
    let old_form = cookie.rsplitn(5, '.').last().unwrap();
    assert!(old_form.ends_with("1800000000000"), "{old_form}");
    let last = cookie.rsplit_once('.').unwrap().0;
    let others = [("read.", "operate."), ("acme!", "beta!"), (".acme!b%2Ec", "")];
    let changed = others.map(|(one, other)| cookie.replace(one, other));
    for forged in changed.iter().map(String::as_str).chain([old_form, last]) {
        assert_ne!(forged, cookie);
        assert_eq!(sessions.shown(&shows(forged)), None, "{forged}");
    }
    // What has the right signature and a scope that cannot be read is no session without one.
    for text in ["", "read", "read.a.", "root.a.b", "read.a.b.c.d"] {
        let text = format!("{:032x}.1800000000000.{text}", 7);
        assert_eq!(sessions.shown(&shows(&signed(&sessions, &text))), None, "{text}");
    }
}

#[test]
fn a_session_whose_access_has_ended_is_over_and_says_so() {
    let sessions = sessions(ONE);
    let cookie = sessions.begin(0, Some(acme()), noon()).unwrap().stripped().to_string();
    sessions.end(&sessions.shown(&shows(&cookie)).unwrap(), EndedBy::Access, noon());
    assert!(!is_live(&sessions, &cookie, noon()));
    let why = sessions.why_over(&shows(&cookie), noon());
    assert_eq!(why, Some(SessionOver::AccessEnded));
    assert_eq!(sessions.unreported(&[], noon()).len(), 1, "other proxies learn it");
}

#[test]
fn the_signed_text_has_to_be_a_session() {
    let sessions = sessions(ONE);
    for text in ["", ".", "x.1", "0.x", "0.-1", "1", &format!("{}.1", "f".repeat(33))] {
        assert_eq!(sessions.shown(&shows(&signed(&sessions, text))), None, "{text}");
    }
}

#[test]
fn what_was_ended_at_one_proxy_is_over_at_another_and_after_a_restart() {
    let (here, elsewhere) = (sessions(ONE), sessions(ONE));
    let (kept, cookie) = (begin(&here, 0), begin(&here, 0));
    here.end(&here.shown(&shows(&cookie)).unwrap(), EndedBy::SignOut, noon());
    let told = here.unreported(&[], noon());
    assert_eq!((told.len(), told[0].until_ms), (1, unix_ms(noon() + 12 * HOUR)));
    assert!(!cookie.contains(&told[0].id), "a hash and not the id");
    assert_eq!(here.unreported(&told, noon()), []);
    assert_eq!(here.unreported(&[], noon() + 12 * HOUR), [], "it would be over by itself");
    assert!(is_live(&elsewhere, &cookie, noon()));
    elsewhere.learn(told.clone());
    assert!(!is_live(&elsewhere, &cookie, noon()) && is_live(&elsewhere, &kept, noon()));
    here.learn(Vec::new());
    assert!(!is_live(&here, &cookie, noon()), "ended here, and not yet told");
}

#[test]
fn before_the_first_list_has_come_only_sessions_of_this_process_are_known_to_go_on() {
    let old = begin(&sessions(ONE), 0);
    let env = Env::of([("T", ONE)]);
    let token = BearerToken::read(&mut SettingsReader::new(&env), "T").unwrap();
    let later = noon() + HOUR;
    let restarted = Sessions::new(&token, 12 * HOUR, later);
    let new = restarted.begin(0, None, later).unwrap().stripped().to_string();
    let can_tell =
        |cookie: &str| restarted.can_tell(restarted.shown(&shows(cookie)).unwrap().session);
    assert!(!can_tell(&old) && can_tell(&new));
    restarted.learn(Vec::new());
    assert!(can_tell(&old) && is_live(&restarted, &old, later));
}

fn lobby(ends_ms: u64) -> Arc<Scope> {
    let access = Access {
        id: Some("0a".to_owned()),
        role: Role::Read,
        accounts: None,
        access: Some("link:0a".to_owned()),
        link: Some(LinkAccess {
            name: "Lobby".to_owned(),
            scope: LinkScope::All(True),
            view: LinkView::Wallboard,
            expires_ms: ends_ms,
        }),
    };
    Arc::new(Scope::of(access).unwrap().unwrap())
}

#[test]
fn a_session_of_a_link_lasts_as_long_as_the_link_and_is_no_admins() {
    let before = sessions(ONE);
    let ends = noon() + 300 * 24 * HOUR;
    let set = before.begin_of_link(lobby(unix_ms(ends)), noon()).unwrap();
    let attributes = set.to_string();
    for part in ["HttpOnly", "Secure", "SameSite=Lax", "Path=/view/0a;", "Max-Age=28512000"] {
        assert!(attributes.contains(part), "{part}: {attributes}");
    }
    let cookie = set.stripped().to_string();
    // Another process that has not heard yet which sessions have ended.
    let env = Env::of([("T", ONE)]);
    let token = BearerToken::read(&mut SettingsReader::new(&env), "T").unwrap();
    let later = Sessions::new(&token, HOUR, noon() + 200 * 24 * HOUR);
    for sessions in [&before, &later] {
        let claims = sessions.shown_of_link(&shows(&cookie), "0a").unwrap();
        assert!(sessions.can_tell(claims.session));
        assert!(sessions.is_live(claims.session, ends - Duration::from_millis(1)));
        assert!(sessions.is_live(claims.session, ends), "the backend says when a link ends");
        assert!(sessions.is_over(claims.session, ends));
        assert_eq!(sessions.shown_of_link(&shows(&cookie), "0b"), None, "that of another link");
        assert_eq!(sessions.shown(&shows(&cookie)), None);
        let forged = cookie.replace(LINK_NAME, NAME);
        assert_eq!(sessions.shown(&shows(&forged)), None, "it opens nothing of an admin's");
    }
    let admin = begin(&before, 0).replace(NAME, LINK_NAME);
    assert_eq!(before.shown_of_link(&shows(&admin), "0a"), None);
}

#[test]
fn the_cookie_of_a_link_is_signed_anew_by_the_first_token() {
    let claims = {
        let old = sessions(ONE);
        let cookie = old.begin_of_link(lobby(u64::MAX), noon()).unwrap().stripped().to_string();
        let both = sessions(&format!("{TWO},{ONE}"));
        both.shown_of_link(&shows(&cookie), "0a").unwrap()
    };
    let both = sessions(&format!("{TWO},{ONE}"));
    let cookie = both.cookie_of_link(&claims, noon()).stripped().to_string();
    assert_eq!(sessions(TWO).shown_of_link(&shows(&cookie), "0a"), Some(claims));
    assert_eq!(sessions(ONE).shown_of_link(&shows(&cookie), "0a"), None);
}
