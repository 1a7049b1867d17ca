//! Masks that differ in one word, together.
//!
//! What comes of it is a function of the masks and of how many records each has, whatever their order: the [`Families::MOST`] commonest
//! are compared, of equal ones those that come first as texts. Two masks of several words that are the same but for one, which is
//! at the same place in both, may be of one family. The family that puts the most masks together is made first (of equal ones that of
//! more records, then that of the commonest mask, then that of the first word), of masks that are in none yet; and so on, until there
//! are no two left. (Joining whatever is alike to anything that is in a family already would put all together in the end.)
//! Rarer masks go to the first family that they fit, and else are counted together.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    hash::{DefaultHasher, Hasher},
};

use recpipe::Time;

/// A kind of messages.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Family {
    /// The mask; `None` of null.
    pub(super) pattern: Option<Vec<u8>>,
    /// Records.
    pub(super) count: u64,
    pub(super) example: Option<Vec<u8>>,
    pub(super) first: Option<Time>,
    pub(super) last: Option<Time>,
}

impl Family {
    /// Takes the records of another one; the example stays.
    fn take(&mut self, other: &Family) {
        self.count += other.count;
        self.first = [self.first, other.first].into_iter().flatten().min_by_key(|time| time.nanos);
        self.last = [self.last, other.last].into_iter().flatten().max_by_key(|time| time.nanos);
    }
}

/// What stands in the place of the word that differs.
const HOLE: &[u8] = b"<*>";

/// A mask of more words is compared with no other.
const MOST_WORDS: usize = 64;

/// A mask without one of its words: how many words it has, which of them is left out, and a hash of the others.
type Frame = (usize, usize, u64);

/// Masks, and what comes of them.
#[derive(Debug, Default)]
pub(super) struct Families {
    masks: Vec<Family>,
    /// What the commonest have become, once others come.
    joined: Option<Joined>,
}

#[derive(Debug)]
struct Joined {
    families: Vec<Family>,
    /// The families of several masks, by what their masks have in common; where each stands.
    by_frame: HashMap<Frame, usize>,
    /// Records of masks that are in no family.
    others: u64,
}

impl Families {
    /// So many masks are compared.
    pub(super) const MOST: usize = 4096;

    /// Adds the records of a mask, which is none of those before, and not commoner than they are.
    pub(super) fn add(&mut self, mask: Family) {
        if self.masks.len() < Self::MOST && self.joined.is_none() {
            self.masks.push(mask);
        } else {
            let masks = &mut self.masks;
            self.joined.get_or_insert_with(|| Joined::new(std::mem::take(masks))).add(&mask);
        }
    }

    /// The families, the commonest first, of equal ones by their patterns; and the records of none.
    pub(super) fn finish(self) -> (Vec<Family>, u64) {
        let Joined { mut families, others, .. } = self.joined.unwrap_or_else(|| Joined::new(self.masks));
        families
            .sort_by(|a, b| (Reverse(a.count), a.pattern.is_none(), &a.pattern).cmp(&(Reverse(b.count), b.pattern.is_none(), &b.pattern)));
        (families, others)
    }
}

fn words(mask: &[u8]) -> Vec<&[u8]> {
    mask.split(|&byte| byte == b' ').collect()
}

/// What a mask has in common with others, word by word that it may differ in.
fn frames(mask: &[u8]) -> Vec<Frame> {
    let words = words(mask);
    if !(2..=MOST_WORDS).contains(&words.len()) {
        return Vec::new();
    }
    let mut frames = Vec::with_capacity(words.len());
    let filled = words.iter().filter(|word| !word.is_empty()).count();
    let mut start = 0;
    for (place, word) in words.iter().enumerate() {
        // Two that have nothing but blanks in common are not alike.
        if filled == usize::from(!word.is_empty()) {
            start += word.len() + 1;
            continue;
        }
        let mut hasher = DefaultHasher::new();
        hasher.write(&mask[..start]);
        hasher.write_u8(b'*');
        hasher.write(&mask[start + word.len()..]);
        frames.push((words.len(), place, hasher.finish()));
        start += word.len() + 1;
    }
    frames
}

/// Whether two masks are the same but for the word at that place: frames that are equal say so, but for a chance of 2⁻⁶⁴.
fn are_alike(a: &[u8], b: &[u8], place: usize) -> bool {
    let (a, b) = (words(a), words(b));
    a.len() == b.len() && a.iter().zip(&b).enumerate().all(|(i, (a, b))| i == place || a == b)
}

