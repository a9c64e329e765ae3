//! Each rule with what keeps it and with what breaks it.

use super::*;
use crate::tidy::tests::found;

const GOOD: &str = "\
x-server: &server
  read_only: true
  cap_drop: [ALL]
  security_opt: [\"no-new-privileges:true\"]
services:
  queue:
    <<: *server
    image: queue:2.1
    user: \"1000:1000\"
    ports: [\"127.0.0.1:4222:4222\"]
    healthcheck: { test: [\"CMD\", \"queue\", \"check\"] }
    volumes:
      - type: bind
        source: ./deploy/queue.conf
        target: /etc/queue.conf
      - queue:/data
  backend:
    <<: *server
    build: .
    ports:
      - \"${BACKEND_PUBLISH:-127.0.0.1:8080}:8080\"
    healthcheck:
      test: [\"CMD\", \"live-users-backend\", \"healthcheck\"]
";

#[test]
fn a_service_that_is_not_confined_is_found() {
    assert!(found(services_are_confined, &[(COMPOSE, GOOD)]).is_empty());
    for (kept, broken) in [
        ("read_only: true", "read_only: false"),
        ("  read_only: true\n", ""),
        ("[ALL]", "[NET_RAW]"),
        ("no-new-privileges:true", "no-new-privileges:false"),
    ] {
        let text = GOOD.replace(kept, broken);
        assert_eq!(found(services_are_confined, &[(COMPOSE, &text)]).len(), 2, "{broken}");
    }
    for (kept, broken) in [("1000:1000", "0:0"), ("1000:1000", "queue"), ("    user:", "    u:")] {
        let text = GOOD.replace(kept, broken);
        let findings = found(services_are_confined, &[(COMPOSE, &text)]);
        assert_eq!(findings, ["docker-compose.yml:6"], "{broken}");
    }
    for (kept, broken) in [
        ("    <<: *server\n    build", "    cap_drop: [ALL]\n    read_only: true\n    build"),
        ("\"CMD\", \"live", "\"NONE\", \"live"),
        ("healthcheck:\n", "healthchecks:\n"),
    ] {
        let text = GOOD.replace(kept, broken);
        let findings = found(services_are_confined, &[(COMPOSE, &text)]);
        let line = text.lines().position(|it| it == "  backend:").unwrap() + 1;
        assert_eq!(findings, [format!("{COMPOSE}:{line}")], "{broken}");
    }
    let unreadable = GOOD.replace("services:", "services");
    assert_eq!(found(services_are_confined, &[(COMPOSE, &unreadable)]), ["docker-compose.yml:1"]);
}

#[test]
fn an_image_without_a_version_and_a_file_that_is_not_there_are_found() {
    let files = [(COMPOSE, GOOD), ("deploy/queue.conf", "")];
    assert!(found(services_have_what_they_need, &files).is_empty());
    assert_eq!(found(services_have_what_they_need, &files[..1]), ["docker-compose.yml:14"]);
    for image in ["queue", "queue:latest"] {
        let text = GOOD.replace("queue:2.1", image);
        let files = [(COMPOSE, text.as_str()), files[1]];
        assert_eq!(found(services_have_what_they_need, &files), ["docker-compose.yml:8"]);
    }
    let text = GOOD.replace("./deploy/queue.conf", "${QUEUE_CONF:-./deploy/gone.conf}");
    let files = [(COMPOSE, text.as_str()), files[1]];
    assert_eq!(found(services_have_what_they_need, &files), ["docker-compose.yml:14"]);
}

#[test]
fn a_port_that_everybody_reaches_is_found() {
    assert!(found(ports_are_published_on_loopback, &[(COMPOSE, GOOD)]).is_empty());
    for (kept, broken, line) in [
        ("127.0.0.1:8080", "8080", 21),
        ("127.0.0.1:8080", "0.0.0.0:8080", 21),
        ("127.0.0.1:4222:4222", "4222:4222", 10),
    ] {
        let text = GOOD.replace(kept, broken);
        let findings = found(ports_are_published_on_loopback, &[(COMPOSE, &text)]);
        assert_eq!(findings, [format!("{COMPOSE}:{line}")], "{broken}");
    }
}

#[test]
fn a_setting_without_explanation_or_without_effect_is_found() {
    let explained = "# Where it is published (a=b).\n#BACKEND_PUBLISH=127.0.0.1:8080\n";
    let files = [(COMPOSE, GOOD), (COMPOSE_SETTINGS, explained)];
    assert!(found(compose_settings_are_explained, &files).is_empty());
    assert_eq!(found(compose_settings_are_explained, &files[..1]), ["docker-compose.yml:21"]);
    let more = format!("{explained}TOKEN=\n");
    let files = [(COMPOSE, GOOD), (COMPOSE_SETTINGS, more.as_str())];
    assert_eq!(found(compose_settings_are_explained, &files), [".env.example:3"]);
}

#[test]
fn an_image_that_runs_as_root_or_as_a_name_is_found() {
    let image = |user: &str| format!("FROM rust AS build\nFROM debian\n{user}ENTRYPOINT [\"a\"]\n");
    for (user, line) in [
        ("", 3),
        ("USER root\n", 4),
        ("USER nobody\n", 4),
        ("USER 0\n", 4),
        ("USER 10001:0\n", 4),
        ("USER 10001\nUSER 0\n", 5),
    ] {
        let findings = found(images_run_as_a_numbered_user, &[("a/Dockerfile", &image(user))]);
        assert_eq!(findings, [format!("a/Dockerfile:{line}")], "{user:?}");
    }
    let above = "FROM debian\nUSER 10001\nFROM debian\nENTRYPOINT [\"a\"]\n";
    assert_eq!(found(images_run_as_a_numbered_user, &[("Dockerfile", above)]), ["Dockerfile:4"]);
    for command in ["CMD [\"a\"]\n", ""] {
        let image = format!("FROM debian\nUSER 10001\nFROM debian\n{command}");
        let found = found(images_run_as_a_numbered_user, &[("Dockerfile", &image)]);
        assert_eq!(found.len(), 1, "{image}");
    }
    for user in ["USER 10001\n", "USER 10001:10001\n", "USER root\nUSER 10001\n"] {
        let image = image(user);
        assert!(found(images_run_as_a_numbered_user, &[("Dockerfile", &image)]).is_empty());
    }
}

#[test]
fn an_image_of_another_compiler_is_found() {
    let toolchain = (TOOLCHAIN, "[toolchain]\nchannel = \"1.95.0\"\n");
    for image in ["rust:1.95-slim-bookworm AS build", "rust:1.95.0", "rust:1", "debian"] {
        let files = [toolchain, ("Dockerfile", &format!("FROM {image}\n"))];
        assert!(found(images_use_the_pinned_compiler, &files).is_empty(), "{image}");
    }
    for image in ["rust:1.9-slim", "rust:1.96-slim-bookworm AS build", "rust:latest"] {
        let files = [toolchain, ("Dockerfile", &format!("FROM {image}\n"))];
        assert_eq!(found(images_use_the_pinned_compiler, &files), ["Dockerfile:1"], "{image}");
    }
}
