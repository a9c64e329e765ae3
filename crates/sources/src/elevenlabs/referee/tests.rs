//! How many conversations go on.

use super::*;

fn asked(agents: &[&str]) -> Ask {
    let agents: Vec<_> = agents.iter().map(|&it| it.to_owned()).collect();
    round(&agents).remove(0)
}

#[test]
fn it_asks_as_the_package_does() {
    assert_eq!(asked(&[]).path, "/v1/convai/analytics/live-count");
    assert_eq!(
        asked(&["a", "b c"]).path,
        "/v1/convai/analytics/live-count?agent_ids=a&agent_ids=b%20c"
    );
    let access = Access { key: "xk", ids: &[], now_s: 0 };
    let headers = (REFEREE.headers)(&access, &asked(&[]));
    assert_eq!(headers, [("xi-api-key", "xk".to_owned())]);
}

#[test]
fn an_answer_is_a_number_or_none() {
    let ask = asked(&[]);
    let number = |body: &str| read(&ask, 200, body.as_bytes()).map(|answer| answer.number);
    assert_eq!(number(r#"{"count":3,"tomorrow":[]}"#), Ok(Some(3)));
    for body in ["", "{}", "3", r#"{"count":-1}"#, r#"{"count":"3"}"#, r#"{"count":null}"#] {
        assert!(number(body).is_err(), "{body}");
    }
    assert_eq!(read(&ask, 401, b"{}").expect_err("refused"), Failure::Refused(401));
    assert_eq!(read(&ask, 422, b"{}").expect_err("no"), Failure::Odd("status 422".to_owned()));
}
