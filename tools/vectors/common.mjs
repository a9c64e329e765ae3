// What the scripts here share: where the vectors of a kind are, and their form.
//
// {"packages": [...], "secret", "url", "method", "now_ms",
//  "max_age_s": s or null, "signed_headers": [...], "signs_url"?: whether the URL is signed too,
//  "vectors": [{"name", "headers": {...}, "body" or "body_base64", "url"?, "method"?, "secret"?,
//    "valid": true unless it says false, "spoil": true unless it says false,
//    "reordered"?: whether a form is still accepted with its fields in another order,
//    "events": [{"call", "what", and each field of a CallEvent that is not empty}] }]}
//
// A test spoils each valid vector in every way: crates/sources/tests/vectors.rs.

import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export function writeVectors(kind, contents) {
  const path = new URL(`../../crates/sources/src/${kind}/fixtures/vectors.json`, import.meta.url);
  const whole = { url: `https://calls.example.com/sources/${kind}`, method: "POST", ...contents };
  writeFileSync(fileURLToPath(path), `${JSON.stringify(whole, null, 1)}\n`);
}
