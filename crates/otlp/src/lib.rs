//! Sends metrics and traces to an OpenTelemetry collector, by OTLP over HTTP with protobuf.
//!
//! Nothing here is ever waited for: spans pass a bounded queue to a thread of their own, and
//! requests run on a runtime of their own. What a collector does not take is dropped and counted.
//!
//! No attribute has a phone number, a spoken word, a path or a query in it.

mod answer;
mod collector;
mod commit;
mod outgoing;
mod page;
mod processor;
mod sampler;
mod settings;
mod spans;
mod telemetry;

pub use commit::{Mark, Times};
/// What is sent, for whoever receives it.
pub use opentelemetry_proto::tonic as messages;
pub use prost::Message;

pub use opentelemetry::propagation::Extractor;
pub use outgoing::send;
pub use settings::Settings;
pub use spans::{ServerSpan, in_span, note, within};
pub use telemetry::Telemetry;
