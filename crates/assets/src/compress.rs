//! The same bytes, smaller: by brotli and by gzip.

use std::io::Write;

use brotli::enc::BrotliEncoderParams;
use flate2::Compression;
use flate2::write::GzEncoder;

/// How much time is spent on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Little, for a build whose server nobody waits for over a network.
    Quick,
    /// All that helps.
    Best,
}

pub(crate) fn brotli(bytes: &[u8], level: Level) -> Vec<u8> {
    let quality = match level {
        Level::Quick => 5,
        Level::Best => 11,
    };
    let params = BrotliEncoderParams { quality, ..Default::default() };
    let mut compressed = Vec::new();
    brotli::BrotliCompress(&mut &*bytes, &mut compressed, &params).expect("memory takes all of it");
    compressed
}

pub(crate) fn gzip(bytes: &[u8], level: Level) -> Vec<u8> {
    let level = match level {
        Level::Quick => Compression::fast(),
        Level::Best => Compression::best(),
    };
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory takes all of it")
}
