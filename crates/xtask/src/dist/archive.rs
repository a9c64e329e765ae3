//! The tarball and the checksums of `cargo xtask dist`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::{Dist, PROGRAMS, VERSION};

/// What lies at the top of the tarball, beside the programs.
const TOP: [&str; 5] =
    ["README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT", "examples/agents.toml"];

/// Packs the programs, documents, units and what is in `share`.
pub(super) fn tarball(dist: &Dist, share: &Path) -> Result<()> {
    let name = format!("live-users-{VERSION}-{}", dist.target);
    let stage = dist.built.join("stage");
    let _nothing_of_before = fs::remove_dir_all(&stage);
    let top = stage.join(&name);
    for (program, _) in PROGRAMS {
        copy(&dist.built.join(program), &top.join("bin").join(program))?;
    }
    TOP.iter().try_for_each(|it| copy(&dist.root.join(it), &top.join(it)))?;
    copy_folder(&dist.root.join("deploy/systemd"), &top.join("systemd"), "")?;
    copy_folder(&dist.root.join("docs"), &top.join("docs"), ".md")?;
    copy_folder(share, &top.join("share"), "")?;
    for (program, _) in PROGRAMS {
        let sbom = share.join(format!("doc/live-users/sbom/{program}.cdx.json"));
        copy(&sbom, &dist.packages.join(format!("{program}-{VERSION}-{}.cdx.json", dist.target)))?;
    }
    compress(&stage, &name, &dist.epoch, &dist.packages.join(format!("{name}.tar.gz")))?;
    Ok(fs::remove_dir_all(stage)?)
}

/// Sorted, with one time and one owner for all, and modes that no umask changes.
fn compress(stage: &Path, name: &str, epoch: &str, to: &Path) -> Result<()> {
    let mut tar = Command::new("tar");
    tar.args([
        "--create",
        "--sort=name",
        "--format=ustar",
        "--owner=0",
        "--group=0",
        "--numeric-owner",
    ]);
    tar.args(["--mode=u+rw,go+r-w,a+X", &format!("--mtime=@{epoch}"), "--directory"]).arg(stage);
    let mut tar = tar.arg(name).stdout(Stdio::piped()).spawn().context("tar")?;
    let input = tar.stdout.take().context("stdout is piped")?;
    let mut gzip = Command::new("gzip");
    let packed =
        gzip.args(["--no-name", "-9"]).stdin(input).stdout(fs::File::create(to)?).status()?;
    ensure!(tar.wait()?.success() && packed.success(), "dist: tar or gzip has failed for {name}");
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to.parent().context("a folder")?)?;
    fs::copy(from, to).with_context(|| format!("dist: {}", from.display()))?;
    Ok(())
}

/// Copies the files with this end, also from folders inside.
fn copy_folder(from: &Path, to: &Path, end: &str) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("dist: {}", from.display()))? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &to, end)?;
        } else if entry.file_name().to_string_lossy().ends_with(end) {
            copy(&entry.path(), &to)?;
        }
    }
    Ok(())
}

/// Writes `SHA256SUMS` for everything in the folder.
pub(super) fn checksums(packages: &Path) -> Result<()> {
    let listed = fs::read_dir(packages)?.map(|it| Ok(PathBuf::from(it?.file_name())));
    let mut names = listed.collect::<Result<Vec<_>>>()?;
    names.retain(|it| it != Path::new("SHA256SUMS"));
    names.sort();
    let mut command = Command::new("sha256sum");
    let ran = command.arg("--").args(names).current_dir(packages).output()?;
    ensure!(ran.status.success(), "dist: {}", String::from_utf8_lossy(&ran.stderr));
    Ok(fs::write(packages.join("SHA256SUMS"), ran.stdout)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_files_give_the_same_tarball_whatever_their_times_and_modes() -> Result<()> {
        let folder = std::env::temp_dir().join(format!("live-users-dist-{}", std::process::id()));
        let pack = |order: [&str; 2], read_only: bool| -> Result<Vec<u8>> {
            let stage = folder.join(order.concat());
            for name in order {
                let file = stage.join("it").join(name);
                fs::create_dir_all(stage.join("it"))?;
                fs::write(&file, name)?;
                let mut mode = file.metadata()?.permissions();
                mode.set_readonly(read_only);
                fs::set_permissions(&file, mode)?;
            }
            compress(&stage, "it", "1000000000", &stage.join("it.tar.gz"))?;
            Ok(fs::read(stage.join("it.tar.gz"))?)
        };
        let (one, other) = (pack(["a", "b"], false)?, pack(["b", "a"], true)?);
        fs::remove_dir_all(&folder)?;
        ensure!(one == other && !one.is_empty(), "{} and {} bytes", one.len(), other.len());
        Ok(())
    }

    #[test]
    fn each_file_but_the_list_itself_has_a_checksum() -> Result<()> {
        let folder = std::env::temp_dir().join(format!("live-users-sums-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        for name in ["b", "a", "SHA256SUMS"] {
            fs::write(folder.join(name), "")?;
        }
        checksums(&folder)?;
        let sums = fs::read_to_string(folder.join("SHA256SUMS"))?;
        fs::remove_dir_all(&folder)?;
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        ensure!(sums == format!("{empty}  a\n{empty}  b\n"), "{sums}");
        Ok(())
    }
}
