//! `cargo xtask dist`: static binaries in a tarball, a Debian package, and the components of each program
//! with their licences.
//!
//! The programs are built with no path of this machine in them. Times are those of the commit, so that the
//! same commit gives the same files with the same tools.

mod archive;
mod licences;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::cargo_command;
use crate::setup::is_on_path;

/// Static, so it runs on every Linux of this processor.
const DEFAULT_TARGET: &str = "x86_64-unknown-linux-musl";

/// The programs, with the folder of the crate of each.
const PROGRAMS: [(&str, &str); 3] = [
    ("live-users", "crates/stack"),
    ("live-users-backend", "backend"),
    ("live-users-proxy", "proxy"),
];

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What is packed, and with which names and times.
struct Dist<'a> {
    root: &'a Path,
    target: &'a str,
    /// Where cargo puts what it builds for this target.
    built: PathBuf,
    /// Where the results are.
    packages: PathBuf,
    /// Seconds since 1970, of every file that is packed.
    epoch: String,
}

/// Packs for each target that the arguments name.
pub(crate) fn run(root: &Path, arguments: &str) -> Result<()> {
    let targets = targets(arguments)?;
    let root = &root.canonicalize()?;
    for tool in ["cargo-deb", "cargo-cyclonedx"] {
        ensure!(is_on_path(tool), "dist: run `cargo install {tool} --locked`");
    }
    ensure!(is_on_path("tar") && is_on_path("sha256sum"), "dist: it needs GNU tar and sha256sum");
    targets.iter().try_for_each(|target| can_build_for(target))?;
    let folder = std::env::var_os("CARGO_TARGET_DIR").map_or("target".into(), PathBuf::from);
    let (folder, epoch) = (root.join(folder), epoch(root)?);
    let packages = folder.join("packages");
    fs::create_dir_all(&packages)?;
    for target in targets {
        let built = folder.join(target).join("dist");
        let (packages, epoch) = (packages.clone(), epoch.clone());
        Dist { root, target, built, packages, epoch }.pack()?;
    }
    archive::checksums(&packages)?;
    println!("dist: see {}", packages.display());
    Ok(())
}

/// The targets that are named, or the default.
fn targets(arguments: &str) -> Result<Vec<&str>> {
    let (mut targets, mut words) = (Vec::new(), arguments.split_whitespace());
    while let Some(word) = words.next() {
        ensure!(word == "--target", "dist: `{word}`: expected --target TRIPLE");
        let target = words
            .next()
            .context("--target: expected a triple such as x86_64-unknown-linux-musl")?;
        ensure!(target.contains("-linux-"), "--target: `{target}` is no triple of Linux");
        targets.push(target);
    }
    if targets.is_empty() {
        targets.push(DEFAULT_TARGET);
    }
    Ok(targets)
}

/// The compilers of a target, or what to run to have them.
fn can_build_for(target: &str) -> Result<()> {
    let libraries = output("rustc", &["--print", "target-libdir", "--target", target])
        .with_context(|| format!("--target: rustc knows no `{target}`"))?;
    let is_there = Path::new(libraries.trim()).is_dir();
    ensure!(is_there, "--target: run `rustup target add {target}`");
    if is_foreign(target) {
        let advice = "run `pip install ziglang cargo-zigbuild`, which brings a C compiler for it";
        ensure!(
            is_on_path("cargo-zigbuild"),
            "--target: `{target}` is another processor: {advice}"
        );
    } else if target.ends_with("-musl") {
        // SQLite and the cryptography are C.
        ensure!(is_on_path("musl-gcc"), "--target: `{target}`: run `apt-get install musl-tools`");
    }
    Ok(())
}

/// Whether programs for it do not run here.
fn is_foreign(target: &str) -> bool {
    target.split('-').next() != Some(std::env::consts::ARCH)
}

