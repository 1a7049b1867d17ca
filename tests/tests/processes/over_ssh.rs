//! `--hosts … --run COMMAND`: programs on other hosts, over what stands for `ssh`, and over a real one.

use std::{
    fs,
    io::{self, Write},
    time::Duration,
};

use e2e::{
    Group, Port,
    Program::{self, Consumer, Producer},
    SOON,
    log::Log,
    ssh::{Wires, make_executable, make_host, make_ssh},
};
use rustix::process::Signal;

use super::links::{COUNT, counted};

/// `web1` to `web3` with logs of different lengths.
fn three(group: &Group, wires: Wires) -> [Log; 3] {
    let logs = [3000, 200_000, 50].map(|lines| Log::common(101 + lines as u64, lines));
    make_ssh(group.scratch(), wires);
    for (number, log) in logs.iter().enumerate() {
        make_host(group.scratch(), &format!("web{}", number + 1), log.text(), true);
    }
    logs
}

const RUN: [&str; 6] = ["--ssh", "./ssh", "--hosts", "web1,web2,web3", "--run", "producer apache log"];

/// How often a host was called.
fn calls(group: &Group, host: &str) -> usize {
    fs::read_to_string(group.dir().join("calls")).unwrap_or_default().lines().filter(|line| *line == host).count()
}

#[test]
fn three_hosts_are_one_log() {
    for wires in [Wires::Socket, Wires::Pipes] {
        for workers in [&["-j", "1"][..], &["-j", "4"], &["--processes", "2"]] {
            let mut group = Group::new();
            let logs = three(&group, wires);
            let consumer = group.run(Consumer, &[workers, &RUN, &[COUNT]].concat());
            group.wait(consumer, SOON).exits(0).quietly().prints(&counted(&[&logs[0], &logs[1], &logs[2]]));
            let senders = group.run(Consumer, &[workers, &RUN, &["count by sender | sort sender | csv"]].concat());
            group.wait(senders, SOON).exits(0).quietly().prints("sender,count\nweb1,3000\nweb2,200000\nweb3,50\n");
            group.leaves_nothing(SOON);
        }
    }
}

#[test]
fn a_producer_reads_on_hosts_what_it_would_read_here() {
    for wires in [Wires::Socket, Wires::Pipes] {
        let mut group = Group::new();
        let logs = three(&group, wires);
        let path = std::env::join_paths([Program::directory(), "/usr/bin".into(), "/bin".into()]).unwrap().into_string().unwrap();
        let mut shell = |script: &str| {
            let run = group.run(Program::Shell, &["-c", &format!("PATH={path}; {script}")]);
            group.wait(run, SOON)
        };
        let on = "producer apache log --ssh ./ssh --on web1,web2,web3";
        let count = "consumer 'count by sender | sort sender | csv'";
        shell(&format!("{on} | {count}")).exits(0).quietly().prints("sender,count\nweb1,3000\nweb2,200000\nweb3,50\n");
        shell(&format!("{on} | consumer 'head 2 | count | csv'")).exits(0).quietly().prints("count\n2\n");
        // The end of the stream says how it went.
        shell(&format!("{on},away | {count}")).exits(3).says("away could not be reached").says("the answer is incomplete");
        shell(&format!("{on},away --at-least 3 | {count}")).exits(0).says("the answer is that of 3 of 4 hosts; away: away");
        shell(&format!("producer apache nosuch --on web1 --ssh ./ssh | {count}")).exits(1).says("nosuch");
        // Half an answer of each host, put together here: what travels is as long as the answer.
        let halves = "consumer --ssh ./ssh --hosts web1,web2,web3 --run 'producer apache log | consumer \"count by host | emit\"' \
                      'stats sum(count) as count by host | sort host | csv'";
        shell(&halves.replace("consumer \"", &format!("{}/consumer \"", Program::directory().display())))
            .exits(0)
            .prints(&counted(&[&logs[0], &logs[1], &logs[2]]));
        shell("producer apache log --on web1 --to x").exits(2).says("cannot be used with");
        shell("producer apache log --on=-x").exits(2).says("would be an option of ssh");
        group.leaves_nothing(SOON);
    }
}

