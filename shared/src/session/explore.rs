//! Every interleaving of the protocol, up to a bound: a sender with a few frames and room for fewer, a receiver with a
//! pipeline, and a connection that may be cut between any two steps, with whatever is in flight lost.
//!
//! What holds in every state that can be reached:
//! - the pipeline gets each frame once, in order;
//! - the sender has freed nothing that the receiver lacks, nor, where it is to hold frames until they are done with, that
//!   the receiver is not done with; and it keeps no more than its limit;
//! - whoever believes that all is finished is right;
//! - from every state the end can be reached without another cut: nobody waits for ever.

use std::collections::{HashMap, VecDeque};

use super::{Hold, Inbox, Instance, Outbox, Progress, Receipt};

const PEER: Instance = [7; 16];

/// A protocol run at one moment.
#[derive(Clone, PartialEq, Eq, Hash)]
struct World {
    outbox: Outbox<u64>,
    /// The sender has been told that all is finished, or enough.
    sender_knows: bool,
    inbox: Inbox,
    /// Frames handed to the pipeline.
    pipeline: Vec<u64>,
    link: Option<Link>,
    cuts_left: u8,
}

/// A connection, with what is on its way.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
struct Link {
    forward: VecDeque<u64>,
    back: VecDeque<Progress>,
    /// The receiver's Hello has arrived.
    greeted: bool,
    /// What the receiver has said last on this connection.
    said: Option<Progress>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Push,
    Connect,
    Send,
    Arrive,
    Process,
    Enough,
    Finish,
    Say,
    Hear,
    Cut,
}

const STEPS: [Step; 10] =
    [Step::Push, Step::Connect, Step::Send, Step::Arrive, Step::Process, Step::Enough, Step::Finish, Step::Say, Step::Hear, Step::Cut];

struct Bounds {
    /// Frames of the stream; the last is its end.
    frames: u64,
    room: usize,
    cuts: u8,
    /// The receiver may have enough after this many frames.
    enough_after: Option<u64>,
    hold: Hold,
}

impl World {
    fn new(bounds: &Bounds) -> Self {
        let mut outbox = Outbox::new(bounds.room);
        outbox.hold(bounds.hold);
        World { outbox, sender_knows: false, inbox: Inbox::new(), pipeline: Vec::new(), link: None, cuts_left: bounds.cuts }
    }

    fn is_over(&self) -> bool {
        self.sender_knows
    }

    /// The world after a step; `None` where the step cannot be taken.
    fn step(&self, step: Step, bounds: &Bounds) -> Option<World> {
        let mut world = self.clone();
        let progress = self.inbox.progress();
        match step {
            Step::Push => {
                if self.outbox.pushed() == bounds.frames || !self.outbox.has_room() {
                    return None;
                }
                world.outbox.push(self.outbox.pushed(), 1);
            }
            Step::Connect => {
                if self.link.is_some() {
                    return None;
                }
                let link = Link { back: [progress].into(), said: Some(progress), ..Link::default() };
                world.link = Some(link);
            }
            Step::Send => {
                let (number, &frame) = self.outbox.next()?;
                assert_eq!(number, frame);
                let link = world.link.as_mut().filter(|link| link.greeted)?;
                link.forward.push_back(frame);
                world.outbox.sent();
            }
            Step::Arrive => {
                let frame = world.link.as_mut()?.forward.pop_front()?;
                match world.inbox.take(frame) {
                    Receipt::New => world.pipeline.push(frame),
                    Receipt::Again | Receipt::Gap => panic!("frame {frame} came when {} was due", progress.received),
                }
            }
            Step::Process => {
                if progress.done == progress.received {
                    return None;
                }
                world.inbox.done(progress.done + 1);
            }
            Step::Enough => {
                let after = bounds.enough_after?;
                if progress.enough || progress.received < after {
                    return None;
                }
                world.inbox.enough();
            }
            Step::Finish => {
                if progress.finished || progress.done < bounds.frames {
                    return None;
                }
                world.inbox.finished();
            }
            Step::Say => {
                let link = world.link.as_mut()?;
                if link.said == Some(progress) {
                    return None;
                }
                link.said = Some(progress);
                link.back.push_back(progress);
            }
            Step::Hear => {
                let link = world.link.as_mut()?;
                let said = link.back.pop_front()?;
                if std::mem::replace(&mut link.greeted, true) {
                    world.outbox.acknowledged(said).unwrap();
                } else {
                    world.outbox.connected(PEER, said).unwrap();
                }
                world.sender_knows |= said.finished || said.enough;
            }
            Step::Cut => {
                self.link.as_ref()?;
                world.cuts_left = self.cuts_left.checked_sub(1)?;
                world.link = None;
            }
        }
        Some(world)
    }

