//! Which inputs the PATH arguments mean, and in which order they are read.
//!
//! The order is a function of the arguments and of the names alone, so that a run can be repeated:
//! arguments in the order they were given; inside a directory or a glob, names sorted bytewise, except
//! that a rotated set comes oldest first (`age.rs`).
//!
//! Symbolic links to files are read; links to directories met on the way down are not entered (what they
//! lead to is read where it lives, and a loop cannot happen), as `os.walk` in the seeds' `gen_find` does.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use globset::{Glob, GlobBuilder, GlobMatcher, GlobSet, GlobSetBuilder};

use super::age::by_age;
use super::given::Given;
use super::{FileId, InputError};

/// One input, not opened yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The standard input.
    Stdin,
    /// A file, a named pipe or a device.
    File(PathBuf),
    /// What the program itself gives.
    Given(Given),
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Input::Stdin => f.write_str("(stdin)"),
            Input::File(path) => write!(f, "{}", path.display()),
            Input::Given(given) => f.write_str(given.name()),
        }
    }
}

/// What [`find`] found: inputs in reading order, and the places where there was none.
///
/// A problem stands where its input would have stood, so that messages come in the order of the reading.
pub type Found = Vec<Result<Input, InputError>>;

/// The `--name` patterns: which files inside directories are read. Empty means all.
#[derive(Debug, Clone, Default)]
pub struct Names(Option<GlobSet>);

impl Names {
    /// Compiles the patterns.
    ///
    /// # Errors
    ///
    /// The first pattern that is not a glob.
    pub fn new<S: AsRef<str>>(patterns: &[S]) -> Result<Names, globset::Error> {
        if patterns.is_empty() {
            return Ok(Names(None));
        }
        let mut set = GlobSetBuilder::new();
        for pattern in patterns {
            set.add(Glob::new(pattern.as_ref())?);
        }
        Ok(Names(Some(set.build()?)))
    }