/// A server of ssh on this host, with keys of its own, to whoever runs the test; `None` where there is none.
fn sshd(group: &mut Group, port: &Port) -> Option<usize> {
    let script = format!(
        "PATH=$PATH:/usr/sbin; for p in sshd ssh ssh-keygen; do command -v $p >/dev/null || {{ echo \"no $p\"; exit 9; }}; done\n\
         [ \"$(id -u)\" != 0 ] || mkdir -p -m 755 /run/sshd\n\
         ssh-keygen -q -t ed25519 -N '' -f host && ssh-keygen -q -t ed25519 -N '' -f key && cp key.pub allowed && chmod 600 allowed\n\
         cat >sshd_config <<EOF\nListenAddress 127.0.0.1\nPort {port}\nHostKey $PWD/host\nAuthorizedKeysFile $PWD/allowed\n\
         PidFile none\nUsePAM no\nStrictModes no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\nAcceptEnv PLACE\n\
         SetEnv PATH={programs}:/usr/bin:/bin\nEOF\n\
         for h in web1 web2 web3; do printf 'Host %s\\nHostName 127.0.0.1\\nSetEnv PLACE=%s\\n' $h $PWD/$h; done >ssh_config\n\
         printf 'Host away\\nHostName 127.0.0.1\\nPort 1\\n' >>ssh_config\n\
         cat >>ssh_config <<EOF\nHost *\nPort {port}\nUser $(id -un)\nIdentityFile $PWD/key\nIdentitiesOnly yes\n\
         UserKnownHostsFile $PWD/known\nGlobalKnownHostsFile /dev/null\nStrictHostKeyChecking accept-new\nLogLevel ERROR\nBatchMode yes\nEOF\n\
         exec $(command -v sshd) -D -e -f $PWD/sshd_config",
        port = port.number(),
        programs = Program::directory().display(),
    );
    let server = group.run(Program::Shell, &["-c", &script]);
    group.until("a server of ssh", SOON, |group| {
        let ended = group.ended(server);
        ended.stderr.contains("Server listening on") || ended.stdout.starts_with("no ")
    });
    if group.ended(server).stdout.starts_with("no ") {
        let _ = writeln!(io::stderr(), "skipped: there is {}", group.ended(server).stdout.trim());
        return None;
    }
    Some(server)
}

/// Over a real server, whose sessions have pipes or sockets as it likes.
#[test]
fn over_a_server_of_ssh() {
    let (port, mut group) = (Port::new(), Group::new());
    let logs = three(&group, Wires::Socket);
    let Some(server) = sshd(&mut group, &port) else { return };
    let ssh = "ssh -F ssh_config -T";
    let run = |hosts: &'static str, run: &'static str| ["--ssh", ssh, "--no-install", "--hosts", hosts, "--run", run];
    let log = "producer apache \"$PLACE/log\" -j 1 --stats";
    let consumer =
        group.run(Consumer, &[&run("web1,web2,web3", log)[..], &["where status == 404 | count by sender | sort sender | csv"]].concat());
    let found = |log: &Log| log.0.iter().filter(|entry| entry.status == 404).count();
    let ended = group.wait(consumer, SOON).exits(0);
    let rows: Vec<_> = logs.iter().enumerate().map(|(n, log)| format!("web{},{}\n", n + 1, found(log))).collect();
    let ended = ended.prints(&format!("sender,count\n{}", rows.concat()));
    // They were told what is needed.
    assert!(ended.stderr.contains("records that no consumer needs"), "{ended}");
    // One that is away, one that has enough, one that goes on until a signal.
    let consumer = group.run(Consumer, &[&run("web1,away,web3", log)[..], &[COUNT]].concat());
    group.wait(consumer, SOON).exits(3).prints(&counted(&[&logs[0], &logs[2]])).says("away could not be reached");
    let consumer = group.run(Consumer, &[&run("web1", "producer range 0 1000000000000")[..], &["head 3 | count | csv"]].concat());
    group.wait(consumer, SOON).exits(0).quietly().prints("count\n3\n");
    let follow = run("web1,web3", "producer apache -F --from-start \"$PLACE/log\"");
    let consumer = group.run(Consumer, &[&follow[..], &["print \"{sender}\""]].concat());
    group.until("all came", SOON, |group| group.written(consumer) >= 3050 * 5);
    group.signal(consumer, Signal::INT);
    group.wait(consumer, SOON).exits(130);
    group.until("nobody is left over there", SOON, |group| !group.left().iter().any(|(_, command)| command.starts_with("producer")));
    group.signal(server, Signal::TERM);
    group.wait(server, SOON);
}

