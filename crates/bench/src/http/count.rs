//! `GET /api/live-users`, the read that every page makes.

use anyhow::{Result, ensure};
use live_users_testkit::get;

use super::backend::{Binary, TOKEN};
use super::nginx::Nginx;
use super::{ROUNDS, Rounds, wrk};
use crate::report::{Goal, Report};

pub(super) const PATH: &str = "/api/live-users";

/// How the backend should stand beside nginx.
const RATIO_MIN: f64 = 0.95;

pub(super) fn measure(report: &mut Report, binary: &Binary) -> Result<()> {
    eprintln!("http: GET {PATH}");
    let backend = binary.start(&[("TWILIO_AUTH_TOKEN", TOKEN)])?;
    let url = format!("{}{PATH}", backend.url);
    let answer = get(&url);
    ensure!(answer.status == 200, "{url}: {answer:?}");
    let nginx = Nginx::start(answer.header("content-type"), &answer.body)?;
    let nginx_url = format!("{}{PATH}", nginx.url);
    ensure!(get(&nginx_url).body == answer.body, "nginx answers something else");

    let (mut ours, mut static_answer) = (Rounds::default(), Rounds::default());
    for _ in 0..ROUNDS {
        static_answer.0.push(wrk::get(&nginx_url)?);
        ours.0.push(wrk::get(&url)?);
    }
    let (row, ratio) = ours.row(&format!("`GET {PATH}`"), "nginx", &static_answer);
    report.add(row.goal(Goal::AtLeast(RATIO_MIN), ratio));
    Ok(())
}
