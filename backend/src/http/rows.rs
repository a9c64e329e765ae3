//! Answers of many rows, which are sent while they are made: as CSV, or as JSON Lines.

use std::io;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, X_CONTENT_TYPE_OPTIONS};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use live_users_http_kit::Format;
use serde_json::Value;

use super::auth::Refusal;
use super::error::ApiError;

/// Rows that are made together.
pub(super) const CHUNK: usize = 500;

/// What a table is: its name, and its columns for CSV. A column may name a field of a field.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) columns: &'static [&'static str],
}

/// Answers with rows. What is wrong with the first of them is an answer of its own; later, the
/// answer breaks off, so that no part of it looks whole.
pub(super) async fn answer(
    format: Format,
    table: Table,
    chunks: impl Stream<Item = Result<Vec<Value>, ApiError>> + 'static,
) -> Result<HttpResponse, ApiError> {
    let mut chunks = Box::pin(chunks);
    let first = chunks.next().await.unwrap_or(Ok(Vec::new()))?;
    let mut head = Vec::new();
    if format == Format::Csv {
        head = csv([table.columns.iter().copied()]);
    }
    head.extend(encoded(format, table, &first));
    let rest =
        chunks.map(move |chunk| chunk.map(|rows| Bytes::from(encoded(format, table, &rows))));
    let broken = |why: ApiError| io::Error::other(why.to_string());
    let body =
        stream::once(async { Ok(Bytes::from(head)) }).chain(rest.map(move |it| it.map_err(broken)));
    Ok(HttpResponse::Ok()
        .content_type(format.content_type())
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((CONTENT_DISPOSITION, format.disposition(table.name)))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .streaming(body))
}

/// The chunks as long as whoever reads them may: what is made later is an error in their place.
pub(super) fn while_authorized(
    chunks: impl Stream<Item = Result<Vec<Value>, ApiError>> + 'static,
    may_read: impl Fn() -> bool + 'static,
) -> impl Stream<Item = Result<Vec<Value>, ApiError>> + 'static {
    stream::try_unfold((Box::pin(chunks), may_read), async |(mut chunks, may_read)| {
        // Asked on both sides: an access may end while a chunk is made.
        if !may_read() {
            return Err(Refusal::AccessEnded.into());
        }
        let chunk = chunks.next().await.transpose()?;
        if !may_read() {
            return Err(Refusal::AccessEnded.into());
        }
        Ok(chunk.map(|rows| (rows, (chunks, may_read))))
    })
}

fn encoded(format: Format, table: Table, rows: &[Value]) -> Vec<u8> {
    if format == Format::Csv {
        return csv(rows
            .iter()
            .map(|row| table.columns.iter().map(move |column| cell(row, column))));
    }
    let mut bytes = Vec::new();
    for row in rows {
        bytes.extend(row.to_string().into_bytes());
        bytes.push(b'\n');
    }
    bytes
}

/// Lines as RFC 4180 has them.
fn csv<L>(lines: impl IntoIterator<Item = L>) -> Vec<u8>
where
    L: Iterator<Item: AsRef<[u8]>>,
{
    let terminator = csv::Terminator::CRLF;
    let mut writer = csv::WriterBuilder::new().terminator(terminator).from_writer(Vec::new());
    for line in lines {
        writer.write_record(line).expect("memory takes every record");
    }
    writer.into_inner().expect("memory takes every record")
}

fn cell(row: &Value, column: &str) -> String {
    let value = column.split('.').fold(row, |value, field| &value[field]);
    match value {
        Value::Null => String::new(),
        Value::String(text) => harmless(text.clone()),
        Value::Array(list) => {
            harmless(list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "))
        }
        other => other.to_string(),
    }
}

/// What a formula begins with in some spreadsheet: `=`, `+`, `-` and `@` also in full width, as Japanese ones
/// read them.
const FORMULA: [char; 11] =
    ['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

/// A text that no spreadsheet takes for a formula.
fn harmless(text: String) -> String {
    match text.starts_with(FORMULA) {
        true => format!("'{text}"),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cells_are_quoted_and_no_formulas() {
        let table = Table { name: "test", columns: &["a", "b.c", "d", "e", "missing"] };
        let row =
            json!({ "a": "=1+1", "b": { "c": 1.5 }, "d": ["x", "y"], "e": "say \"hi\",\r\nyou" });
        let line = encoded(Format::Csv, table, std::slice::from_ref(&row));
        let expected = "'=1+1,1.5,x y,\"say \"\"hi\"\",\r\nyou\",\r\n";
        assert_eq!(String::from_utf8(line).unwrap(), expected);
        for start in
            ["=", "+", "-", "@", "\t", "\r", "\n", "\u{ff1d}", "\u{ff0b}", "\u{ff0d}", "\u{ff20}"]
        {
            let cell = cell(&json!({ "a": format!("{start}cmd") }), "a");
            assert!(cell.starts_with('\''), "{cell}");
        }
        let line = encoded(Format::JsonLines, table, std::slice::from_ref(&row));
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        assert_eq!(serde_json::from_slice::<Value>(&line).unwrap(), row, "as it is");
    }

    #[actix_web::test]
    async fn chunks_end_with_an_error_when_the_access_ends() {
        let lasts = std::rc::Rc::new(std::cell::Cell::new(true));
        let chunks = stream::iter([Ok(vec![json!(1)]), Ok(vec![json!(2)])]);
        let asked = std::rc::Rc::clone(&lasts);
        let chunks = while_authorized(chunks, move || asked.get());
        let mut chunks = Box::pin(chunks);
        assert!(matches!(chunks.next().await, Some(Ok(rows)) if rows == [json!(1)]));
        lasts.set(false);
        assert!(matches!(chunks.next().await, Some(Err(_))));
        assert!(chunks.next().await.is_none());
    }
}
