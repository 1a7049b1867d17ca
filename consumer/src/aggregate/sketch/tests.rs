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
            assert!((stands - value).abs() <= value.abs() * 0.0005, "{value} is shown as {stands}");
        }
    }
    for int in -2048..=2048 {
        assert_eq!(representative(bucket(f64::from(int)), true), f64::from(int));
    }
    let mut values = [f64::NAN, 3.0, -1e9, f64::INFINITY, 0.0, 1e9, -3.0, f64::NEG_INFINITY, -2.9, 2.9].map(bucket);
    values.sort();
    let shown = values.map(|bucket| representative(bucket, true));
    assert!(shown.windows(2).all(|two| two[0] <= two[1] || two[1].is_nan()), "{shown:?}");
    assert_eq!(values[9], Bucket::Nan);
}

#[test]
fn different_values_are_exact_while_they_fit_however_many_there_are_of_each() {
    // Large numbers close together, each of them three times, in an order that is none.
    let most = Sketch::EXACT as u64;
    let values = |different: u64| (0..2 * different).map(move |i| 1.7e9 + (i * 2_654_435_769 % different) as f64).collect::<Vec<_>>();
    let (exact, estimate) = (sketch(&values(most)), sketch(&values(most + 1)));
    assert!(matches!((&exact, &estimate), (Sketch::Exact(_), Sketch::Counts(_))));
    for q in [0.1, 0.25, 0.5, 0.9] {
        // The value of each rank is known.
        let place = q * (2 * most - 1) as f64;
        let (below, above) = (1.7e9 + (place.floor() / 2.0).floor(), 1.7e9 + (place.ceil() / 2.0).floor());
        let exact = exact.quantile(q, true).unwrap();
        assert!((below..=above).contains(&exact), "{q}: {exact}");
        let estimate = estimate.quantile(q, true).unwrap();
        assert!((estimate / exact - 1.0).abs() < 0.001, "{q}: {estimate} for {exact}");
    }
}

#[test]
fn an_estimate_has_no_more_digits_than_it_is_good_for() {
    let sketch = sketch(&(1..100_000).map(|i| f64::from(i) * 0.000_373_91).collect::<Vec<_>>());
    for percent in 1..100 {
        let q = f64::from(percent) / 100.0;
        let (got, exact) = (sketch.quantile(q, false).unwrap(), (1.0 + q * 99_998.0) * 0.000_373_91);
        assert!((got / exact - 1.0).abs() < 0.001, "{q}: {got} for {exact}");
        let digits = got.to_string().replace('.', "");
        assert!(digits.trim_matches('0').len() <= Sketch::DIGITS, "{got}");
    }
    // The ends are known.
    assert_eq!(sketch.quantile(0.0, false), Some(0.000_373_91));
    assert_eq!(sketch.quantile(1.0, false), Some(99_999.0 * 0.000_373_91));
}

#[test]
fn it_stays_small() {
    let mut sketch = Sketch::default();
    let mut most = 0;
    let grown: isize = (0..100_000_u32)
        .map(|i| {
            let grown = sketch.add(f64::from(i.wrapping_mul(2_654_435_769)));
            most = most.max(sketch.heap());
            grown
        })
        .sum();
    // 17 bytes for each place of a table of twice as many as there may be values.
    assert!(most <= 4 * Sketch::EXACT * 17 + 1000, "{most}");
    assert!(grown.unsigned_abs() == sketch.heap() && sketch.heap() < 500_000, "{grown}, {}", sketch.heap());
}

/// Merges these counts twice into a sketch of a few values.
fn merges(counts: &[u8]) -> bool {
    let mut merged = sketch(&[1.0, 2.0, 3.0]);
    let is_taken = merged.merge(&[], counts).and_then(|_| merged.merge(&[], counts)).is_ok();
    let _ = (merged.quantile(0.3, true), merged.add(1.0));
    is_taken
}

