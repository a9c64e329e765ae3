//! The suite of the contract, against one server and against a cluster of three.

use live_users_journal::{conformance, open};
use live_users_testkit::{Nats, NatsLimits, NatsVersion, on_each_nats_version};

use super::{new_name, with_service};

on_each_nats_version! {
    one_server_conforms,
    a_cluster_of_three_conforms,
    a_service_without_space_latches_until_recovered,
}

fn one_server_conforms(version: NatsVersion) {
    conforms(&Nats::alone_on(version));
}

fn a_cluster_of_three_conforms(version: NatsVersion) {
    conforms(&Nats::cluster_on(version));
}

fn conforms(nats: &Nats) {
    conformance::shared_suite(|| {
        let name = new_name();
        let url = nats.journal_url(&name);
        let let_leases_end = move || {
            // The service drops what is old; here it is old at once.
            with_service(&nats.address(0), async |service| {
                let leases = format!("live-users-{name}-leases");
                let leases = service.get_stream(leases).await.expect("it is there");
                leases.purge().await.expect("all is dropped");
            });
        };
        (move || open(&url), let_leases_end)
    });
}

fn a_service_without_space_latches_until_recovered(version: NatsVersion) {
    let limits = NatsLimits { file_store: Some(4 << 20), ..NatsLimits::on(version) };
    let nats = Nats::with(1, limits);
    let journal = open(&nats.journal_url(&new_name())).unwrap();
    let server = nats.address(0);
    let fill = || {
        with_service(&server, async |service| {
            service.create_stream("other").await.unwrap();
            for bytes in [256 << 10, 1 << 10] {
                // Until no more fits.
                while service.publish("other", vec![0; bytes].into()).await.unwrap().await.is_ok() {
                }
            }
        });
    };
    let make_room = || with_service(&server, async |it| drop(it.delete_stream("other").await));
    conformance::latches_until_recovered(journal, fill, make_room);
}
