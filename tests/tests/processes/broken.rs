//! How streams that were cut or changed are found out: never a clean end, never a panic, and the answer so far.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use e2e::{
    Feed, Pipeline, Program, Scratch,
    log::{Log, Random},
    stream::{HEADER_BYTES, PREAMBLE_BYTES, frames},
};

/// Consumers that run at the same time.
const AT_ONCE: usize = 4;

/// The stream of these lines.
fn stream(lines: usize) -> Vec<u8> {
    Pipeline::producer(&["apache"]).input(Log::common(61, lines).text()).run().succeeds().stdout
}

/// The stream of a few inputs, so that there are several batches.
fn stream_of_several_batches() -> Vec<u8> {
    let scratch = e2e::Scratch::new();
    for i in 0..4 {
        scratch.write(&format!("logs/{i}"), Log::common(i, 20).text());
    }
    let stream = Pipeline::producer(&["apache", "logs"]).dir(scratch.path()).run().succeeds().stdout;
    assert_eq!(frames(&stream).len(), 6, "a schema, a batch for each of four files, an end");
    stream
}

/// Gives each of the streams to a consumer and asserts its exit code, and that it does not panic.
fn all_fail(streams: Vec<(String, Vec<u8>)>, query: &str, codes: &[i32]) {
    assert!(!streams.is_empty());
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((what, bytes)) = streams.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = Pipeline::consumer(&[query]).input(bytes.clone()).run();
                    let end = outcome.end(Program::Consumer);
                    if !end.code().is_some_and(|code| codes.contains(&code)) || end.stderr.contains("panicked") || end.stderr.is_empty() {
                        failures.lock().unwrap().push(format!("{what}: one of {codes:?} and a message expected\n{outcome}"));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), streams.len(), failures[..failures.len().min(3)].join("\n\n"));
}

#[test]
fn every_prefix_is_incomplete() {
    let empty = stream(0);
    assert!(empty.len() < 400, "{} bytes", empty.len());
    let cut = |stream: &[u8], len: usize| (format!("{len} of {} bytes", stream.len()), stream[..len].to_vec());
    let mut prefixes: Vec<_> = (0..empty.len()).map(|len| cut(&empty, len)).collect();
    // Of a stream with records, every place around the joints and some between.
    let several = stream_of_several_batches();
    let joints: Vec<_> = frames(&several).into_iter().flat_map(|frame| [frame.start, frame.start + HEADER_BYTES, frame.end - 1]).collect();
    prefixes.extend((0..several.len()).filter(|len| joints.contains(len) || len % 97 == 0).map(|len| cut(&several, len)));
    all_fail(prefixes, "count | csv", &[3]);
}

#[test]
fn a_cut_stream_is_answered_as_far_as_it_came() {
    let several = stream_of_several_batches();
    let frames = frames(&several);
    for (batches, frame) in frames[1..5].iter().enumerate() {
        for cut in [frame.end, frame.end + HEADER_BYTES, frame.end + HEADER_BYTES + 1] {
            for threads in ["1", "4"] {
                let outcome = Pipeline::consumer(&["-j", threads, "count | csv"]).input(&several[..cut]).run();
                let outcome = outcome.exits(&[3]).prints(format!("count\n{}\n", (batches + 1) * 20)).says(Program::Consumer, "incomplete");
                outcome.says(Program::Consumer, "truncated");
            }
        }
    }
}

#[test]
fn every_flipped_bit_is_found() {
    let stream = stream_of_several_batches();
    let frames = frames(&stream);
    let flip = |bit: usize| {
        let mut changed = stream.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        (format!("bit {bit} of {} bytes", stream.len()), changed)
    };
    // Of the preamble, and of the headers of the first, of a middle and of the last frame, every bit; of the rest, some.
    let headers = [0, 2, frames.len() - 1].map(|i| frames[i].start..frames[i].start + HEADER_BYTES);
    let thorough = (0..PREAMBLE_BYTES).chain(headers.into_iter().flatten()).flat_map(|byte| byte * 8..byte * 8 + 8);
    let mut random = Random::new(62);
    let some = (0..200).map(|_| random.below(stream.len() as u64 * 8) as usize);
    let bits: std::collections::BTreeSet<_> = thorough.chain(some).collect();
    assert!(bits.len() > 800);
    all_fail(bits.into_iter().map(flip).collect(), "count | csv", &[1, 3]);
}

