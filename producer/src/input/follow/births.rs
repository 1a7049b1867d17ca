//! Finds files that were made under a followed name, also when they have been renamed since.
//!
//! ```text
//! made f · f renamed to f.1 · made f · f.1 renamed to f.2 · f renamed to f.1 · made f
//! ```
//!
//! Whoever looks at `f` after all that sees the third file only. But each step has been told, in order, so each birth is
//! traced to the name that the file has now. Opening it is a race with the next rename, so the changes are looked at again
//! afterwards: a file is the one that was meant if its name did not change hands before and after.

use super::notify::{Change, Place};

/// A file that got a followed name.
#[derive(Debug)]
pub struct Birth<S, F> {
    /// Whose name it got.
    pub slot: S,
    /// Its name now; `None` when it has none that we know of.
    at: Option<Place>,
    /// The rename it is in the middle of.
    moving: Option<u32>,
    found: Found<F>,
}

#[derive(Debug)]
enum Found<F> {
    No,
    Yes(F),
    /// It was opened by a name that was another file's afterwards, or nobody's, and may have been before.
    MaybeNot(F),
}

impl<S, F> Birth<S, F> {
    /// Its name is not its own any more.
    fn leave(&mut self) {
        self.at = None;
        self.found = match std::mem::replace(&mut self.found, Found::No) {
            Found::Yes(file) | Found::MaybeNot(file) => Found::MaybeNot(file),
            Found::No => Found::No,
        };
    }
}

/// The births, in their order.
#[derive(Debug)]
pub struct Births<S, F>(Vec<Birth<S, F>>);

impl<S: Copy, F> Births<S, F> {
    /// None yet.
    pub fn new() -> Self {
        Births(Vec::new())
    }

    /// Takes note of a change; `slot_of` knows the followed names.
    pub fn note(&mut self, change: &Change, slot_of: impl Fn(&Place) -> Option<S>) {
        match change {
            Change::Made(place) => self.born(place, &slot_of),
            Change::From(place, cookie) => {
                for birth in self.0.iter_mut().filter(|birth| birth.at.as_ref() == Some(place)) {
                    birth.leave();
                    birth.moving = Some(*cookie);
                }
            }
            Change::To(place, cookie) => {
                self.lost(place);
                for birth in self.0.iter_mut().filter(|birth| birth.moving == Some(*cookie)) {
                    birth.at = Some(place.clone());
                    birth.moving = None;
                }
                self.born(place, &slot_of);
            }
            Change::Gone(place) => self.lost(place),
            Change::DirGone(_) | Change::Forgotten => {}
        }
    }

    fn born(&mut self, place: &Place, slot_of: &impl Fn(&Place) -> Option<S>) {
        if let Some(slot) = slot_of(place) {
            self.0.push(Birth { slot, at: Some(place.clone()), moving: None, found: Found::No });
        }
    }

    /// The file of this name has it no more.
    fn lost(&mut self, place: &Place) {
        for birth in self.0.iter_mut().filter(|birth| birth.at.as_ref() == Some(place)) {
            birth.leave();
        }
    }

    /// Opens what is not open yet, by the names of now.
    pub fn open(&mut self, open: impl Fn(&Place) -> Option<F>) {
        for birth in &mut self.0 {
            if let (Found::No | Found::MaybeNot(_), Some(place)) = (&birth.found, &birth.at)
                && let Some(file) = open(place)
            {
                birth.found = Found::Yes(file);
            }
        }
    }

    /// The files, in the order of their births; `None` where one is lost. A file whose name went to another after it was
    /// opened is the right one if it `is_deleted`.
    pub fn files(self, is_deleted: impl Fn(&F) -> bool) -> impl Iterator<Item = (S, Option<F>)> {
        self.0.into_iter().map(move |birth| {
            let file = match birth.found {
                Found::Yes(file) => Some(file),
                Found::MaybeNot(file) => Some(file).filter(&is_deleted),
                Found::No => None,
            };
            (birth.slot, file)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::collections::HashMap;
    use std::rc::Rc;

    /// A directory as the changes make it: names and which file they are; `f` is followed.
    #[derive(Default)]
    struct World {
        names: HashMap<String, u32>,
        next: u32,
        changes: Vec<Change>,
    }

    fn place(name: &str) -> Place {
        (0, name.into())
    }

    impl World {
        /// `f` makes it, `f>g` renames it, `-f` deletes it.
        fn step(&mut self, step: &str) {
            self.next += 1;
            if let Some((from, to)) = step.split_once('>') {
                let file = self.names.remove(from).unwrap();
                self.names.insert(to.to_owned(), file);
                self.changes.extend([Change::From(place(from), self.next), Change::To(place(to), self.next)]);
            } else if let Some(name) = step.strip_prefix('-') {
                self.names.remove(name);
                self.changes.push(Change::Gone(place(name)));
            } else {
                self.names.insert(step.to_owned(), self.next);
                self.changes.push(Change::Made(place(step)));
            }
        }
    }

    /// The files found when all `steps` but the last `late` happen before the first look, and one of those at each look.
    fn found(steps: &str, late: usize) -> Vec<Option<u32>> {
        let steps: Vec<_> = steps.split_whitespace().collect();
        let (early, late) = steps.split_at(steps.len() - late);
        let world = Rc::new(RefCell::new(World::default()));
        early.iter().for_each(|step| world.borrow_mut().step(step));
        let mut late = late.iter();
        let mut births = Births::new();
        loop {
            let changes = std::mem::take(&mut world.borrow_mut().changes);
            if changes.is_empty() {
                break;
            }
            changes.iter().for_each(|change| births.note(change, |place| (place.1 == "f").then_some(())));
            // The worst moment: between the look and the opening.
            if let Some(step) = late.next() {
                world.borrow_mut().step(step);
            }
            births.open(|place| world.borrow().names.get(place.1.to_str().unwrap()).copied());
        }
        let names = world.borrow().names.clone();
        births.files(|file| !names.values().any(|named| named == file)).map(|(_, file)| file).collect()
    }

    #[test]
    fn files_are_found_by_the_names_they_have_now() {
        assert_eq!(found("f", 0), [Some(1)]);
        assert_eq!(found("f f>f.1 f f.1>f.2 f>f.1 f", 0), [Some(1), Some(3), Some(6)]);
        assert_eq!(found("x x>f", 0), [Some(1)], "a rename makes a birth too");
        assert_eq!(found("f -f f", 0), [None, Some(3)]);
        assert_eq!(found("f x x>f", 0), [None, Some(2)], "replaced before anybody looked");
    }

    #[test]
    fn what_happens_while_they_are_opened_is_seen() {
        for late in 1..=4 {
            assert_eq!(found("f f>f.1 f f>f.2 f", late), [Some(1), Some(3), Some(5)], "{late} late");
        }
        assert_eq!(found("f -f", 1), [None], "gone before it was opened");
        assert_eq!(found("f f>f.1 x -f.1", 2), [Some(1)], "deleted after it was opened");
    }
}
