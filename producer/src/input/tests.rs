//! What it has to hold, case by case.

use super::event::Event;
use super::*;
use find::Names;
use std::fs;

#[test]
fn blocks_never_span_two_files_and_problems_stand_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let path = |n: &str| dir.path().join(n);
    fs::write(path("a"), "one\ntwo").unwrap();
    fs::write(path("empty"), "").unwrap();
    fs::write(path("b"), "three\n").unwrap();
    let found = find::find(&[path("a"), path("gone"), path("empty"), path("b")], &Names::default());
    let meter = Arc::new(Meter::default());
    let shown: Vec<String> = Blocks::new(Inputs::new(found, meter.clone(), Watch::nothing()), Arc::new(boundary::Lines::default()))
        .map(|item| match item {
            Event::Block(b) => format!("{}..{} {:?}", b.start, b.end, String::from_utf8_lossy(&b.bytes)),
            Event::Problem(p) => p.to_string().replace(&format!("{}/", dir.path().display()), ""),
            other => format!("{other:?}"),
        })
        .collect();
    assert_eq!(shown, ["0..7 \"one\\ntwo\"", "gone: No such file or directory", "0..6 \"three\\n\""]);
    assert_eq!(meter.read_bytes(), 13);
}

#[test]
fn blocks_are_as_large_as_they_are_asked_to_be() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    fs::write(&path, "1\n2\n3\n4\n").unwrap();
    let ends = |bytes: usize| -> Vec<u64> {
        let found = vec![Ok(Input::File(path.clone()))];
        let inputs = Inputs::new(found, Arc::default(), Watch::nothing()).in_blocks_of(bytes);
        Blocks::new(inputs, Arc::new(boundary::Lines::default()))
            .map(|item| if let Event::Block(block) = item { block.end } else { panic!("{item:?}") })
            .collect()
    };
    assert_eq!((ends(1), ends(2), ends(5), ends(8)), (vec![2, 4, 6, 8], vec![2, 4, 6, 8], vec![4, 8], vec![8]));
}

#[test]
fn a_directory_that_cannot_be_read_as_a_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let input = Input::File(dir.path().to_owned());
    let items: Vec<_> =
        Blocks::new(Inputs::new(vec![Ok(input)], Arc::default(), Watch::nothing()), Arc::new(boundary::Lines::default())).collect();
    assert!(matches!(&items[..], [Event::Problem(p)] if p.to_string().ends_with("Is a directory")), "{items:?}");
}

#[test]
fn the_total_is_known_for_regular_files_only() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a"), "12345").unwrap();
    fs::write(dir.path().join("b"), "678").unwrap();
    let all = find::find(&[dir.path().to_owned()], &Names::default());
    assert_eq!(total_bytes(&all), Some(8));
    assert_eq!(total_bytes(&vec![Ok(Input::File("/dev/null".into()))]), None);
}
