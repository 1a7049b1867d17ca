//! Quantiles beside those of all values in order, and merged sketches beside one of everything.

use proptest::prelude::*;

use super::{Bucket, Sketch, bucket, representative};

fn sketch(values: &[f64]) -> Sketch {
    let mut sketch = Sketch::default();
    for &value in values {
        sketch.add(value);
    }
    sketch
}

#[test]
fn few_values_are_exact() {
    let check = |values: &[f64], q, expect: Option<f64>| assert_eq!(sketch(values).quantile(q, false), expect, "{values:?} {q}");
    check(&[], 0.5, None);
    check(&[7.25], 0.5, Some(7.25));
    check(&[3.0, 1.0, 2.0], 0.5, Some(2.0));
    check(&[4.0, 1.0, 2.0, 3.0], 0.5, Some(2.5));
    check(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.0, Some(1.0));
    check(&[1.0, 2.0, 3.0, 4.0, 5.0], 1.0, Some(5.0));
    check(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.9, Some(4.6));
    check(&[-1.0, 1e300, f64::NEG_INFINITY], 0.5, Some(-1.0));
    check(&[f64::INFINITY; 2], 0.5, Some(f64::INFINITY));
    let hundred: Vec<f64> = (0..=100).map(f64::from).collect();
    for percent in 1..100 {
        check(&hundred, f64::from(percent) / 100.0, Some(f64::from(percent)));
    }
    assert!(sketch(&[1.0, f64::NAN]).quantile(1.0, false).is_some_and(f64::is_nan));
}

#[test]
fn buckets_are_narrow_and_in_order() {
    for value in [5e-300, 0.1, 1.0, 1.9999, 127.0, 255.0, 257.0, 65_535.5, 1e18, f64::MAX] {
        for sign in [1.0, -1.0] {
            let value: f64 = value * sign;
            let stands = representative(bucket(value), false);
            assert!((stands - value).abs() <= value.abs() * 0.004, "{value} is shown as {stands}");
        }
    }
    for int in -256..=256 {
        assert_eq!(representative(bucket(f64::from(int)), true), f64::from(int));
    }
    let mut values = [f64::NAN, 3.0, -1e9, f64::INFINITY, 0.0, 1e9, -3.0, f64::NEG_INFINITY, -2.9, 2.9].map(bucket);
    values.sort();
    let shown = values.map(|bucket| representative(bucket, true));
    assert!(shown.windows(2).all(|two| two[0] <= two[1] || two[1].is_nan()), "{shown:?}");
    assert_eq!(values[9], Bucket::Nan);
}

#[test]
fn it_stays_small() {
    let mut sketch = Sketch::default();
    let grown: usize = (0..200_000_u32).map(|i| sketch.add(f64::from(i.wrapping_mul(2_654_435_769)))).sum();
    assert!(grown < 100_000 && sketch.heap() < 100_000, "{grown}, {}", sketch.heap());
}

#[test]
fn torn_counts_are_no_panic() {
    let values: Vec<f64> = (-300..300).map(f64::from).chain([f64::NAN, f64::INFINITY]).collect::<Vec<_>>().repeat(8);
    let (mut none, mut counts) = (Vec::new(), Vec::new());
    sketch(&values).write((&mut none, &mut counts));
    assert!(none.is_empty());
    let merge = |counts: &[u8]| {
        let mut merged = sketch(&values[..10]);
        let is_taken = merged.merge(&[], counts).and_then(|_| merged.merge(&[], counts)).is_ok();
        let _ = (merged.quantile(0.3, true), merged.add(1.0));
        is_taken
    };
    assert!(merge(&counts));
    for at in 0..counts.len() {
        // 16 bytes of the range, then 13 a bucket.
        assert_eq!(merge(&counts[..at]), at == 0 || (at >= 16 && (at - 16) % 13 == 0), "{at}");
        for wrong in [0, 1, 127, 255] {
            let mut torn = counts.clone();
            torn[at] = wrong;
            merge(&torn);
        }
    }
    let mut beyond = counts[..16 + 13].to_vec();
    beyond[16..21].copy_from_slice(&[3, 255, 255, 255, 255]);
    assert!(!merge(&beyond));
    beyond[16..].copy_from_slice(&[2, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]);
    assert!(!merge(&beyond));
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        -1e6..1e6_f64,
        (0..2000_i32).prop_map(f64::from),
        prop::sample::select(vec![0.0, -0.0, f64::NAN, f64::INFINITY])
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_error_is_small(values in prop::collection::vec(prop_oneof![-1e6..1e6_f64, 1.0..2.0_f64, (0..2000_i32).prop_map(f64::from)], 1..3000), q in 0.0..=1.0_f64) {
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let place = q * (values.len() - 1) as f64;
        let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
        let got = sketch(&values).quantile(q, false).unwrap();
        let slack = |value: f64| value.abs() * 0.004;
        prop_assert!(got >= below - slack(below) && got <= above + slack(above), "{} not from {} to {}", got, below, above);
    }

    #[test]
    fn it_is_a_function_of_the_values(values in prop::collection::vec(value(), 0..1200), cut: prop::sample::Index, repeat in 1..4_usize, q in 0.0..=1.0_f64) {
        let values = values.repeat(repeat);
        let mut backwards: Vec<f64> = values.clone();
        backwards.reverse();
        let (one, other) = values.split_at(cut.index(values.len() + 1));
        let (mut bytes, mut counts) = (Vec::new(), Vec::new());
        sketch(one).write((&mut bytes, &mut counts));
        let mut merged = sketch(other);
        merged.merge(&bytes, &counts).unwrap();
        let bits = |sketch: &Sketch| sketch.quantile(q, true).map(f64::to_bits);
        prop_assert_eq!(bits(&merged), bits(&sketch(&values)));
        prop_assert_eq!(bits(&sketch(&backwards)), bits(&sketch(&values)));
    }
}
