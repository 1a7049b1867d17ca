//! What it has to hold, case by case.

use std::io::{self, Write};

use super::{co_recvfrom, co_sendto, gen_recvfrom, gen_sendto};
use crate::{
    Error, Exit, Flow, Stage,
    stage::{Collect, collect::tests::batch, from_fn},
};

fn stream(batches: u64) -> Vec<u8> {
    let mut stream = Vec::new();
    gen_sendto((0..batches as i64).map(|n| Ok(batch(n * 3..n * 3 + 3))), &mut stream).unwrap();
    stream
}

/// A reader that goes after so many bytes.
struct Gone(usize);

impl Write for Gone {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_generator_ends_once_and_only_a_whole_stream_ends_well() {
    let stream = stream(4);
    let mut whole = gen_recvfrom(&stream[..]);
    assert_eq!(whole.by_ref().map(|batch| batch.unwrap().len()).sum::<usize>(), 12);
    assert!(whole.next().is_none());
    for cut in 0..stream.len() {
        let mut batches = gen_recvfrom(&stream[..cut]);
        let came: Vec<_> = batches.by_ref().collect();
        let (last, before) = came.split_last().unwrap();
        assert!(matches!(last, Err(Error::Truncated { .. })), "{cut}: {last:?}");
        assert!(before.iter().all(Result::is_ok), "{cut}");
        assert!(batches.next().is_none(), "{cut}");
    }
}

#[test]
fn a_failure_travels_to_the_end_of_the_other_side() {
    let mut stream = Vec::new();
    let failing = [Ok(batch(0..2)), Err(Error::Data("no disk".into()))];
    assert!(gen_sendto(failing, &mut stream).is_err());
    let (collect, got) = Collect::new();
    let error = co_recvfrom(&stream[..], collect).unwrap_err();
    assert_eq!(error.to_string(), "the producer ended with exit 1: no disk");
    assert_eq!(error.exit(), Exit::Failed);
    // What came is true.
    assert_eq!(got.records(), 2);
    assert!(got.is_closed());

    let mut stream = Vec::new();
    let mut stage = co_sendto(&mut stream).unwrap();
    assert_eq!(stage.send(batch(0..2)).unwrap(), Flow::Continue);
    stage.fail(&Error::Data("thrown".into()));
    let last = gen_recvfrom(&stream[..]).last().unwrap().unwrap_err().to_string();
    assert_eq!(last, "the producer ended with exit 1: thrown");
}

#[test]
fn a_cut_stream_closes_nothing() {
    let stream = stream(2);
    let (collect, got) = Collect::new();
    assert!(matches!(co_recvfrom(&stream[..stream.len() - 1], collect), Err(Error::Truncated { .. })));
    assert_eq!(got.records(), 6);
    assert!(!got.is_closed());
}

#[test]
fn whoever_has_enough_stops_the_other_side() {
    let stream = stream(4);
    let mut left = 2;
    let two = from_fn(|_| {
        left -= 1;
        Ok(if left == 0 { Flow::Stop } else { Flow::Continue })
    });
    assert!(!co_recvfrom(&stream[..], two).unwrap());
    assert_eq!(left, 0);

    let mut asked = 0;
    let endless = std::iter::from_fn(|| {
        asked += 1;
        Some(Ok(batch(0..10)))
    });
    gen_sendto(endless, Gone(4096)).unwrap();
    assert!(asked > 1);
    let mut stage = co_sendto(Gone(4096)).unwrap();
    while stage.send(batch(0..10)).unwrap() == Flow::Continue {}
    stage.close().unwrap();
}
