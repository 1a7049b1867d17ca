//! Marks along the time.

use recpipe::Time;

const SECOND: i64 = 1_000_000_000;

/// Lengths from mark to mark, in seconds; beyond them, multiples of the last.
const STEPS: [i64; 22] = [
    1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 1_209_600, 2_419_200,
    7_776_000, 31_536_000,
];

/// There are no more marks than this.
const MOST: i64 = 6;

/// The marks from one moment to another, in nanoseconds since 1970, and what is written there, on a clock that is so far ahead of UTC at
/// each moment.
pub(super) fn marks(from: i64, to: i64, offset_s: impl Fn(i64) -> i32) -> Vec<(i64, String)> {
    let length_s = (i128::from(to) - i128::from(from)) / i128::from(SECOND);
    if length_s < 2 {
        return Vec::new();
    }
    let fits = |step: i64| length_s / i128::from(step) < i128::from(MOST);
    let last = STEPS[STEPS.len() - 1];
    let step = STEPS.into_iter().find(|step| fits(*step)).unwrap_or_else(|| last * (length_s / i128::from(last * MOST) + 1) as i64);
    let local_from = from.div_euclid(SECOND) + i64::from(offset_s(from));
    let mut mark = (local_from + step - 1).div_euclid(step) * step;
    let mut found = Vec::new();
    while found.len() < 2 * MOST as usize {
        // The clock may have changed on the way.
        let near = (mark - i64::from(offset_s(from))).saturating_mul(SECOND);
        let offset = offset_s(near.clamp(from, to));
        let at = (mark - i64::from(offset)).saturating_mul(SECOND);
        if at > to {
            break;
        }
        if at >= from {
            found.push((at, label(Time { nanos: at, offset_s: offset }, step)));
        }
        mark += step;
    }
    found
}

fn label(time: Time, step_s: i64) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let local = time.local();
    let month = MONTHS[usize::from(local.month().unsigned_abs()).saturating_sub(1).min(11)];
    match step_s {
        ..60 => format!("{:02}:{:02}:{:02}", local.hour(), local.minute(), local.second()),
        60..86_400 if local.hour() == 0 && local.minute() == 0 => format!("{} {month}", local.day()),
        60..86_400 => format!("{:02}:{:02}", local.hour(), local.minute()),
        86_400..2_419_200 => format!("{} {month}", local.day()),
        _ => format!("{month} {}", local.year()),
    }
}

#[cfg(test)]
mod tests {
    use super::{SECOND, marks};

    fn labels(from_s: i64, to_s: i64, offset_s: i32) -> Vec<String> {
        marks(from_s * SECOND, to_s * SECOND, |_| offset_s).into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn marks_are_those_of_a_clock() {
        assert_eq!(labels(0, 86_400, 0), ["1 Jan", "06:00", "12:00", "18:00", "2 Jan"]);
        assert_eq!(labels(0, 86_400, 3600), ["06:00", "12:00", "18:00", "2 Jan"]);
        assert_eq!(labels(0, 45, 0), ["00:00:00", "00:00:10", "00:00:20", "00:00:30", "00:00:40"]);
        assert_eq!(labels(0, 7 * 86_400, 0).len(), 4);
        assert!(labels(5, 5, 0).is_empty());
        for to in [10_i64, 1000, 100_000, 10_000_000, 1_000_000_000, 9_000_000_000] {
            let many = labels(-123, to, -7200).len();
            assert!((1..=7).contains(&many), "{to}: {many}");
        }
        assert!(marks(i64::MIN, i64::MAX, |_| 0).len() <= 12);
    }
}
