//! Makes what browsers load of the files in `web`.

use std::path::Path;

use live_users_assets::{Level, Options};

#[expect(clippy::disallowed_methods, reason = "these are cargo's own, and no settings")]
fn main() {
    println!("cargo::rerun-if-changed=web");
    let of_cargo = |name| std::env::var(name).expect("cargo sets it");
    let is_release = of_cargo("PROFILE") == "release";
    // The best level takes long, and longest where its code is not optimised, as in `quick`.
    let is_optimised = is_release && of_cargo("OPT_LEVEL") == "3";
    let options = Options {
        level: if is_optimised { Level::Best } else { Level::Quick },
        has_pseudo_language: !is_release,
        server_sections: &["badge", "element", "embed", "language", "server", "signIn", "view"],
    };
    let (folder, out) = (of_cargo("CARGO_MANIFEST_DIR"), of_cargo("OUT_DIR"));
    if let Err(error) =
        live_users_assets::build(&Path::new(&folder).join("web"), Path::new(&out), options)
    {
        println!("cargo::error=web/{error}");
    }
}