#[test]
fn hosts_may_stand_in_a_file_with_users_and_ports() {
    let mut group = Group::new();
    three(&group, Wires::Socket);
    make_host(group.scratch(), "me@web4", Log::common(5, 7).text(), true);
    group.scratch().write("hosts.txt", "# all of them\nweb1\n  web3 # the small one\nme@web4:2222\n");
    let run = ["--ssh", "./ssh -q", "--hosts", "hosts.txt", "--run", "producer apache log", "count by sender | sort sender | csv"];
    let consumer = group.run(Consumer, &run);
    group.wait(consumer, SOON).exits(0).quietly().prints("sender,count\nme@web4:2222,7\nweb1,3000\nweb3,50\n");
}

/// What a query does without does not travel: its fields, and the records that its conditions drop.
#[test]
fn hosts_hear_what_is_needed_and_when_it_is_enough() {
    for wires in [Wires::Socket, Wires::Pipes] {
        let mut group = Group::new();
        let logs = three(&group, wires);
        let stats = ["--ssh", "./ssh", "--hosts", "web1,web2,web3", "--run", "producer apache log -j 1 --stats"];
        let consumer =
            group.run(Consumer, &[&stats[..], &["where status == 404 | count by request | stats sum(count) as found | csv"]].concat());
        let found = logs.iter().flat_map(|log| &log.0).filter(|entry| entry.status == 404).count();
        // Each host says what its producer says: how much no consumer needed.
        let ended = group.wait(consumer, SOON).exits(0).prints(&format!("found\n{found}\n"));
        assert!(ended.stderr.contains("records that no consumer needs"), "{ended}");
        // One that never ends by itself is told that it is enough.
        let endless =
            ["--ssh", "./ssh", "--hosts", "web1,web2", "--run", "producer range 0 1000000000000 --batch 10", "head 3 | count | csv"];
        let consumer = group.run(Consumer, &endless);
        group.wait(consumer, SOON).exits(0).quietly().prints("count\n3\n");
        group.leaves_nothing(SOON);
    }
}

#[test]
fn what_is_followed_ends_at_a_signal_with_its_answer() {
    for wires in [Wires::Socket, Wires::Pipes] {
        let mut group = Group::new();
        three(&group, wires);
        let follow = ["--ssh", "./ssh", "--hosts", "web1,web3", "--run", "producer apache -F --from-start log"];
        let consumer =
            group.run(Consumer, &[&follow[..], &["tee [where sender == \"web3\" | print \"{sender}\" ] | count | csv"]].concat());
        group.until("records of web3 came", SOON, |group| group.written(consumer) >= 50 * 5);
        group.signal(consumer, Signal::INT);
        let ended = group.wait(consumer, SOON).exits(130);
        assert!(ended.stdout.contains("count\n"), "{ended}");
        group.leaves_nothing(SOON);
    }
}

/// A program in a pipe of its own hears nothing: it is hung up on after a while.
#[test]
fn a_signal_ends_what_hears_nothing() {
    for run in ["cat log - | producer apache", "producer range 0 1000000000000 | cat"] {
        let mut group = Group::new();
        three(&group, Wires::Pipes);
        let consumer =
            group.run(Consumer, &["--ssh", "./ssh", "--hosts", "web1,web3", "--run", run, "tee [head 1 | print \"came\"] | count | csv"]);
        group.until("records came", SOON, |group| group.written(consumer) > 0);
        group.signal(consumer, Signal::INT);
        let ended = group.wait(consumer, SOON).exits(130);
        assert!(ended.stdout.contains("count\n"), "{ended}");
        group.leaves_nothing(SOON);
    }
}

