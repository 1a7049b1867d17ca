//! Following without the thread that opens files, and with few open files.

use super::super::boundary::Lines;
use super::*;
use std::fs;
use std::path::Path;

fn append(path: &Path, text: &str) {
    use std::io::Write;
    fs::OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

/// The next thing that `follow` yields, as text.
fn next(follow: &mut Follow) -> String {
    match follow.next() {
        Some(Followed::Block(block)) => String::from_utf8(block.bytes.to_vec()).unwrap(),
        other => format!("{other:?}"),
    }
}

#[test]
fn polling_sees_what_nobody_tells() {
    let dir = tempfile::tempdir().unwrap();
    let (log, late) = (dir.path().join("f.log"), dir.path().join("sub/late.log"));
    append(&log, "old\n");
    let watch = Watch::nothing();
    let setup = Setup {
        paths: vec![log.clone(), late.clone(), dir.path().to_owned()],
        names: Names::default(),
        from_start: false,
        meter: Arc::default(),
        watch: watch.clone(),
        output: None,
        pulse: None,
        before: None,
    };
    let mut follow = Follow::with(Watcher::polling().unwrap(), setup, Arc::new(Lines::default()), MAX_OPEN).unwrap();
    assert!(next(&mut follow).contains("late.log: not there yet"));
    append(&log, "one\n");
    assert_eq!(next(&mut follow), "one\n");
    fs::rename(&log, dir.path().join("f.log.1")).unwrap();
    append(&log, "two\n");
    assert_eq!(next(&mut follow), "two\n");
    fs::write(&log, "3\n").unwrap();
    assert!(next(&mut follow).contains("was truncated"));
    assert_eq!(next(&mut follow), "3\n");
    fs::create_dir(dir.path().join("sub")).unwrap();
    append(&late, "four\n");
    assert_eq!(next(&mut follow), "four\n");
    append(&log, "five");
    watch.stop_by(15);
    assert_eq!((next(&mut follow), follow.next().is_none()), ("five".to_owned(), true));
}

#[test]
fn files_beyond_those_held_open_are_read_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = |n: usize| dir.path().join(format!("{n}.log"));
    let count = 20;
    (0..count).for_each(|n| append(&path(n), "old\n"));
    let watch = Watch::nothing();
    let (paths, names) = (vec![dir.path().to_owned()], Names::default());
    let setup =
        Setup { paths, names, from_start: false, meter: Arc::default(), watch: watch.clone(), output: None, pulse: None, before: None };
    let mut follow = Follow::with(Watcher::new().unwrap(), setup, Arc::new(Lines::default()), 5).unwrap();
    for round in 0..2 {
        (0..count).for_each(|n| append(&path(n), &format!("{n} {round}\n")));
        let until = Instant::now() + Duration::from_secs(20);
        let mut came = Vec::new();
        while came.len() < count {
            assert!(Instant::now() < until, "{came:?}");
            came.push(next(&mut follow));
        }
        let mut want: Vec<String> = (0..count).map(|n| format!("{n} {round}\n")).collect();
        came.sort();
        want.sort();
        assert_eq!(came, want);
        assert!(follow.owners.len() <= 5);
    }
}

#[test]
fn a_file_that_came_just_before_the_signal_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let watch = Watch::nothing();
    let (paths, names) = (vec![dir.path().to_owned()], Names::default());
    let setup =
        Setup { paths, names, from_start: false, meter: Arc::default(), watch: watch.clone(), output: None, pulse: None, before: None };
    let mut follow = Follow::with(Watcher::new().unwrap(), setup, Arc::new(Lines::default()), MAX_OPEN).unwrap();
    append(&dir.path().join("f.log"), "one\n");
    watch.stop_by(15);
    assert_eq!((next(&mut follow), follow.next().is_none()), ("one\n".to_owned(), true));
}

#[test]
fn versions_that_were_missed_are_lost_unless_the_next_one_goes_on_where_the_reading_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    append(&path("f.log"), "");
    let (watch, paths, names) = (Watch::nothing(), vec![path("f.log")], Names::default());
    let setup = Setup { paths, names, from_start: false, meter: Arc::default(), watch, output: None, pulse: None, before: None };
    let mut follow = Follow::with(Watcher::new().unwrap(), setup, Arc::new(Lines::default()), MAX_OPEN).unwrap();
    let replace = |text: &str| {
        fs::write(path(".f.log"), text).unwrap();
        fs::rename(path(".f.log"), path("f.log")).unwrap();
    };
    append(&path("f.log"), "1\n");
    assert_eq!(next(&mut follow), "1\n");
    // Nobody looks in between.
    replace("1\n2\n");
    replace("1\n2\n3\n");
    follow.learn();
    follow.look(Instant::now());
    assert_eq!(next(&mut follow), "2\n3\n");
    // One that is opened, one that is not, and one that holds neither.
    replace("1\n2\n3\n4\n");
    follow.learn();
    replace("1\n2\n3\n4\n5\n");
    replace("other\n");
    follow.learn();
    follow.look(Instant::now());
    let mut came = [next(&mut follow), next(&mut follow), next(&mut follow)];
    came.sort();
    let [read, told, other] = &came;
    assert_eq!((&read[..], &other[..]), ("4\n", "other\n"));
    assert!(told.contains("f.log: a file of this name came and went before it could be read"), "{told}");
}
