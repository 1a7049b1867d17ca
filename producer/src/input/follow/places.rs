//! Which files are followed: what the PATHs mean now, and the directories in which it may change.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::super::InputError;
use super::super::find::{self, Input, Names};

/// What was asked to be followed.
#[derive(Debug)]
pub struct Places {
    args: Vec<PathBuf>,
    names: Names,
}

/// What it means now.
#[derive(Debug, Default)]
pub struct Scan {
    /// The files, in reading order.
    pub files: Vec<PathBuf>,
    /// Files that were named and are not there yet, or may not be looked at yet, and why.
    pub missing: Vec<(PathBuf, io::Error)>,
    /// The directories where these are, and where more may come.
    pub(crate) dirs: Vec<PathBuf>,
    /// What cannot be looked at.
    pub(crate) problems: Vec<InputError>,
}

impl Places {
    /// These arguments, and these names in directories.
    pub fn new(args: Vec<PathBuf>, names: Names) -> Self {
        Places { args, names }
    }

    /// Whether files may join that were not named: there is a directory or a glob among the arguments.
    pub(crate) fn are_open(&self) -> bool {
        self.args.iter().any(|arg| arg.is_dir() || is_glob(arg))
    }

    /// Looks.
    pub fn scan(&self) -> Scan {
        let mut scan = Scan::default();
        for arg in &self.args {
            match fs::metadata(arg) {
                Ok(meta) if meta.is_dir() => scan.add_dirs(arg, usize::MAX),
                Ok(_) => {}
                Err(e) if may_come(&e) && is_glob(arg) => {
                    let (base, depth) = base_of(arg);
                    scan.add_dirs(&base, depth);
                }
                Err(e) if may_come(&e) => {
                    scan.dirs.push(parent(arg));
                    scan.missing.push((arg.clone(), e));
                    continue;
                }
                Err(_) => {}
            }
            for found in find::find(std::slice::from_ref(arg), &self.names) {
                match found {
                    Ok(Input::File(path)) => {
                        scan.dirs.push(parent(&path));
                        scan.files.push(path);
                    }
                    Ok(Input::Stdin | Input::Given(_)) => {}
                    // It may do so later.
                    Err(problem) if problem.what == find::NO_MATCH => {}
                    Err(problem) => scan.problems.push(problem),
                }
            }
        }
        scan.dirs.sort();
        scan.dirs.dedup();
        scan
    }
}

impl Scan {
    /// `root` and the directories below it, down to this depth.
    fn add_dirs(&mut self, root: &Path, depth: usize) {
        let entries = walkdir::WalkDir::new(root).max_depth(depth).into_iter();
        let dirs = entries.filter_map(Result::ok).filter(|entry| entry.file_type().is_dir());
        self.dirs.extend(dirs.map(walkdir::DirEntry::into_path));
    }
}

/// Whether a path that fails so may be a file later: a parent is not there yet, is something else, or may not be searched.
fn may_come(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::PermissionDenied)
}

/// The names that a symbolic link leads to, one link after the other; none where it is no link.
pub fn links(path: &Path) -> Vec<PathBuf> {
    /// As many as the system follows.
    const MOST: usize = 40;
    let follow = |from: &PathBuf| fs::read_link(from).ok().map(|to| parent(from).join(to));
    std::iter::successors(follow(&path.to_owned()), follow).take(MOST).collect()
}

/// The directory that a path's last name is in.
pub fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn is_glob(arg: &Path) -> bool {
    find::glob_of(arg).is_some()
}

/// The directory above the first pattern of a glob, and how many levels below it directories matter.
fn base_of(glob: &Path) -> (PathBuf, usize) {
    let has_pattern = |part: &Component<'_>| find::glob_of(Path::new(part.as_os_str())).is_some();
    let base: PathBuf = glob.components().take_while(|part| !has_pattern(part)).collect();
    let below = glob.components().skip_while(|part| !has_pattern(part));
    let depth = if below.clone().any(|part| part.as_os_str() == "**") { usize::MAX } else { below.count() - 1 };
    (if base.as_os_str().is_empty() { PathBuf::from(".") } else { base }, depth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_where_files_may_come_are_known() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::create_dir_all(path("a/b")).unwrap();
        fs::write(path("a/x.log"), "").unwrap();
        let scan = |arg: &str| {
            let scan = Places::new(vec![path(arg)], Names::new(&["*.log"]).unwrap()).scan();
            let names = |paths: &[PathBuf]| {
                let shown = paths.iter().map(|p| p.strip_prefix(dir.path()).unwrap().display().to_string());
                shown.collect::<Vec<_>>().join(" ")
            };
            assert!(scan.problems.is_empty(), "{:?}", scan.problems);
            let missing: Vec<PathBuf> = scan.missing.into_iter().map(|(path, _)| path).collect();
            format!("{}|{}|{}", names(&scan.files), names(&missing), names(&scan.dirs))
        };
        assert_eq!(scan("a"), "a/x.log||a a/b");
        assert_eq!(scan("a/x.log"), "a/x.log||a");
        assert_eq!(scan("a/y.log"), "|a/y.log|a");
        assert_eq!(scan("a/*.log"), "a/x.log||a");
        assert_eq!(scan("a/*/*.log"), "||a a/b");
        assert_eq!(scan("**/y*"), "|| a a/b");
    }

    #[test]
    fn a_file_without_a_directory_is_here() {
        assert_eq!(parent(Path::new("f.log")), Path::new("."));
        assert_eq!(base_of(Path::new("*.log")), (PathBuf::from("."), 0));
    }
}