#[test]
fn a_host_that_is_away_is_named_and_the_rest_is_answered() {
    for wires in [Wires::Socket, Wires::Pipes] {
        let mut group = Group::new();
        let logs = three(&group, wires);
        fs::remove_dir_all(group.dir().join("web2")).unwrap();
        let there = counted(&[&logs[0], &logs[2]]);
        let consumer = group.run(Consumer, &[&RUN[..], &[COUNT]].concat());
        let ended = group.wait(consumer, SOON).exits(3).prints(&there);
        ended.says("web2 could not be reached").says("the answer is incomplete");
        // The answer of two is one where it was asked for.
        let consumer = group.run(Consumer, &[&RUN[..], &["--at-least", "2", COUNT]].concat());
        let ended = group.wait(consumer, SOON).exits(0).prints(&there);
        ended.says("the answer is that of 2 of 3 hosts; away: web2");
        let consumer = group.run(Consumer, &[&RUN[..], &["--at-least", "3", COUNT]].concat());
        group.wait(consumer, SOON).exits(3).prints(&there).says("2 of 3 hosts are there, and --at-least asks for 3; away: web2");
        let consumer = group.run(Consumer, &[&RUN[..], &["--at-least", "4", COUNT]].concat());
        group.wait(consumer, SOON).exits(2).says("there are 3 hosts");
        // With nobody there, there is no answer.
        fs::remove_dir_all(group.dir().join("web1")).unwrap();
        fs::remove_dir_all(group.dir().join("web3")).unwrap();
        for at_least in [&[][..], &["--at-least", "1"]] {
            let consumer = group.run(Consumer, &[&RUN[..], at_least, &[COUNT]].concat());
            let ended = group.wait(consumer, SOON).exits(3).prints("");
            assert!(["web1", "web2", "web3"].iter().all(|host| ended.stderr.contains(&format!("{host} could not be reached"))), "{ended}");
        }
        group.leaves_nothing(SOON);
    }
}

#[test]
fn what_goes_wrong_over_there_is_said_with_the_name_of_the_host() {
    let mut group = Group::new();
    three(&group, Wires::Socket);
    let mut ended = |run: &str, code: i32| {
        let consumer = group.run(Consumer, &["--ssh", "./ssh", "--hosts", "web1,web2", "--run", run, "count | csv"]);
        group.wait(consumer, SOON).exits(code)
    };
    // A mistake in what was typed for it.
    ended("producer apache --nosuch", 2).says("--nosuch").says("ended with exit 2: web");
    ended("producer apache nosuch.log", 1).says("nosuch.log").says(": web");
    // What is no stream of records.
    ended("cat log", 3).says("web1 answers with").says("which is no stream of records");
    ended("nosuchprogram", 3).says("web1 sent nothing").says("exit status 127");
    ended("producer apache", 2).says("standard input is the connection to the consumer that has started this");
    ended("kill -9 $$", 3).says("web1");
}

#[test]
fn a_host_that_dies_in_the_middle_is_named() {
    for wires in [Wires::Socket, Wires::Pipes] {
        let mut group = Group::new();
        three(&group, wires);
        let follow = ["--ssh", "./ssh", "--hosts", "web1,web3", "--run", "producer apache -F --from-start log"];
        let consumer = group.run(Consumer, &[&follow[..], &["--at-least", "1", "print \"{sender}\""]].concat());
        group.until("all came", SOON, |group| group.written(consumer) >= 3050 * 5);
        let web1 = group.dir().join("web1");
        let victim = group.left().into_iter().find(|(pid, command)| {
            command.starts_with("producer") && fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == web1)
        });
        e2e::running::send(victim.unwrap().0, Signal::KILL);
        group.until_it_says(consumer, "web1", SOON);
        // What it had sent is in the answer, which is that of no number of hosts: the other one is read on to its end.
        group.signal(consumer, Signal::TERM);
        group.wait(consumer, SOON).exits(3).says("web1");
        group.leaves_nothing(SOON);
    }
}

