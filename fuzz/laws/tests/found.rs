//! The laws, tried with the seeds of the fuzz targets and with everything that fuzzers have found.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use recpipe_laws::{Check, TARGETS};

/// The files of a directory, sorted; none if there is no such directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn directory(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(name)
}

/// Tries what lies in the target's directory; how many files there were.
fn replay(within: &str, target: &str, check: Check) -> usize {
    let paths = files(&directory(within).join(target));
    for path in &paths {
        let data = fs::read(path).unwrap();
        if std::panic::catch_unwind(|| check(&data)).is_err() {
            panic!("{} breaks a law", path.display());
        }
    }
    paths.len()
}

#[test]
fn what_was_found_keeps_the_laws() {
    for (target, check) in TARGETS {
        replay("found", target, *check);
    }
}

#[test]
fn the_seeds_keep_the_laws() {
    for (target, check) in TARGETS {
        assert!(replay("seeds", target, *check) > 1, "`{target}` has no seeds");
    }
}

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}

/// Pieces of the seeds put together, with bytes put in that give text its structure. A fuzzer does it better, but not on every
/// `cargo test`. `LAWS_CASES` is how many for each target, `LAWS_SEED` another beginning.
#[test]
fn pieces_of_seeds_keep_the_laws() {
    let number = |name: &str, default| std::env::var(name).ok().map_or(default, |text| text.parse::<u64>().unwrap());
    let structure = b"\n\n\r,;\t\"\"' {}[]:<>/&!-?=\\.#0N(u}\x94\x85R";
    for (target, check) in TARGETS {
        let seeds: Vec<Vec<u8>> = files(&directory("seeds").join(target)).iter().map(|path| fs::read(path).unwrap()).collect();
        let mut random = Random(number("LAWS_SEED", 1));
        for case in 0..number("LAWS_CASES", 300) {
            let mut data: Vec<u8> = (0..4).map(|_| random.below(256) as u8).collect();
            for _ in 0..=random.below(4) {
                let seed = &seeds[random.below(seeds.len())];
                let from = if random.below(2) == 0 { 0 } else { random.below(seed.len() + 1) };
                let len = random.below(seed.len() - from + 1).min(400);
                data.extend(&seed[from..from + len]);
                if random.below(2) == 0 {
                    data.extend((0..random.below(6)).map(|_| structure[random.below(structure.len())]));
                }
            }
            for _ in 0..random.below(6) {
                let at = random.below(data.len());
                data[at] = if random.below(4) == 0 { random.below(256) as u8 } else { structure[random.below(structure.len())] };
            }
            let kept = std::env::temp_dir().join(format!("law-{target}"));
            if std::panic::catch_unwind(|| check(&data)).is_err() {
                fs::write(&kept, &data).unwrap();
                panic!("case {case} of `{target}` breaks a law; it is kept in {}", kept.display());
            }
        }
    }
}

#[test]
fn every_target_and_every_kept_input_has_its_laws() {
    let known: Vec<&str> = TARGETS.iter().map(|(target, _)| *target).collect();
    let targets: Vec<String> =
        files(&directory("fuzz_targets")).iter().map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(targets, known);
    for kept in ["found", "seeds"] {
        for path in files(&directory(kept)) {
            assert!(known.contains(&path.file_name().unwrap().to_str().unwrap()), "{} is of no target", path.display());
        }
    }
}
