//! `sender`: who sent a record, where there may be several.

use e2e::{
    Feed, Group, Pipeline, Port,
    Program::{self, Consumer, Producer},
    SOON, Scratch,
    log::Log,
};

/// In threads, one and several, and in processes: what is said of a record never depends on who works on it.
const WORKERS: [&[&str]; 3] = [&["-j", "1"], &["-j", "4"], &["--processes", "2", "-j", "2"]];

/// `a` and `b` as they are counted.
const COUNT: &str = "count by sender | sort sender | csv";

fn stream(lines: usize) -> Vec<u8> {
    let text: String = (0..lines).map(|line| format!("{line}\n")).collect();
    Pipeline::producer(&["lines"]).input(text).run().succeeds().stdout
}

fn counted(rows: &[(&str, usize)]) -> String {
    std::iter::once("sender,count\n".to_owned()).chain(rows.iter().map(|(sender, count)| format!("{sender},{count}\n"))).collect()
}

#[test]
fn files_are_called_as_they_were_named() {
    let scratch = Scratch::new();
    scratch.write("a.rec", stream(20_000));
    scratch.write("b.rec", stream(300));
    for workers in WORKERS {
        let args = [workers, &["--from", "a.rec", "--from", "b.rec", COUNT]].concat();
        let run = Pipeline::consumer(&args).dir(scratch.path()).run();
        run.succeeds().quietly().prints(counted(&[("a.rec", 20_000), ("b.rec", 300)]));
    }
}

#[test]
fn children_are_called_by_their_commands() {
    let scratch = Scratch::new();
    scratch.write("a", Log::common(91, 9000).text());
    scratch.write("b", Log::common(92, 500).text());
    let producer = Program::Producer.path();
    let [a, b] = ["a", "b"].map(|name| format!("exec:{} apache {name}", producer.display()));
    for workers in WORKERS {
        let args = [workers, &["--from", &a, "--from", &b, COUNT]].concat();
        let run = Pipeline::consumer(&args).dir(scratch.path()).run();
        run.succeeds().quietly().prints(counted(&[(&a, 9000), (&b, 500)]));
    }
}

#[test]
fn callers_are_called_by_their_addresses() {
    let port = Port::new();
    for workers in WORKERS {
        let mut group = Group::new();
        group.scratch().write("a", Log::common(93, 5000).text());
        let url = port.tcp();
        // One of the two has another condition to meet than the other: it is not told to the producers.
        let query = "where sender == \"127.0.0.1\" | count by sender | csv";
        let consumer = group.run(Consumer, &[workers, &["--listen", &url, "--senders", "2", query]].concat());
        let producers = [(); 2].map(|()| group.run(Producer, &["apache", "a", "--to", &url]));
        for producer in producers {
            group.wait(producer, SOON).exits(0).quietly();
        }
        group.wait(consumer, SOON).exits(0).quietly().prints("sender,count\n127.0.0.1,10000\n");
    }
}

#[test]
fn those_that_were_called_are_called_by_their_urls() {
    let ports = [Port::new(), Port::new()];
    let urls = ports.each_ref().map(Port::tcp);
    for workers in WORKERS {
        let mut group = Group::new();
        group.scratch().write("a", Log::common(94, 5000).text());
        group.scratch().write("b", Log::common(95, 70).text());
        let producers = [("a", 0), ("b", 1)].map(|(name, url)| group.run(Producer, &["apache", name, "--listen", &urls[url]]));
        let query = format!("where sender == {:?} | count by sender | csv", urls[1]);
        let consumer = group.run(Consumer, &[workers, &["--from", &urls[0], "--from", &urls[1], &query]].concat());
        group.wait(consumer, SOON).exits(0).quietly().prints(&counted(&[(&urls[1], 70)]));
        for producer in producers {
            group.wait(producer, SOON).exits(0).quietly();
        }
    }
}

#[test]
fn it_stands_where_a_query_names_it_and_nowhere_else() {
    let scratch = Scratch::new();
    scratch.write("a.rec", stream(2));
    scratch.write("b.rec", stream(1));
    for (query, printed) in [
        ("json", "{\"line\":\"0\"}\n{\"line\":\"1\"}\n{\"line\":\"0\"}\n"),
        ("select line, sender | csv", "line,sender\n0,a.rec\n1,a.rec\n0,b.rec\n"),
        ("let from = sender | drop sender | csv", "line,from\n0,a.rec\n1,a.rec\n0,b.rec\n"),
        ("rename sender as from | select from | csv", "from\na.rec\na.rec\nb.rec\n"),
        // Where a record comes from is no text of it.
        ("grep /rec/ | count | csv", "count\n0\n"),
        ("where sender != null | grep /rec/ | count | csv", "count\n0\n"),
        ("where sender =~ /^b/ | count | csv", "count\n1\n"),
        ("sort sender, line | distinct sender | print \"{sender}\"", "a.rec\nb.rec\n"),
    ] {
        let run = Pipeline::consumer(&["--from", "a.rec", "--from", "b.rec", query]).dir(scratch.path()).run();
        run.succeeds().quietly().prints(printed);
    }
    // Of one file, or of standard input, there is nobody to be told from others.
    let run = Pipeline::consumer(&["--from", "a.rec", "count by sender"]).dir(scratch.path()).run();
    run.exits(&[2]).says(Consumer, "sender");
    Pipeline::both(&["lines"], &["count by sender"]).input("x\n").run().exits(&[0, 2]).says(Consumer, "sender");
}

#[test]
fn records_that_have_one_of_their_own_keep_it() {
    let scratch = Scratch::new();
    let own = Pipeline::producer(&["json"]).input("{\"sender\":\"me\"}\n{\"sender\":\"you\"}\n").run().succeeds().stdout;
    scratch.write("own.rec", own);
    scratch.write("a.rec", stream(3));
    let run = Pipeline::consumer(&["--from", "own.rec", "--from", "a.rec", COUNT]).dir(scratch.path()).run();
    run.succeeds().quietly().prints("sender,count\nme,1\nyou,1\n,3\n");
    // One that comes when `sender` was taken for who sent the records is not mistaken for it.
    let lines = (0..20_000).map(|n| format!("{{\"n\":{n}}}\n")).collect::<String>() + "{\"n\":1,\"sender\":\"me\"}\n";
    let late = Pipeline::producer(&["json"]).feed(Feed::Bytes(lines.repeat(20).into_bytes())).run().succeeds().stdout;
    scratch.write("late.rec", late);
    let run = Pipeline::consumer(&["--from", "a.rec", "--from", "late.rec", COUNT]).dir(scratch.path()).run();
    let ended = run.without_panic();
    assert!(ended.ends[0].code() == Some(0) || ended.consumer_says().contains("a field `sender` of their own"), "{ended}");
}
