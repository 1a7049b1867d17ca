//! Finds files that were made under a followed name, also when they have been renamed since.
//!
//! ```text
//! made f · f renamed to f.1 · made f · f.1 renamed to f.2 · f renamed to f.1 · made f
//! ```
//!
//! Whoever looks at `f` after all that sees the third file only. But each step has been told, in order, so each birth is
//! traced to the name that the file has now. Opening it is a race with the next rename, so the changes are looked at again
//! afterwards: a file is the one that was meant if its name did not change hands before and after.

use super::system::{Change, Place};

/// A file that got a followed name, found or not.
#[derive(Debug)]
pub struct Arrived<S, F> {
    /// Whose name it got.
    pub slot: S,
    /// The rename by which it got it.
    pub renamed: Option<u32>,
    /// `None` when it is lost.
    pub file: Option<F>,
}

#[derive(Debug)]
struct Birth<S, F> {
    slot: S,
    renamed: Option<u32>,
    /// Its name now; `None` when it has none that we know of.
    at: Option<Place>,
    /// The rename it is in the middle of.
    moving: Option<u32>,
    found: Found<F>,
}

#[derive(Debug)]
enum Found<F> {
    No,
    /// It is this one for certain.
    Yes(F),
    /// It was opened by its name; that this was its own all the while is not known yet.
    JustNow(F),
    /// It was opened by a name that was another file's afterwards, or nobody's, and may have been before.
    MaybeNot(F),
}

impl<S, F> Birth<S, F> {
    /// Its name is not its own any more.
    fn leave(&mut self) {
        self.at = None;
        self.found = match std::mem::replace(&mut self.found, Found::No) {
            Found::JustNow(file) | Found::MaybeNot(file) => Found::MaybeNot(file),
            found @ (Found::No | Found::Yes(_)) => found,
        };
    }
}

/// The births, in their order.
#[derive(Debug)]
pub(crate) struct Births<S, F>(Vec<Birth<S, F>>);

impl<S: Copy, F> Births<S, F> {
    /// None yet.
    pub fn new() -> Self {
        Births(Vec::new())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Takes note of a change; `slot_of` knows the followed names.
    pub fn note(&mut self, change: &Change, slot_of: impl Fn(&Place) -> Option<S>) {
        match change {
            Change::Made(place) => self.born(place, None, &slot_of),
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
                self.born(place, Some(*cookie), &slot_of);
            }
            Change::Gone(place) => self.lost(place),
            Change::Allowed(_) | Change::DirGone(_) | Change::Forgotten => {}
        }
    }

    fn born(&mut self, place: &Place, renamed: Option<u32>, slot_of: &impl Fn(&Place) -> Option<S>) {
        if let Some(slot) = slot_of(place) {
            self.0.push(Birth { slot, renamed, at: Some(place.clone()), moving: None, found: Found::No });
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
                birth.found = Found::JustNow(file);
            }
        }
    }

    /// No name has changed since [`Births::open`].
    pub fn confirm(&mut self) {
        for birth in &mut self.0 {
            birth.found = match std::mem::replace(&mut birth.found, Found::No) {
                Found::JustNow(file) => Found::Yes(file),
                found => found,
            };
        }
    }

    /// The files, in the order of their births. One whose name went to another after it was opened is the right one if it
    /// `is_deleted`.
    pub fn arrived(self, is_deleted: impl Fn(&F) -> bool) -> impl Iterator<Item = Arrived<S, F>> {
        self.0.into_iter().map(move |Birth { slot, renamed, found, .. }| {
            let file = match found {
                Found::Yes(file) | Found::JustNow(file) => Some(file),
                Found::MaybeNot(file) => Some(file).filter(&is_deleted),
                Found::No => None,
            };
            Arrived { slot, renamed, file }
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
                births.confirm();
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
        births.arrived(|file| !names.values().any(|named| named == file)).map(|arrived| arrived.file).collect()
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