#[test]
fn frames_that_are_lost_repeated_or_swapped_are_found() {
    let stream = stream_of_several_batches();
    let frames = frames(&stream);
    let preamble = &stream[..PREAMBLE_BYTES];
    let join = |order: &[usize]| [preamble, &order.iter().flat_map(|&i| stream[frames[i].clone()].to_vec()).collect::<Vec<_>>()].concat();
    let mut streams = Vec::new();
    let all: Vec<usize> = (0..frames.len()).collect();
    for i in 0..frames.len() {
        let without: Vec<_> = all.iter().copied().filter(|&frame| frame != i).collect();
        streams.push((format!("without frame {i}"), join(&without)));
        let mut twice = all.clone();
        twice.insert(i, i);
        streams.push((format!("frame {i} twice"), join(&twice)));
        if i > 0 {
            let mut swapped = all.clone();
            swapped.swap(i - 1, i);
            streams.push((format!("frames {} and {i} swapped", i - 1), join(&swapped)));
        }
    }
    streams.push(("a byte after the end".to_owned(), [&stream[..], b"x"].concat()));
    streams.push(("a stream and the half of another".to_owned(), [&stream[..], &stream[..stream.len() / 2]].concat()));
    streams.push(("an end with another stream's records".to_owned(), {
        let other = self::stream(1);
        let end = e2e::stream::frames(&other).pop().unwrap();
        [&stream[..frames[frames.len() - 1].start], &other[end]].concat()
    }));
    all_fail(streams, "count | csv", &[3]);
}

#[test]
fn what_is_no_stream_is_said_to_be_none() {
    let not = |bytes: &[u8]| Pipeline::consumer(&["count"]).input(bytes).run().exits(&[3]);
    not(&Log::common(63, 100).text()).says(Program::Consumer, "not a record stream").says(Program::Consumer, "producer");
    not(b"GET").says(Program::Consumer, "not a record stream");
    not(&[0; 5000]).says(Program::Consumer, "not a record stream");
    not(b"\x89PNG\r\n\x1a\n0000000000000").says(Program::Consumer, "not a record stream");
    not(b"").says(Program::Consumer, "incomplete");
    Pipeline::consumer(&["count"]).feed(Feed::Nothing).run().exits(&[3]).says(Program::Consumer, "incomplete");
}

#[test]
fn a_later_version_is_refused_with_what_to_do() {
    // The version is bytes 8 and 9; the checksum behind no longer fits, so it is corrupt or unsupported, never read on.
    let mut later = stream(5);
    later[8] = 3;
    let outcome = Pipeline::consumer(&["count"]).input(later).run().without_panic();
    assert!(outcome.end(Program::Consumer).code().is_some_and(|code| code == 1 || code == 3) && outcome.stdout.is_empty(), "{outcome}");
}

#[test]
fn a_stopped_answer_does_not_care_how_the_stream_would_have_ended() {
    let several = stream_of_several_batches();
    let end = frames(&several)[2].end;
    let run = Pipeline::consumer(&["-j", "1", "head 3 | count | csv"]).input(&several[..end]).run();
    run.exits(&[0]).prints("count\n3\n");
}

#[test]
fn a_claim_of_a_huge_payload_is_refused_without_the_memory() {
    // A header that says 4 GiB, with whatever checksum: the length is not believed.
    let mut huge = stream(5);
    huge[PREAMBLE_BYTES + 12..PREAMBLE_BYTES + 16].copy_from_slice(&u32::MAX.to_le_bytes());
    let outcome = Pipeline::consumer(&["count"]).input(huge).run().exits(&[3]);
    assert!(outcome.ends[0].peak_bytes.is_none_or(|peak| peak < 64 << 20), "{outcome}");
}

#[test]
fn whoever_has_enough_is_done_however_far_the_workers_have_read() {
    let scratch = Scratch::new();
    scratch.write("access.log", Log::common(3, 2000).text());
    Pipeline::producer(&["apache", "access.log", "missing.log", "--to", "all.rec"]).dir(scratch.path()).run().exits(&[1]);
    let whole = scratch.read("all.rec");
    scratch.write("cut.rec", &whole[..whole.len() - 30]);
    for threads in ["1", "2", "8"] {
        for file in ["all.rec", "cut.rec"] {
            for _ in 0..5 {
                let run =
                    Pipeline::consumer(&["-j", threads, "-q", "--from", file, "head 1 | print \"{status}\""]).dir(scratch.path()).run();
                assert_eq!(run.end(Program::Consumer).code(), Some(0), "{run}");
            }
        }
    }
}
