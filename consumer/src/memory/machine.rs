//! How much memory this machine lets the program have.

use std::{fs, path::Path};

/// Where the system tells nothing.
const UNKNOWN: usize = 1 << 30;

/// A quarter of what the program may use: of the machine's memory, or of its control group's where that is less.
pub fn default_limit() -> usize {
    let machine = fs::read_to_string("/proc/meminfo").ok().and_then(|text| total(&text));
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limit = [machine, group_limit(&groups, Path::new("/sys/fs/cgroup"))].into_iter().flatten().min();
    limit.map_or(UNKNOWN, |bytes| usize::try_from(bytes).unwrap_or(usize::MAX)) / 4
}

/// `MemTotal` of `/proc/meminfo`, in bytes.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The least limit of the control groups that the process is in, version 2 (`0::/path`) or 1 (`7:memory:/path`), and of
/// those that they are in. Seen from within a container the path may lead to nowhere; then its root tells.
fn group_limit(groups: &str, mounted: &Path) -> Option<u64> {
    let mut least = None;
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let (root, file) = match controllers {
            "" => (mounted.to_owned(), "memory.max"),
            list if list.split(',').any(|name| name == "memory") => (mounted.join("memory"), "memory.limit_in_bytes"),
            _ => continue,
        };
        for ancestor in Path::new(path.trim_start_matches('/')).ancestors() {
            // `max`, or a file that is not there, limits nothing.
            let limit = fs::read_to_string(root.join(ancestor).join(file)).ok().and_then(|text| text.trim().parse().ok());
            least = [least, limit].into_iter().flatten().min();
        }
    }
    least
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{default_limit, group_limit, total};

    #[test]
    fn the_machine_tells() {
        assert_eq!(total("MemTotal:       24605276 kB\nMemFree:  1 kB\n"), Some(24_605_276 << 10));
        assert_eq!(total("MemFree: 1 kB\n"), None);
        assert!(default_limit() > 1 << 20);
    }

    #[test]
    fn the_least_of_the_groups_counts() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write("a/memory.max", "5000\n");
        write("a/b/memory.max", "max\n");
        write("memory/c/memory.limit_in_bytes", "700\n");
        write("memory/memory.limit_in_bytes", "9223372036854771712\n");
        let check = |groups: &str, expect| assert_eq!(group_limit(groups, root.path()), expect, "{groups}");
        check("0::/a/b\n", Some(5000));
        check("0::/\n", None);
        check("0::/not/here\n", None);
        check("5:cpu,memory:/c\n4:freezer:/a\n", Some(700));
        check("5:memory:/elsewhere\n", Some(9_223_372_036_854_771_712));
        check("5:memory:/c\n0::/a\n", Some(700));
        check("", None);
    }
}
