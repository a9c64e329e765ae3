# The images of the two servers, one target each: `backend` and `proxy`. docker-compose.yml builds
# and runs both. Nothing here needs BuildKit.

# Lists what a program is made of (CycloneDX). In a stage of its own, it is built once.
FROM rust:1.95-slim-bookworm AS sbom
RUN cargo install cargo-cyclonedx --locked --version 0.5.9 --root /usr/local


FROM rust:1.95-slim-bookworm AS build
WORKDIR /app

# A third less in the binaries; a panic still names its file and line.
ENV CARGO_PROFILE_RELEASE_STRIP=symbols

# As .cargo/config.toml has it, which stays out.
ENV LIBSQLITE3_FLAGS="-DHAVE_FDATASYNC=1 -DSQLITE_DEFAULT_MEMSTATUS=0"

# More than what is built by default: live-users-backend/otlp.
ARG FEATURES=

# First the dependencies, with empty sources in place of ours: this lasts as long as no manifest
# and no version changes. rust-toolchain.toml stays out, because the compiler is the one of this
# image: with that file, rustup would go and download what only developers need.
COPY Cargo.lock Cargo.toml ./
COPY backend/Cargo.toml backend/
COPY crates/assets/Cargo.toml crates/assets/
COPY crates/backoff/Cargo.toml crates/backoff/
COPY crates/bench/Cargo.toml crates/bench/
COPY crates/broadcast/Cargo.toml crates/broadcast/
COPY crates/core/Cargo.toml crates/core/
COPY crates/http-kit/Cargo.toml crates/http-kit/
COPY crates/intake/Cargo.toml crates/intake/
COPY crates/journal/Cargo.toml crates/journal/
COPY crates/otlp/Cargo.toml crates/otlp/
COPY crates/replica/Cargo.toml crates/replica/
COPY crates/simulator/Cargo.toml crates/simulator/
COPY crates/sources/Cargo.toml crates/sources/
COPY crates/stack/Cargo.toml crates/stack/
COPY crates/state/Cargo.toml crates/state/
COPY crates/testkit/Cargo.toml crates/testkit/
COPY crates/twilio/Cargo.toml crates/twilio/
COPY crates/wire/Cargo.toml crates/wire/
COPY crates/xtask/Cargo.toml crates/xtask/
COPY proxy/Cargo.toml proxy/
# What was built of the empty sources has to go: it is newer than the real ones, which cargo would
# take for a sign that nothing is left to build.
RUN for manifest in */Cargo.toml crates/*/Cargo.toml; do \
        src="${manifest%/Cargo.toml}/src" && mkdir "$src" \
        && echo '//! Empty.' | tee "$src/lib.rs" >"$src/main.rs" \
        && echo 'fn main() {}' >>"$src/main.rs" || exit 1; \
    done \
    && cargo build --release --locked --features "$FEATURES" \
        --package live-users-backend --package live-users-proxy \
    && cargo clean --release --workspace \
    && rm -r */src crates/*/src

COPY backend backend/
COPY crates crates/
COPY proxy proxy/
RUN cargo build --release --locked --features "$FEATURES" \
    --package live-users-backend --package live-users-proxy
COPY --from=sbom /usr/local/bin/cargo-cyclonedx /usr/local/bin/
RUN cargo cyclonedx --quiet --format json --spec-version 1.5 --no-build-deps --override-filename sbom


FROM debian:bookworm-slim AS backend
LABEL org.opencontainers.image.title="live-users-backend" \
      org.opencontainers.image.description="Counts live calls from Twilio's webhooks" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
# A volume that is mounted here begins with this owner.
RUN install --directory --owner=10001 --group=10001 /data
# For Twilio's API, chats and NATS by TLS. A mounted file with more of them belongs at this place too.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /app/target/release/live-users-backend /usr/local/bin/
COPY --from=build /app/backend/sbom.json /usr/share/doc/live-users/live-users-backend.cdx.json
WORKDIR /app
USER 10001:10001
ENV HOST=0.0.0.0 PORT=8080 JOURNAL_URL=file:/data
EXPOSE 8080
ENTRYPOINT ["live-users-backend"]


FROM debian:bookworm-slim AS proxy
LABEL org.opencontainers.image.title="live-users-proxy" \
      org.opencontainers.image.description="Serves the live count and its page to browsers" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
# For a BACKEND_URL that begins with https://.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /app/target/release/live-users-proxy /usr/local/bin/
COPY --from=build /app/proxy/sbom.json /usr/share/doc/live-users/live-users-proxy.cdx.json
WORKDIR /app
USER 10001:10001
ENV HOST=0.0.0.0 PORT=3000
EXPOSE 3000
ENTRYPOINT ["live-users-proxy"]
