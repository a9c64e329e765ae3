//! Makes what browsers load of the files in `web`.

use std::path::Path;

use live_users_assets::Level;

#[expect(clippy::disallowed_methods, reason = "these are cargo's own, and no settings")]
fn main() {
    println!("cargo::rerun-if-changed=web");
    let of_cargo = |name| std::env::var(name).expect("cargo sets it");
    let level = match of_cargo("PROFILE").as_str() {
        "release" => Level::Best,
        _ => Level::Quick,
    };
    let (folder, out) = (of_cargo("CARGO_MANIFEST_DIR"), of_cargo("OUT_DIR"));
    if let Err(error) =
        live_users_assets::build(&Path::new(&folder).join("web"), Path::new(&out), level)
    {
        println!("cargo::error=web/{error}");
    }
}