    fn check(&self, bounds: &Bounds) {
        let progress = self.inbox.progress();
        assert!(self.pipeline.iter().copied().eq(0..progress.received), "lost, repeated or swapped: {:?}", self.pipeline);
        let kept_from = self.outbox.pushed() - self.outbox.kept() as u64;
        assert!(kept_from <= progress.received, "freed what the receiver lacks");
        if bounds.hold == Hold::Done {
            assert!(kept_from <= progress.done, "freed what the receiver is not done with");
        }
        assert!(self.outbox.kept() <= bounds.room, "keeps more than its limit");
        if self.sender_knows {
            assert!(progress.enough || (progress.finished && progress.received == bounds.frames), "believes in an end that is none");
        }
    }
}

/// All worlds that can be reached, each checked; the number of them.
fn explore(bounds: &Bounds) -> usize {
    let start = World::new(bounds);
    let mut numbers = HashMap::from([(start.clone(), 0)]);
    let mut worlds = vec![start];
    // For each world, those that lead to it without a cut.
    let mut from: Vec<Vec<usize>> = vec![Vec::new()];
    let mut at = 0;
    while at < worlds.len() {
        let world = worlds[at].clone();
        world.check(bounds);
        for step in STEPS {
            let Some(after) = world.step(step, bounds) else { continue };
            let number = *numbers.entry(after.clone()).or_insert_with(|| {
                worlds.push(after);
                from.push(Vec::new());
                worlds.len() - 1
            });
            if step != Step::Cut {
                from[number].push(at);
            }
        }
        at += 1;
    }
    let mut leads_to_the_end = vec![false; worlds.len()];
    let mut todo: Vec<usize> = (0..worlds.len()).filter(|&number| worlds[number].is_over()).collect();
    assert!(!todo.is_empty(), "no end can be reached at all");
    while let Some(number) = todo.pop() {
        if !std::mem::replace(&mut leads_to_the_end[number], true) {
            todo.extend(from[number].iter().filter(|&&before| !leads_to_the_end[before]));
        }
    }
    let stuck = leads_to_the_end.iter().filter(|leads| !**leads).count();
    assert_eq!(stuck, 0, "worlds from which no end can be reached");
    worlds.len()
}

#[test]
fn nothing_is_lost_nothing_comes_twice_nobody_waits_for_ever() {
    for hold in [Hold::Received, Hold::Done] {
        for enough_after in [None, Some(0), Some(2)] {
            for room in [1, 2] {
                let worlds = explore(&Bounds { frames: 4, room, cuts: 2, enough_after, hold });
                assert!(worlds > 300, "only {worlds} worlds: the model does not move");
            }
        }
    }
}

#[test]
fn a_receiver_that_was_started_again_is_found_out() {
    let mut outbox = Outbox::new(10);
    outbox.push(0, 1);
    outbox.connected(PEER, Progress::default()).unwrap();
    outbox.sent();
    assert_eq!(outbox.connected([8; 16], Progress::default()), Err(super::Lost::Restarted));
    outbox.acknowledged(Progress { received: 1, ..Progress::default() }).unwrap();
    assert_eq!(outbox.connected(PEER, Progress::default()), Err(super::Lost::Forgotten));
}

#[test]
fn nonsense_is_found_out() {
    let mut outbox = Outbox::new(10);
    (0..3).for_each(|frame| outbox.push(frame, 1));
    outbox.connected(PEER, Progress::default()).unwrap();
    outbox.sent();
    outbox.sent();
    let said = |received, done| Progress { received, done, ..Progress::default() };
    assert_eq!(outbox.acknowledged(said(3, 0)), Err(super::Lost::Nonsense), "never sent");
    assert_eq!(outbox.acknowledged(said(1, 2)), Err(super::Lost::Nonsense), "done before it came");
    outbox.acknowledged(said(2, 1)).unwrap();
    assert_eq!(outbox.acknowledged(said(1, 1)), Err(super::Lost::Nonsense), "taken back");
    assert_eq!(outbox.clone().unfinished().collect::<Vec<_>>(), [2], "frame 1 was freed: it was to be held until received");
    let mut until_done = Outbox::new(10);
    until_done.hold(Hold::Done);
    (0..3).for_each(|frame| until_done.push(frame, 1));
    until_done.connected(PEER, Progress::default()).unwrap();
    until_done.sent();
    until_done.sent();
    until_done.acknowledged(said(2, 1)).unwrap();
    assert_eq!(until_done.unfinished().collect::<Vec<_>>(), [1, 2]);
}