#[test]
fn a_producer_is_copied_where_none_is_and_checked() {
    let mut group = Group::new();
    make_ssh(group.scratch(), Wires::Pipes);
    let log = Log::common(111, 200);
    make_host(group.scratch(), "bare", log.text(), false);
    let run = ["--ssh", "./ssh", "--hosts", "bare", "--run", "producer apache log", COUNT];
    let refused = group.run(Consumer, &[&["--no-install"], &run[..]].concat());
    let ended = group.wait(refused, SOON).exits(3).says("bare has no `producer` in its PATH");
    ended.says("or do without --no-install").prints("");
    assert!(!group.dir().join("bare/.cache").exists());

    let consumer = group.run(Consumer, &run);
    group.wait(consumer, SOON).exits(0).prints(&counted(&[&log])).says("bare: copies `producer` to ~/.cache/recpipe/");
    assert_eq!(calls(&group, "bare"), 4, "one that refuses, one that finds none, one that copies, one that runs");
    // Once is enough.
    let consumer = group.run(Consumer, &run);
    group.wait(consumer, SOON).exits(0).quietly().prints(&counted(&[&log]));
    let installed = group.dir().join("bare/.cache/recpipe").join(env!("CARGO_PKG_VERSION")).join("producer");
    assert_eq!(fs::read(&installed).unwrap(), fs::read(Producer.path()).unwrap());
    assert_eq!(fs::read_dir(installed.parent().unwrap()).unwrap().count(), 1, "nothing else is left there");

    // Another release is no more than none.
    fs::remove_file(&installed).unwrap();
    make_executable(&group.scratch().write("bare/bin/producer", "#!/bin/sh\necho producer 0.0.1\n"));
    let refused = group.run(Consumer, &[&["--no-install"], &run[..]].concat());
    group.wait(refused, SOON).exits(3).says("bare has another `producer` than `producer ");
    let consumer = group.run(Consumer, &run);
    group.wait(consumer, SOON).exits(0).prints(&counted(&[&log]));
}

#[test]
fn a_copy_that_is_not_what_was_sent_does_not_get_its_name() {
    let mut group = Group::new();
    make_ssh(group.scratch(), Wires::Socket);
    let cases = [
        ("sha256sum", "#!/bin/sh\ncat >/dev/null\necho 0000 -\n", "its digest differs"),
        ("uname", "#!/bin/sh\necho Linux pdp11\n", "it is another kind of machine"),
        ("mkdir", "#!/bin/sh\nexit 1\n", "no file can be made"),
        ("cat", "#!/bin/sh\nhead -c 1000\n", "its digest differs"),
    ];
    for (number, (program, script, why)) in cases.into_iter().enumerate() {
        let host = format!("h{number}");
        make_host(group.scratch(), &host, "", false);
        make_executable(&group.scratch().write(&format!("{host}/bin/{program}"), script));
        let consumer = group.run(Consumer, &["--ssh", "./ssh", "--hosts", &host, "--run", "producer apache log", "count | csv"]);
        group.wait(consumer, SOON).exits(3).says(&format!("{host} has no `producer` in its PATH, and none could be installed")).says(why);
        let directory = group.dir().join(&host).join(".cache/recpipe").join(env!("CARGO_PKG_VERSION"));
        assert!(fs::read_dir(directory).map_or(0, Iterator::count) == 0, "{program}");
    }
    group.leaves_nothing(SOON);
}

/// A call that hangs is no reason to.
#[test]
fn a_signal_ends_the_waiting_for_a_host() {
    let mut group = Group::new();
    make_executable(&group.scratch().write("ssh", "#!/bin/sh\nexec sleep 1000\n"));
    let consumer = group.run(Consumer, &RUN.into_iter().chain(["count"]).collect::<Vec<_>>());
    group.until("three calls", SOON, |group| group.left().iter().filter(|(_, command)| command.starts_with("sleep")).count() == 3);
    group.signal(consumer, Signal::INT);
    group.wait(consumer, SOON).exits(130);
    group.leaves_nothing(Duration::from_secs(10));
}
