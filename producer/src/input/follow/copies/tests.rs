//! Copies beside their originals, step by step, in the orders in which a loaded machine has them happen.

use super::super::super::boundary::Lines;
use super::super::super::find::Names;
use super::super::super::live::Watch;
use super::super::watcher::Watcher;
use super::super::{MAX_OPEN, Setup};
use super::*;
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

/// Names of copies: one that rotation makes, and another.
const NAMES: [&str; 2] = ["f.log.1", "saved"];

/// A followed directory in which something happens only when it is told to.
struct World {
    dir: TempDir,
    follow: Follow,
    lines: Vec<String>,
    said: Vec<(String, Cost)>,
}

impl World {
    /// A directory with a file of each of these names, which are empty.
    fn new(names: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        names.iter().for_each(|name| drop(File::create(dir.path().join(name)).unwrap()));
        let setup = Setup {
            paths: vec![dir.path().to_owned()],
            names: Names::default(),
            from_start: false,
            meter: Arc::default(),
            watch: Watch::nothing(),
            output: None,
            pulse: None,
            before: None,
        };
        let follow = Follow::with(Watcher::new().unwrap(), setup, Arc::new(Lines::default()), MAX_OPEN).unwrap();
        World { dir, follow, lines: Vec::new(), said: Vec::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn append(&self, name: &str, text: &str) {
        let mut file = fs::OpenOptions::new().append(true).create(true).open(self.path(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn copy(&self, from: &str, to: &str) {
        fs::copy(self.path(from), self.path(to)).unwrap();
    }

    fn empty(&self, name: &str) {
        File::create(self.path(name)).unwrap();
    }

    /// Reads what it knows of, and finds no new names.
    fn read(&mut self) {
        self.follow.learn();
        while self.follow.read_dirty() {}
        self.follow.give_waiting();
        for item in self.follow.ready.drain(..) {
            match item {
                Followed::Block(block) => self.lines.extend(String::from_utf8_lossy(&block.bytes).lines().map(str::to_owned)),
                Followed::Notice { text, cost } => self.said.push((text.unwrap_or_default(), cost)),
                other => panic!("{other:?}"),
            }
        }
    }

    /// Finds new names, and reads.
    fn look(&mut self) {
        self.follow.learn();
        self.follow.look(Instant::now());
        self.read();
    }

    fn slot(&mut self, name: &str) -> &mut Slot {
        self.follow.slots.values_mut().find(|slot| slot.place.1 == *name).unwrap()
    }

    /// As if the files in doubt had been as they are for so long.
    fn age_doubts(&mut self, by: Duration) {
        let doubts = self.follow.slots.values_mut().flat_map(|slot| &mut slot.tails).filter_map(|tail| tail.doubt.as_mut());
        doubts.for_each(|doubt| doubt.changed = doubt.changed.checked_sub(by).unwrap());
    }

    /// Looks until no file is in doubt any more.
    fn settle(&mut self) {
        let until = Instant::now() + Duration::from_secs(20);
        let in_doubt =
            |follow: &Follow| follow.slots.values().flat_map(|slot| &slot.tails).any(|tail| tail.doubt.is_some() && tail.len() > 0);
        while in_doubt(&self.follow) {
            assert!(Instant::now() < until, "a doubt does not end; said: {:?}", self.said);
            self.age_doubts(STILL);
            self.look();
        }
        self.read();
    }

    /// Asserts that these lines came, in any order, and that of repetitions nothing was said.
    fn came(mut self, lines: &[&str], case: &str) {
        self.lines.sort();
        assert_eq!(self.lines, lines, "{case}: {:?}", self.said);
        assert!(self.said.iter().all(|(_, cost)| *cost != Cost::Repeat), "{case}: {:?}", self.said);
    }
}

#[test]
fn a_copy_is_known_however_late_it_is_found() {
    for name in NAMES {
        let mut world = World::new(&["f.log"]);
        world.append("f.log", "1\n2\n");
        world.read();
        world.copy("f.log", name);
        world.empty("f.log");
        world.append("f.log", "3\n");
        // The emptying is noticed; then nothing goes on for a minute.
        world.read();
        world.slot("f.log").formers.age(Duration::from_secs(60));
        world.look();
        world.settle();
        world.came(&["1", "2", "3"], name);
    }
}

#[test]
fn a_copy_is_known_however_often_its_original_was_emptied_since() {
    for name in NAMES {
        let mut world = World::new(&["f.log"]);
        world.append("f.log", "01\n02\n");
        world.read();
        world.copy("f.log", name);
        // What is added after the copy was made is read, so the copy is shorter: that shows only when it is still for long.
        world.append("f.log", "03\n");
        world.look();
        for n in 4..30 {
            world.empty("f.log");
            world.append("f.log", &format!("{n:02}\n"));
            world.look();
        }
        world.settle();
        let lines: Vec<String> = (1..30).map(|n| format!("{n:02}")).collect();
        world.came(&lines.iter().map(String::as_str).collect::<Vec<_>>(), name);
    }
}

#[test]
fn that_a_former_content_had_to_be_forgotten_too_early_is_said_and_counted() {
    for name in NAMES {
        let mut world = World::new(&["f.log"]);
        world.append("f.log", "1\n2\n");
        world.read();
        world.copy("f.log", name);
        world.empty("f.log");
        world.append("f.log", "3\n");
        world.read();
        let formers = &mut world.slot("f.log").formers;
        while formers.dropped().is_none() {
            let mut print = Print::default();
            print.extend(format!("another {}", "x".repeat(1000)).as_bytes());
            formers.push(print, 0);
        }
        world.look();
        world.settle();
        world.lines.sort();
        assert_eq!(world.lines, ["1", "1", "2", "2", "3"], "{name}");
        let repeats: Vec<_> = world.said.iter().filter(|(_, cost)| *cost == Cost::Repeat).collect();
        assert!(matches!(repeats[..], [(text, _)] if text.contains("emptied so often")), "{name}: {:?}", world.said);
    }
}

#[test]
fn a_copy_is_judged_after_its_original_though_that_is_in_doubt() {
    for name in NAMES {
        let mut world = World::new(&["f.log"]);
        world.append("f.log", "1\n");
        world.read();
        world.empty("f.log");
        world.read();
        assert!(world.slot("f.log").tails[0].doubt.is_some());
        world.append("f.log", "2\n3\n");
        world.copy("f.log", name);
        // The copy is looked at before the original, and read in the same round.
        world.follow.learn();
        world.follow.dirty.clear();
        world.follow.slots.values_mut().for_each(|slot| slot.dirty = false);
        world.follow.look(Instant::now());
        let id_of = |world: &World, name: &str| *world.follow.slots.iter().find(|(_, slot)| slot.place.1 == *name).unwrap().0;
        let (original, copy) = (id_of(&world, "f.log"), id_of(&world, name));
        world.follow.dirty = [copy, original].into();
        [copy, original].iter().for_each(|id| world.follow.slots.get_mut(id).unwrap().dirty = true);
        world.read();
        world.empty("f.log");
        world.append("f.log", "4\n");
        world.look();
        world.settle();
        world.came(&["1", "2", "3", "4"], name);
    }
}

#[test]
fn a_copy_is_known_though_its_original_was_emptied_and_filled_again_since_it_was_read() {
    for name in NAMES {
        let mut world = World::new(&["f.log"]);
        world.append("f.log", "1\n2\n");
        world.read();
        world.copy("f.log", name);
        world.append("f.log", "3\n");
        world.read();
        // Only the copy is looked at then, before the original.
        world.look();
        world.empty("f.log");
        world.append("f.log", "4\n5\n6\n7\n");
        let copy = *world.follow.slots.iter().find(|(_, slot)| slot.place.1 == *name).unwrap().0;
        world.follow.settle(copy, 0);
        world.look();
        world.settle();
        world.came(&["1", "2", "3", "4", "5", "6", "7"], name);
    }
}

#[test]
fn what_a_copy_is_known_by_is_forgotten_in_the_end() {
    let mut world = World::new(&["f.log"]);
    world.append("f.log", "1\n");
    world.read();
    world.empty("f.log");
    world.append("f.log", "2\n");
    world.read();
    world.look();
    assert!(!world.slot("f.log").formers.is_empty(), "a copy may be found yet");
    world.slot("f.log").formers.age(AFTER_EMPTYING.0);
    // It is looked through all names once more.
    world.append("another", "3\n");
    world.look();
    world.settle();
    world.look();
    assert!(world.slot("f.log").formers.is_empty());
}

#[test]
fn what_is_asked_for_during_a_look_is_not_put_off() {
    let mut world = World::new(&["f.log"]);
    world.append("new", "1\n");
    world.follow.learn();
    let now = Instant::now();
    world.follow.look(now);
    assert!(world.follow.next_look < now + Duration::from_secs(1), "a new file is looked at again soon");
}

#[test]
fn rotated_names_extend_the_name() {
    let extends = |name: &str| extends(name.as_bytes(), b"a.log");
    assert!(extends("a.log.1") && extends("a.log-20240131") && extends("a.log~"));
    assert!(!extends("a.log") && !extends("a.log2") && !extends("b.log.1") && !extends("a.log."));
}