impl Joined {
    fn new(masks: Vec<Family>) -> Self {
        let mut groups: Vec<(Frame, Vec<usize>)> = Vec::new();
        let mut places: HashMap<Frame, usize> = HashMap::new();
        for (number, mask) in masks.iter().enumerate() {
            for frame in mask.pattern.iter().flat_map(|mask| frames(mask)) {
                let group = *places.entry(frame).or_insert_with(|| {
                    groups.push((frame, Vec::new()));
                    groups.len() - 1
                });
                groups[group].1.push(number);
            }
        }
        let mut is_taken = vec![false; masks.len()];
        let free = |group: usize, is_taken: &[bool]| -> Vec<usize> {
            let (frame, numbers) = &groups[group];
            let mut free = numbers.iter().copied().filter(|&number| !is_taken[number]);
            let Some(first) = free.next() else { return Vec::new() };
            let pattern = |number: usize| masks[number].pattern.as_deref().unwrap_or_default();
            std::iter::once(first).chain(free.filter(|&number| are_alike(pattern(first), pattern(number), frame.1))).collect()
        };
        let worth =
            |group: usize, free: &[usize]| (free.len(), free.iter().map(|&number| masks[number].count).sum::<u64>(), Reverse(group));
        let mut best: BinaryHeap<_> =
            (0..groups.len()).filter(|&group| groups[group].1.len() > 1).map(|group| worth(group, &free(group, &is_taken))).collect();
        let (mut families, mut by_frame) = (Vec::new(), HashMap::new());
        while let Some(known) = best.pop() {
            let group = known.2.0;
            let members = free(group, &is_taken);
            let now = worth(group, &members);
            if members.len() < 2 {
                continue;
            }
            if now != known {
                // Others were made before it: it may be the best still, or another is.
                best.push(now);
                continue;
            }
            let frame = groups[group].0;
            by_frame.insert(frame, families.len());
            families.push(family(&masks, &members, frame.1));
            members.iter().for_each(|&member| is_taken[member] = true);
        }
        families.extend(masks.iter().zip(&is_taken).filter(|(_, is_taken)| !**is_taken).map(|(mask, _)| mask.clone()));
        Joined { families, by_frame, others: 0 }
    }

    fn add(&mut self, mask: &Family) {
        let pattern = mask.pattern.as_deref().unwrap_or_default();
        let fits = |frame: &Frame| {
            let family = *self.by_frame.get(frame)?;
            let of_family = self.families[family].pattern.as_deref().unwrap_or_default();
            are_alike(of_family, pattern, frame.1).then_some(family)
        };
        match frames(pattern).iter().filter_map(fits).min() {
            Some(family) if mask.pattern.is_some() => self.families[family].take(mask),
            _ => self.others += mask.count,
        }
    }
}

/// The family of these masks, which differ in the word at that place. The example is that of the commonest.
fn family(masks: &[Family], members: &[usize], place: usize) -> Family {
    let mut members = members.iter().map(|&member| &masks[member]);
    let mut family = members.next().cloned().unwrap_or(Family { pattern: None, count: 0, example: None, first: None, last: None });
    members.for_each(|member| family.take(member));
    let pattern = family.pattern.unwrap_or_default();
    let mut words = words(&pattern);
    if let Some(word) = words.get_mut(place) {
        *word = HOLE;
    }
    family.pattern = Some(words.join(&b' '));
    family
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Families, Family};

    fn joined(masks: &[(&str, u64)]) -> Vec<(String, u64)> {
        let mut masks: Vec<_> = masks.to_vec();
        masks.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let mut families = Families::default();
        for (mask, count) in masks {
            families.add(Family { pattern: Some(mask.into()), count, example: None, first: None, last: None });
        }
        let (families, others) = families.finish();
        assert_eq!(others, 0);
        families.into_iter().map(|family| (String::from_utf8(family.pattern.unwrap()).unwrap(), family.count)).collect()
    }

    #[test]
    fn what_differs_in_one_word_is_one_family() {
        let check = |masks: &[(&str, u64)], expect: &[(&str, u64)]| {
            let expect: Vec<_> = expect.iter().map(|(mask, count)| ((*mask).to_owned(), *count)).collect();
            assert_eq!(joined(masks), expect);
        };
        check(&[("a b c", 1), ("a x c", 2), ("d", 1), ("e", 5)], &[("e", 5), ("a <*> c", 3), ("d", 1)]);
        // What puts more together comes first, and takes what it needs.
        check(&[("a b", 9), ("a c", 9), ("x b", 1), ("y b", 1), ("z b", 1)], &[("<*> b", 12), ("a c", 9)]);
        // Two words that differ are too many, and blanks count.
        check(&[("a b c", 1), ("a x y", 1), ("a  c", 1)], &[("a <*> c", 2), ("a x y", 1)]);
        // Blanks are nothing to have in common.
        check(&[(" a", 1), (" b", 1), ("c ", 1)], &[(" a", 1), (" b", 1), ("c ", 1)]);
        check(&[], &[]);
    }

    #[test]
    fn rarer_masks_go_where_they_fit() {
        let mut families = Families::default();
        let mask = |pattern: String, count| Family { pattern: Some(pattern.into()), count, example: None, first: None, last: None };
        (0..Families::MOST).for_each(|i| families.add(mask(format!("user {i} came"), 3)));
        families.add(mask("user x came".to_owned(), 2));
        families.add(mask("user x went".to_owned(), 1));
        families.add(Family { pattern: None, ..mask(String::new(), 1) });
        let (families, others) = families.finish();
        assert_eq!((families.len(), others), (1, 2));
        assert_eq!((families[0].pattern.as_deref(), families[0].count), (Some(&b"user <*> came"[..]), 3 * Families::MOST as u64 + 2));
    }

    proptest! {
        // Those of equal counts come in the order of texts, however they were counted: so all that matters is the set.
        #[test]
        fn nothing_is_lost(masks in prop::collection::btree_map("[ab]( [abc]){0,3}", 1..9_u64, 0..60)) {
            let list: Vec<(&str, u64)> = masks.iter().map(|(mask, count)| (mask.as_str(), *count)).collect();
            let families = joined(&list);
            prop_assert_eq!(families.iter().map(|family| family.1).sum::<u64>(), masks.values().sum::<u64>());
            let reversed: Vec<_> = list.iter().rev().copied().collect();
            prop_assert_eq!(joined(&reversed), families);
        }
    }
}