    /// Whether there are no patterns.
    pub(super) fn are_all(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn wants(&self, name: &OsStr) -> bool {
        self.0.as_ref().is_none_or(|set| set.is_match(name))
    }
}

/// Turns arguments into inputs. No argument at all means the standard input.
///
/// A file that bears the very name of a glob wins over the glob. Named pipes and devices are read when
/// they are named, and passed over inside directories.
pub fn find(args: &[PathBuf], names: &Names) -> Found {
    if args.is_empty() {
        return vec![Ok(Input::Stdin)];
    }
    let mut found = Vec::new();
    for arg in args {
        if arg.as_os_str() == "-" {
            found.push(Ok(Input::Stdin));
            continue;
        }
        match (fs::metadata(arg), glob_of(arg)) {
            (Err(e), Some(pattern)) if e.kind() == io::ErrorKind::NotFound => expand(arg, pattern, names, &mut found),
            (meta, _) => add(arg, meta, names, &mut found),
        }
    }
    found
}

/// Whether the regular file at this path, should there be one, is among the inputs, under whatever name.
pub fn is_among(path: &Path, found: &Found) -> bool {
    fs::metadata(path).ok().and_then(|meta| id(&meta)).is_some_and(|wanted| named(wanted, found).is_some())
}

/// The input that is this file, under whatever name.
pub fn named(wanted: FileId, found: &Found) -> Option<&Input> {
    let is_it = |input: &&Input| match input {
        Input::File(path) => fs::metadata(path).ok().and_then(|meta| id(&meta)) == Some(wanted),
        Input::Stdin => rustix::fs::fstat(io::stdin()).is_ok_and(|stat| (stat.st_dev, stat.st_ino) == wanted),
        Input::Given(_) => false,
    };
    found.iter().flatten().find(is_it)
}

fn id(meta: &fs::Metadata) -> Option<FileId> {
    meta.is_file().then(|| (meta.dev(), meta.ino()))
}

/// Adds a path that was named, or matched by a glob.
fn add(path: &Path, meta: io::Result<fs::Metadata>, names: &Names, found: &mut Found) {
    match meta {
        Ok(meta) if meta.is_dir() => walk(path, names, found),
        Ok(_) => found.push(Ok(Input::File(path.to_owned()))),
        Err(e) => found.push(Err(InputError::open(path, e))),
    }
}

fn walk(root: &Path, names: &Names, found: &mut Found) {
    let before = found.len();
    let entries = walkdir::WalkDir::new(root).sort_by(|a, b| by_age(a.file_name(), b.file_name()));
    for entry in entries {
        let entry = match entry {
            Ok(entry) => entry,
            Err(e) => {
                found.push(Err(unreadable(root, e)));
                continue;
            }
        };
        let kind = entry.file_type();
        if entry.depth() == 0 || kind.is_dir() || !names.wants(entry.file_name()) {
            continue;
        }
        if kind.is_file() {
            found.push(Ok(Input::File(entry.into_path())));
        } else if kind.is_symlink() {
            match fs::metadata(entry.path()) {
                Ok(meta) if meta.is_file() => found.push(Ok(Input::File(entry.into_path()))),
                Ok(_) => {}
                Err(e) => found.push(Err(InputError::open(entry.path(), e))),
            }
        }
    }
    if found.len() == before && !names.are_all() {
        found.push(Err(InputError::pattern(root, "no file in it matches --name".to_owned())));
    }
}

fn unreadable(root: &Path, error: walkdir::Error) -> InputError {
    let path = error.path().unwrap_or(root).to_owned();
    let what = error.into_io_error().unwrap_or_else(|| io::Error::other("a link that leads back to where it is"));
    InputError::open(&path, what)
}

/// What is said of a glob that matches nothing.
pub(super) const NO_MATCH: &str = "no file matches";

/// The argument as a pattern, if it has any of `*?[`. One that is not UTF-8 is taken by its letter.
pub(super) fn glob_of(arg: &Path) -> Option<&str> {
    arg.to_str().filter(|s| s.contains(['*', '?', '[']))
}

/// Expands a glob as a shell does: component by component, `**` for any depth, `*` not matching a leading dot. Every
/// file is there once, however many ways lead to it.
fn expand(arg: &Path, pattern: &str, names: &Names, found: &mut Found) {
    let mut bases = vec![PathBuf::new()];
    let mut problems = Vec::new();
    for part in Path::new(pattern).components() {
        let text = part.as_os_str().to_string_lossy();
        bases = match part {
            Component::Normal(_) if text == "**" => bases.iter().flat_map(|b| dirs_below(b, &mut problems)).collect(),
            Component::Normal(_) if text.contains(['*', '?', '[']) => {
                let matcher = match GlobBuilder::new(&text).literal_separator(true).build() {
                    Ok(glob) => glob.compile_matcher(),
                    Err(e) => {
                        found.push(Err(InputError::pattern(arg, e.to_string())));
                        return;
                    }
                };
                bases.iter().flat_map(|b| matches_in(b, &matcher, text.starts_with('.'), &mut problems)).collect()
            }
            _ => bases.into_iter().map(|b| b.join(part)).filter(|p| is_there(p, &mut problems)).collect(),
        };
    }
    if bases.is_empty() && problems.is_empty() {
        problems.push(InputError::pattern(arg, NO_MATCH.to_owned()));
    }
    let mut matched: Found = problems.into_iter().map(Err).collect();
    for path in bases {
        let meta = fs::metadata(&path);
        add(&path, meta, names, &mut matched);
    }
    let mut seen = HashSet::new();
    matched.retain(|one| {
        seen.insert(match one {
            Ok(input) => input.to_string(),
            Err(problem) => problem.to_string(),
        })
    });
    found.append(&mut matched);
}

fn readable(dir: &Path) -> &Path {
    if dir.as_os_str().is_empty() { Path::new(".") } else { dir }
}

/// Whether the path exists; that it may not be asked is a problem.
fn is_there(path: &Path, problems: &mut Vec<InputError>) -> bool {
    match fs::symlink_metadata(path) {
        Ok(_) => true,
        Err(e) => {
            add_problem(path, e, problems);
            false
        }
    }
}

/// What is not there, or is no directory, does not match; anything else that cannot be looked at is a problem.
fn add_problem(path: &Path, error: io::Error, problems: &mut Vec<InputError>) {
    if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) {
        problems.push(InputError::open(path, error));
    }
}

fn matches_in(dir: &Path, matcher: &GlobMatcher, hidden: bool, problems: &mut Vec<InputError>) -> Vec<PathBuf> {
    let entries = match fs::read_dir(readable(dir)) {
        Ok(entries) => entries,
        Err(e) => {
            add_problem(dir, e, problems);
            return Vec::new();
        }
    };
    let mut names = Vec::new();
    for entry in entries {
        match entry {
            Ok(entry) => names.push(entry.file_name()),
            Err(e) => add_problem(dir, e, problems),
        }
    }
    names.retain(|n| (hidden || !n.as_bytes().starts_with(b".")) && matcher.is_match(n));
    names.sort_by(|a, b| by_age(a, b));
    names.into_iter().map(|n| dir.join(n)).collect()
}

