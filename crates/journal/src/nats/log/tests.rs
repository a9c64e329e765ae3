//! A log at its opening, against a real server.

use std::sync::Arc;

use live_users_testkit::Nats;
use tokio::runtime::Builder;

use super::*;
use crate::address::Address;

#[test]
fn a_stream_that_the_service_does_not_know_yet_is_waited_for() {
    let nats = Nats::alone();
    let Ok(Address::Nats(address)) = Address::parse(&nats.journal_url("new")) else {
        panic!("it is an address")
    };
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let log = Log::open(&address, Arc::new(|| 0)).await.unwrap();
        // As a server sees it that has not heard yet of what another one has made.
        let config = log.client.info(&log.subjects.log).await.unwrap().config;
        log.client.context.delete_stream(&config.name).await.unwrap();
        let mut opening = Box::pin(log.await_quorum());
        let ended = timeout(Duration::from_millis(500), &mut opening).await;
        assert!(ended.is_err(), "it asks again: {ended:?}");
        log.client.context.create_stream(config).await.unwrap();
        opening.await.unwrap();
    });
}
