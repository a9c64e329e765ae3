//! What the fuzz targets share.

/// Takes the first line off, without its end; bytes that are not UTF-8 become U+FFFD.
pub fn line_of(bytes: &mut &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let (line, rest) = bytes.split_at(end);
    *bytes = rest.get(1..).unwrap_or_default();
    String::from_utf8_lossy(line).into_owned()
}
