//! `scripts/release` and `scripts/release-try`: what is packed, that the same programs are packed to the same bytes, and that what
//! was packed is found to work. The programs are small ones that start those that are tested: nothing is compiled.
//! Skipped, with a message, where there is no Python 3.11 or no `dpkg-deb`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::PermissionsExt,
    path::Path,
    time::Duration,
};

use e2e::{Outcome, Pipeline, Program, Scratch};

/// For a machine on which other things run, too.
const LONG: Duration = Duration::from_secs(540);

const HAS_ALL: &str = "\
for p in cargo rustc dpkg-deb gzip tar; do command -v $p > /dev/null || { echo there is no $p; exit; }; done
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null || echo there is no Python 3.11
";

const PACK: &str = "\
set -e
host=$(rustc -vV | sed -n 's/^host: //p')
export SOURCE_DATE_EPOCH=1780000000
\"$SCRIPTS/release\" --programs programs --target $host --out one
";

/// The same with another clock, mask and working directory.
const AGAIN: &str = "\
mkdir elsewhere
(cd elsewhere; umask 077; TZ=Asia/Tokyo \"$SCRIPTS/release\" --programs ../programs --target $host --out two)
for file in one/*; do cmp \"$file\" \"elsewhere/two/${file#*/}\"; done
";

fn run(script: &str, scratch: &Scratch) -> Outcome {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("scripts");
    Pipeline::shell(script).dir(scratch.path()).env("SCRIPTS", scripts).deadline(LONG).run()
}

/// A directory with a release in `one`, after this script; `None` where none can be made here.
fn packed(then: &str) -> Option<Scratch> {
    let scratch = Scratch::new();
    let missing = run(HAS_ALL, &scratch).text();
    if !missing.is_empty() {
        // Whether anybody reads it is no matter.
        let _ = writeln!(io::stderr(), "skipped: {missing}");
        return None;
    }
    let programs = scratch.path().join("programs");
    fs::create_dir(&programs).unwrap();
    for program in [Program::Producer, Program::Consumer, Program::Front] {
        let path = programs.join(program.name());
        fs::write(&path, format!("#!/bin/sh\nexec '{}' \"$@\"\n", program.path().display())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    run(&format!("{PACK}{then}"), &scratch).exits(&[0]);
    Some(scratch)
}

#[test]
fn a_release_has_everything_and_is_the_same_each_time() {
    let Some(scratch) = packed(AGAIN) else { return };
    let tried = run("\"$SCRIPTS/release-try\" one", &scratch).exits(&[0]);
    for part in ["the first answer", "a completion", "installed in a root of its own", "removed"] {
        assert!(tried.text().contains(part), "{tried}");
    }
    let names = run("tar -tzf one/*.tar.gz | sed 's|^[^/]*/||'; dpkg-deb -c one/*.deb | sed 's|.* \\./usr/||'", &scratch).exits(&[0]);
    let (text, shared) = (
        names.text(),
        [
            "bash-completion/completions/recpipe",
            "zsh/vendor-completions/_producer",
            "fish/vendor_completions.d/consumer.fish",
            "man/man1/recpipe.1.gz",
            "man/man5/producer-csv.5.gz",
            "man/man7/recpipe-query.7.gz",
            "doc/recpipe/GUIDE.md",
            "doc/recpipe/docs/formats.md",
            "doc/recpipe/docs/examples/nginx.log",
            "doc/recpipe/LICENSE-MIT",
            "doc/recpipe/licences.gz",
        ],
    );
    for name in
        ["bin/producer", "bin/consumer", "bin/recpipe"].map(str::to_owned).into_iter().chain(shared.map(|name| format!("share/{name}")))
    {
        assert_eq!(text.lines().filter(|line| *line == name).count(), 2, "{name}: {names}");
    }
    let control =
        run("dpkg-deb -f one/*.deb Package Architecture Installed-Size; dpkg-deb -c one/*.deb | grep -v ' root/root '", &scratch).text();
    assert!(control.starts_with("Package: recpipe\n") && control.lines().count() == 3, "{control}");
}

#[test]
fn a_release_that_was_damaged_is_found_out() {
    let Some(scratch) = packed("") else { return };
    for (damage, part) in [
        ("for file in *.tar.gz; do echo >> $file; done", "a checksum differs"),
        ("echo > more", "SHA256SUMS is not about all files"),
        ("for file in *.json; do echo '{\"components\":[]}' > $file; done; sha256sum [!S]* > SHA256SUMS", "its list of parts is none"),
    ] {
        let script = format!("rm -rf damaged; cp -r one damaged; (cd damaged; {damage}); \"$SCRIPTS/release-try\" damaged");
        let damaged = run(&script, &scratch).exits(&[1]);
        assert!(damaged.end(Program::Shell).stderr.contains(part), "{damaged}");
    }
    for (args, part) in [
        ("--out out --programs programs", "--programs are of one target"),
        ("--out programs --target x", "programs has files that are no release"),
        ("--out out --programs no --target x", "/no/producer"),
        ("--out out --wheel", "unknown argument --wheel"),
    ] {
        let refused = run(&format!("\"$SCRIPTS/release\" {args}"), &scratch).exits(&[1]);
        assert!(refused.end(Program::Shell).stderr.contains(part), "{refused}");
    }
}