/// Cuts and changes what was written: after `head` bytes it is taken in steps of so many.
fn tear(counts: &[u8], head: usize, step: usize) {
    assert!(merges(counts));
    for at in 0..counts.len() {
        assert_eq!(merges(&counts[..at]), at == 0 || (at >= head && (at - head).is_multiple_of(step)), "{at}");
        for wrong in [0, 1, 127, 255] {
            let mut torn = counts.to_vec();
            torn[at] = wrong;
            merges(&torn);
        }
    }
}

#[test]
fn torn_counts_are_no_panic() {
    let values: Vec<f64> = (-9..9).map(f64::from).chain([f64::NAN, f64::INFINITY]).collect::<Vec<_>>().repeat(20);
    let (mut none, mut counts) = (Vec::new(), Vec::new());
    sketch(&values).write((&mut none, &mut counts));
    assert!(none.is_empty());
    // What they are, then 16 bytes a value.
    tear(&counts, 1, 16);
    let mut condensed = sketch(&values);
    condensed.condense().unwrap();
    counts.clear();
    condensed.write((&mut none, &mut counts));
    // What they are, 16 bytes of the range, then 13 a bucket.
    tear(&counts, 17, 13);
    let mut beyond = counts[..17 + 13].to_vec();
    beyond[17..22].copy_from_slice(&[3, 255, 255, 255, 255]);
    assert!(!merges(&beyond));
    beyond[17..].copy_from_slice(&[2, 0, 0, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255]);
    assert!(!merges(&beyond));
    assert!(!merges(&[7]));
}

#[test]
fn values_of_every_size_are_counted_from_either_end() {
    let sizes: Vec<f64> = (-1000..1000).map(|power| 2_f64.powi(power)).collect();
    let mut up = Sketch::default();
    let mut down = Sketch::default();
    up.condense().unwrap();
    down.condense().unwrap();
    sizes.iter().for_each(|&size| {
        up.add(size);
    });
    sizes.iter().rev().for_each(|&size| {
        down.add(size);
    });
    for percent in 0..=100 {
        let q = f64::from(percent) / 100.0;
        assert_eq!(up.quantile(q, false), down.quantile(q, false));
    }
    assert_eq!(up.quantile(0.0, false), sizes.first().copied());
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        -1e-6..1e-6_f64,
        -1e6..1e6_f64,
        (0..2000_i32).prop_map(f64::from),
        prop::sample::select(vec![0.0, -0.0, f64::NAN, f64::INFINITY])
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_error_is_small(values in prop::collection::vec(prop_oneof![-1e6..1e6_f64, 1.0..2.0_f64, (0..2000_i32).prop_map(f64::from)], 1..3000), q in 0.0..=1.0_f64) {
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let place = q * (values.len() - 1) as f64;
        let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
        let got = sketch(&values).quantile(q, false).unwrap();
        prop_assert_eq!(sketch(&values).quantile(q, false).map(f64::to_bits), Some(got.to_bits()));
        let mut condensed = sketch(&values);
        condensed.condense().unwrap();
        let (exact, got) = (got, condensed.quantile(q, false).unwrap());
        prop_assert!(exact >= below && exact <= above, "{} not from {} to {}", exact, below, above);
        let slack = |value: f64| value.abs() * 0.0011;
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
        let (mut halves, mut whole) = (sketch(one), sketch(&values));
        halves.condense().unwrap();
        let (mut few, mut buckets) = (Vec::new(), Vec::new());
        halves.write((&mut few, &mut buckets));
        halves = sketch(other);
        halves.merge(&few, &buckets).unwrap();
        whole.condense().unwrap();
        prop_assert_eq!(halves.quantile(q, false).map(f64::to_bits), whole.quantile(q, false).map(f64::to_bits));
        let bits = |sketch: &Sketch| sketch.quantile(q, true).map(f64::to_bits);
        prop_assert_eq!(bits(&merged), bits(&sketch(&values)));
        prop_assert_eq!(bits(&sketch(&backwards)), bits(&sketch(&values)));
    }
}
