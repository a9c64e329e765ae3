//! Metrics and traces for an OpenTelemetry collector. They are a feature of the build: without it,
//! everything here does nothing and takes no room.

#[cfg(not(feature = "otlp"))]
mod off;
#[cfg(feature = "otlp")]
mod on;
mod purpose;

#[cfg(not(feature = "otlp"))]
pub(crate) use self::off::*;
#[cfg(feature = "otlp")]
pub(crate) use self::on::*;
pub(crate) use self::purpose::Purpose;