/// When the files were made, for all who make them: `SOURCE_DATE_EPOCH`, or the time of the commit.
fn epoch(root: &Path) -> Result<String> {
    let asked = variable("SOURCE_DATE_EPOCH");
    let root = root.display().to_string();
    let epoch = match asked {
        Some(epoch) => epoch,
        None => output("git", &["-C", &root, "log", "-1", "--format=%ct"])?,
    };
    let epoch: u64 =
        epoch.trim().parse().context("SOURCE_DATE_EPOCH: expected seconds since 1970")?;
    Ok(epoch.to_string())
}

/// A variable of the environment.
fn variable(name: &str) -> Option<String> {
    std::env::var_os(name)?.into_string().ok()
}

/// What a command prints; it has to end well.
fn output(program: &str, arguments: &[&str]) -> Result<String> {
    let ran = Command::new(program).args(arguments).output().with_context(|| program.to_owned())?;
    let said = String::from_utf8_lossy(&ran.stderr);
    ensure!(ran.status.success(), "`{program} {}`: {}", arguments.join(" "), said.trim());
    Ok(String::from_utf8(ran.stdout)?)
}

impl Dist<'_> {
    fn pack(&self) -> Result<()> {
        self.build()?;
        // Beside the programs, where the Debian package looks for it.
        let share = self.built.join("share");
        let _nothing_of_before = fs::remove_dir_all(&share);
        let documents = share.join("doc/live-users");
        self.list_components(&documents.join("sbom"))?;
        self.copy_licences(&documents)?;
        self.complete(&share)?;
        archive::tarball(self, &share)?;
        self.debian_package()
    }

    /// Cargo, with this machine's paths taken out of what it builds.
    fn cargo(&self, arguments: &str) -> Command {
        let mut command = cargo_command(self.root, arguments);
        let home = variable("CARGO_HOME").or_else(|| Some(format!("{}/.cargo", variable("HOME")?)));
        let flags = [
            (home.unwrap_or_default(), "/cargo"),
            (self.root.display().to_string(), "/live-users"),
        ];
        let flags = flags.into_iter().filter(|(from, _)| !from.is_empty());
        let flags: Vec<_> =
            flags.map(|(from, to)| format!("--remap-path-prefix={from}={to}")).collect();
        command.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
        command
    }

    /// Not with the time of the commit, which builds the C of the dependencies anew for each one.
    fn build(&self) -> Result<()> {
        let build = if is_foreign(self.target) { "zigbuild" } else { "build" };
        let packages = PROGRAMS.map(|(name, _)| format!("--package {name}")).join(" ");
        let words = format!("{build} --locked --profile dist --target {} {packages}", self.target);
        run_to_end(self.cargo(&words))
    }

    /// Writes what each program is made of, as CycloneDX has it.
    fn list_components(&self, folder: &Path) -> Result<()> {
        // The tool writes beside every manifest of the workspace, so the name is one that nothing has.
        let temporary = format!("dist-{}", std::process::id());
        let words = "cyclonedx --quiet --format json --spec-version 1.5 --no-build-deps";
        let words = format!("{words} --target {} --override-filename {temporary}", self.target);
        let mut list = self.cargo(&words);
        list.env("SOURCE_DATE_EPOCH", &self.epoch);
        let listed = run_to_end(list);
        fs::create_dir_all(folder)?;
        let root = format!("path+file://{}", self.root.display());
        for (name, crate_folder) in PROGRAMS {
            let file = self.root.join(crate_folder).join(format!("{temporary}.json"));
            if let Ok(text) = fs::read_to_string(file) {
                let text = text.replace(&root, "path+file:///live-users");
                fs::write(folder.join(format!("{name}.cdx.json")), text)?;
            }
        }
        for folder in ["backend", "proxy", "crates"].map(|it| self.root.join(it)) {
            let inner = fs::read_dir(&folder)?.filter_map(|it| Some(it.ok()?.path()));
            for folder in inner.chain([folder.clone()]).filter(|it| it.is_dir()) {
                let _not_every_folder = fs::remove_file(folder.join(format!("{temporary}.json")));
            }
        }
        listed?;
        for (name, _) in PROGRAMS {
            let is_there = folder.join(format!("{name}.cdx.json")).exists();
            ensure!(is_there, "dist: cargo-cyclonedx has listed nothing for {name}");
        }
        Ok(())
    }

    /// Writes the licence texts of what the programs are made of.
    fn copy_licences(&self, documents: &Path) -> Result<()> {
        let mut components = BTreeSet::new();
        for (name, _) in PROGRAMS {
            let list = fs::read_to_string(documents.join(format!("sbom/{name}.cdx.json")))?;
            components.append(&mut licences::components(&list)?);
        }
        let words =
            format!("metadata --format-version 1 --locked --filter-platform {}", self.target);
        let metadata = self.cargo(&words).stderr(Stdio::inherit()).output()?;
        ensure!(metadata.status.success(), "`cargo {words}` ended with {}", metadata.status);
        let texts = licences::texts(&String::from_utf8(metadata.stdout)?, &components)?;
        Ok(fs::write(documents.join("THIRD-PARTY-LICENSES.txt"), texts)?)
    }

    /// Lets the program write its completions for shells, if it can and runs here.
    fn complete(&self, share: &Path) -> Result<()> {
        if is_foreign(self.target) {
            println!("dist: no completions for shells: `{}` does not run here", self.target);
            return Ok(());
        }
        for (shell, path) in [
            ("bash", "bash-completion/completions/live-users"),
            ("zsh", "zsh/vendor-completions/_live-users"),
            ("fish", "fish/vendor_completions.d/live-users.fish"),
        ] {
            let mut command = Command::new(self.built.join("live-users"));
            let ran = command.args(["completions", shell]).stdin(Stdio::null()).output()?;
            if !ran.status.success() {
                println!("dist: no completions for {shell}: the program has no such command");
                continue;
            }
            let path = share.join(path);
            fs::create_dir_all(path.parent().context("a folder")?)?;
            fs::write(path, ran.stdout)?;
        }
        Ok(())
    }

    fn debian_package(&self) -> Result<()> {
        // Packages of one processor for two C libraries need two names.
        let libc = self.target.rsplit('-').next().filter(|it| *it != "musl");
        let revision = libc.map_or("1".into(), |it| format!("1+{it}"));
        let words = "deb --quiet --no-build --no-strip --profile dist --package live-users";
        let target = self.target;
        let words = format!("{words} --target {target} --deb-revision {revision} --output");
        let mut command = self.cargo(&words);
        command.arg(&self.packages).env("SOURCE_DATE_EPOCH", &self.epoch);
        run_to_end(command)
    }
}

fn run_to_end(mut command: Command) -> Result<()> {
    let status = command.status()?;
    if !status.success() {
        let words: Vec<_> = command.get_args().map(|it| it.to_string_lossy()).collect();
        bail!("`cargo {}` ended with {status}", words.join(" "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_triple_of_linux_and_static_by_default() {
        assert_eq!(targets("").ok(), Some(vec![DEFAULT_TARGET]));
        let two = "--target a-b-linux-gnu --target c-d-linux-musl";
        assert_eq!(targets(two).ok(), Some(vec!["a-b-linux-gnu", "c-d-linux-musl"]));
        for wrong in
            ["--target", "--tarball", "x86_64-unknown-linux-gnu", "--target x86_64-pc-windows-msvc"]
        {
            let error = targets(wrong).err().map(|it| it.to_string()).unwrap_or_default();
            assert!(error.contains("--target"), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_target_that_rustc_does_not_know_is_named() {
        let error = can_build_for("z80-unknown-linux-none").err().map(|it| it.to_string());
        assert!(error.is_some_and(|it| it.contains("--target") && it.contains("z80")));
    }
}