/// `dir` itself and every directory below it, for `**`; hidden ones and links are not entered.
fn dirs_below(dir: &Path, problems: &mut Vec<InputError>) -> Vec<PathBuf> {
    let depth_of_dir = readable(dir).components().count();
    let entries = walkdir::WalkDir::new(readable(dir))
        .sort_by(|a, b| by_age(a.file_name(), b.file_name()))
        .into_iter()
        .filter_entry(|e| e.depth() == 0 || (e.file_type().is_dir() && !e.file_name().as_bytes().starts_with(b".")));
    let mut dirs = Vec::new();
    for entry in entries {
        match entry {
            Ok(e) => dirs.push(dir.join(e.path().components().skip(depth_of_dir).collect::<PathBuf>())),
            Err(e) => problems.push(unreadable(dir, e)),
        }
    }
    dirs
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "x\n").unwrap();
        }
        dir
    }

    /// What is found for `args` below `dir`, shown relative to it; a problem is shown as `!path`.
    fn show(dir: &Path, args: &[&str], names: &[&str]) -> Vec<String> {
        let args: Vec<_> = args.iter().map(|a| if *a == "-" { PathBuf::from("-") } else { dir.join(a) }).collect();
        let prefix = format!("{}/", dir.display());
        find(&args, &Names::new(names).unwrap())
            .into_iter()
            .map(|f| match f {
                Ok(input) => input.to_string().replace(&prefix, ""),
                Err(e) => format!("!{}", e.name().replace(&prefix, "")),
            })
            .collect()
    }

    #[test]
    fn no_argument_and_a_dash_are_stdin() {
        assert_eq!(find(&[], &Names::default()), [Ok(Input::Stdin)]);
        let dir = tree(&["a"]);
        assert_eq!(show(dir.path(), &["-", "a"], &[]), ["(stdin)", "a"]);
    }

    #[test]
    fn rotated_sets_come_oldest_first() {
        let dir = tree(&["access-log", "access-log.1", "access-log.2.gz", "access-log.10.gz", "b", "access-log.20240131", "a/z"]);
        let want = ["a/z", "access-log.20240131", "access-log.10.gz", "access-log.2.gz", "access-log.1", "access-log", "b"];
        assert_eq!(show(dir.path(), &["."], &[]).iter().map(|s| s.trim_start_matches("./")).collect::<Vec<_>>(), want);
        assert_eq!(show(dir.path(), &["acc*g*"], &[]), &want[1..6]);
    }

    #[test]
    fn arguments_keep_their_order() {
        let dir = tree(&["a", "b", "c"]);
        assert_eq!(show(dir.path(), &["c", "a", "c"], &[]), ["c", "a", "c"]);
    }

    #[test]
    fn names_filter_inside_directories_only() {
        let dir = tree(&["d/x.log", "d/y.txt", "d/e/z.log", "d/e/w", "y.txt"]);
        assert_eq!(show(dir.path(), &["d", "y.txt"], &["*.log"]), ["d/e/z.log", "d/x.log", "y.txt"]);
        assert_eq!(show(dir.path(), &["d"], &["*.log", "w"]), ["d/e/w", "d/e/z.log", "d/x.log"]);
    }

    #[test]
    fn globs_expand_as_in_a_shell() {
        let dir = tree(&["d1/a.log", "d2/b.log", "d2/.c.log", "d2/e/f.log", "lit[1]", "lit1"]);
        assert_eq!(show(dir.path(), &["d*/*.log"], &[]), ["d1/a.log", "d2/b.log"]);
        assert_eq!(show(dir.path(), &["d[2-9]/.*.log"], &[]), ["d2/.c.log"]);
        assert_eq!(show(dir.path(), &["**/?.log"], &[]), ["d1/a.log", "d2/b.log", "d2/e/f.log"]);
        assert_eq!(show(dir.path(), &["lit[1]"], &[]), ["lit[1]"], "a file of that very name wins");
        assert_eq!(show(dir.path(), &["d?"], &[]), ["d1/a.log", "d2/.c.log", "d2/b.log", "d2/e/f.log"]);
        assert_eq!(show(dir.path(), &["no*", "d1"], &[]), ["!no*", "d1/a.log"]);
    }

    #[test]
    fn what_is_missing_is_named_where_it_would_have_stood() {
        let dir = tree(&["a", "b"]);
        assert_eq!(show(dir.path(), &["a", "gone", "b"], &[]), ["a", "!gone", "b"]);
    }

    #[test]
    fn links_to_files_are_read_and_loops_are_not_entered() {
        let dir = tree(&["d/a"]);
        symlink(dir.path(), dir.path().join("d/loop")).unwrap();
        symlink("a", dir.path().join("d/link")).unwrap();
        symlink("self", dir.path().join("d/self")).unwrap();
        assert_eq!(show(dir.path(), &["d"], &[]), ["d/a", "d/link", "!d/self"]);
        assert_eq!(show(dir.path(), &["d/loop/d"], &["a"]), ["d/loop/d/a"], "a link that is named is followed");
    }

    #[test]
    fn a_bad_pattern_is_an_error() {
        assert!(Names::new(&["[z-a"]).is_err());
        assert!(find(&["no/[such".into()], &Names::default())[0].is_err());
    }
}
