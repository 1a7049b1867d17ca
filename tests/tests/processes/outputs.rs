//! What the forms of output promise to other programs and to people, where it is more than a table case can hold.

use arrow_array::{Array, cast::AsArray, types::Int64Type};
use arrow_ipc::reader::StreamReader;
use e2e::{Pipeline, Program, Scratch, Take, log::Log, python::python};

const ODD: &[u8] = b"h\xff - - [24/Feb/2008:00:08:59 -0600] \"GET /caf\xe9 HTTP/1.0\" 200 7\nok - - [24/Feb/2008:00:08:59 -0600] \"GET / HTTP/1.0\" 200 7\n";

#[test]
fn what_json_cannot_say_is_counted_once() {
    let query = "select host, request | json";
    let expected = "{\"host\":\"h\u{fffd}\",\"request\":\"/caf\u{fffd}\"}\n{\"host\":\"ok\",\"request\":\"/\"}\n";
    for threads in ["1", "4"] {
        let outcome = Pipeline::both(&["apache"], &["-j", threads, query]).input(ODD).run().exits(&[0, 0]).prints(expected);
        outcome.says(Program::Consumer, "consumer: 2 values were not UTF-8").says(Program::Consumer, "U+FFFD");
    }
    Pipeline::both(&["apache"], &["-q", query]).input(ODD).run().succeeds().prints(expected);
}

/// Texts of what gives tsv its structure, and of bytes that are no text at all: each record comes back, also an empty one alone.
#[test]
fn tsv_is_read_as_it_was_written() {
    let pieces: [&[u8]; 10] = [b"\t", b"\n", b"\r", b"\\", b"\"", b"t", b"n", b"\xff\0", b" ", "é".as_bytes()];
    let texts = (0..4000_usize).map(|n| (0..n % 6).flat_map(|i| pieces[(n / 7 + i * (n % 13 + 1)) % 10]).copied().collect::<Vec<u8>>());
    for fields in [&["t"][..], &["t", "u"]] {
        let pair = |field: &&str, text: &[u8]| [b"U\x01", field.as_bytes(), b"U", &[text.len() as u8], text].concat();
        let pickle = |text: Vec<u8>| [b"}(", &fields.iter().flat_map(|field| pair(field, &text)).collect::<Vec<_>>()[..], b"u."].concat();
        let pickles: Vec<u8> = texts.clone().flat_map(pickle).collect();
        let written = Pipeline::both(&["pickle"], &["tsv"]).input(pickles).run().succeeds().stdout;
        assert_eq!(written.iter().filter(|&&byte| byte == b'\n').count(), 4001);
        let again = Pipeline::both(&["tsv", "--cast", "t=str"], &["tsv"]).input(written.clone()).run().succeeds().stdout;
        assert!(again == written, "{} bytes, and then {}", written.len(), again.len());
    }
}

#[test]
fn a_compressed_file_reads_back_and_has_its_name_when_it_is_whole() {
    let log = Log::odd(78, 3000);
    let scratch = Scratch::new();
    scratch.write("log", log.text());
    for name in ["a.json.gz", "a.csv.zst", "a.rec.gz"] {
        let query = format!("select host, status | write \"{name}\"");
        Pipeline::both(&["apache", "-q", "log"], &[&query]).dir(scratch.path()).run().exits(&[0, 0]);
        let format = if name.contains("rec") { "records" } else { &name[2..name.len() - if name.ends_with("gz") { 3 } else { 4 }] };
        let count = Pipeline::both(&[format, name], &["stats count, sum(status) as s | print \"{count} {s}\""]).dir(scratch.path()).run();
        let sum: i64 = log.0.iter().map(|entry| i64::from(entry.status)).sum();
        assert_eq!(count.exits(&[0, 0]).text(), format!("{} {sum}\n", log.0.len()), "{name}");
        assert!(!scratch.path().join(format!("{name}.partial")).exists());
    }
}

#[test]
fn an_arrow_stream_reads_back_whatever_the_threads() {
    let log = Log::odd(77, 20_000);
    let mut streams = Vec::new();
    // From a file: its blocks are a function of its bytes, while those of a pipe end where its writer pauses.
    let scratch = Scratch::new();
    scratch.write("log", log.text());
    for threads in ["1", "2", "8"] {
        let run = Pipeline::both(&["apache", "-q", "log"], &["-j", threads, "where status != 0 | arrow"]).dir(scratch.path());
        streams.push(run.run().exits(&[0, 0]).stdout);
    }
    assert!(streams.windows(2).all(|two| two[0] == two[1]), "the streams differ");
    let batches = StreamReader::try_new(&streams[0][..], None).unwrap().collect::<Result<Vec<_>, _>>().unwrap();
    assert!(batches.len() > 1, "{} batches", batches.len());
    let status = |batch: &arrow_array::RecordBatch| batch.column_by_name("status").unwrap().as_primitive::<Int64Type>().values().to_vec();
    let got: Vec<i64> = batches.iter().flat_map(status).collect();
    let expected: Vec<i64> = log.0.iter().map(|entry| i64::from(entry.status)).collect();
    assert_eq!(got, expected);
    assert!(batches.iter().all(|batch| batch.column_by_name("host").unwrap().as_string::<i32>().null_count() == 0));
}

#[test]
#[allow(clippy::disallowed_macros, reason = "whoever runs the tests is to see what was left out")]
fn other_readers_take_the_arrow_stream() {
    let query = "select host, bytes, datetime, bytes / 3 as x, status == 200 as ok, null as n | arrow";
    let run = Pipeline::both(&["apache", "--cast", "datetime=time"], &[query]).input(ODD.repeat(3000));
    let stream = run.run().exits(&[0, 0]).stdout;
    let polars = "import sys, polars; t = polars.read_ipc_stream(sys.stdin.buffer)\nprint(t.height, t['bytes'].sum(), t['host'][0], t['datetime'][0].isoformat(), t['ok'].all(), t['n'].null_count())";
    let pyarrow = "import sys, pyarrow.ipc as i; t = i.open_stream(sys.stdin.buffer).read_all().to_pydict()\nprint(len(t['host']), sum(t['bytes']), t['host'][0], t['datetime'][0].isoformat(), all(t['ok']), t['n'].count(None))";
    for (module, script) in [("polars", polars), ("pyarrow", pyarrow)] {
        match python(module, script, &stream) {
            None => eprintln!("SKIPPED: there is no python3 with {module}; it was not compared with"),
            Some(answer) => assert_eq!(answer, "6000 42000 h\u{fffd} 2008-02-24T06:08:59+00:00 True 6000\n", "{module}"),
        }
    }
}

#[test]
fn arrow_is_refused_on_a_terminal() {
    for query in ["arrow", "tee [ arrow ] | null"] {
        let outcome = Pipeline::both(&["apache"], &[query]).input(ODD).take(Take::Terminal).run();
        assert_eq!(outcome.end(Program::Consumer).code(), Some(2), "{outcome}");
        outcome.says(Program::Consumer, "terminal").prints("");
    }
}

#[test]
fn a_file_holds_what_standard_output_would() {
    let scratch = Scratch::new();
    let run = |query: &str| Pipeline::both(&["apache"], &["-q", query]).input(ODD).dir(scratch.path()).run().succeeds().stdout;
    let written = run("arrow");
    assert_eq!(run("write \"a.arrows\""), b"");
    assert_eq!(scratch.read("a.arrows"), written);
}

/// Asks Python, where it has the module; says so where it has not.
#[allow(clippy::disallowed_macros, reason = "whoever runs the tests is to see what was left out")]
fn python_says(module: &str, script: &str) -> Option<String> {
    let said = python(module, script, b"");
    if said.is_none() {
        eprintln!("skipped: python3 has no {module}");
    }
    said.map(|said| said.trim().to_owned())
}

#[test]
fn files_of_columns_are_read_by_others_and_by_us() {
    let scratch = Scratch::new();
    let query = "select host, status, bytes, bytes / 7 as part, time, status == 200 as ok, if(status == 200, null, request) as request";
    let log = Log::odd(7, 3000).text();
    let run = |output: &str| {
        let run = Pipeline::both(&["apache"], &["-q", &format!("{query} | {output}")]).input(log.clone()).dir(scratch.path());
        run.run().succeeds().stdout
    };
    let expected = run("csv");
    for (file, format) in [("x.parquet", "parquet"), ("x.arrow", "arrow"), ("x.arrows", "arrow"), ("x.parquet.gz", "parquet")] {
        run(&format!("write \"{file}\""));
        let back = Pipeline::both(&[format, file], &["-q", "--zone", "UTC", "csv"]).dir(scratch.path()).run().succeeds().stdout;
        let utc =
            Pipeline::both(&["apache"], &["-q", "--zone", "UTC", &format!("{query} | csv")]).input(log.clone()).run().succeeds().stdout;
        // What is not UTF-8 is U+FFFD in Arrow's forms.
        assert_eq!(String::from_utf8_lossy(&back), String::from_utf8_lossy(&utc), "{file}");
    }
    let rows = expected.iter().filter(|&&byte| byte == b'\n').count() - 1;
    let path = |file: &str| scratch.path().join(file).display().to_string();
    let arrow = format!(
        "import pyarrow.parquet as pq, pyarrow.ipc as ipc\na = pq.read_table({:?}); b = ipc.open_file({:?}).read_all(); c = ipc.open_stream({:?}).read_all()\nassert a.equals(b) and b.equals(c)\nprint(a.num_rows)",
        path("x.parquet"),
        path("x.arrow"),
        path("x.arrows")
    );
    let duck = format!(
        "import duckdb\nprint(duckdb.sql(\"select count(*) from '{}' where time is not null\").fetchall()[0][0])",
        path("x.parquet")
    );
    for said in [python_says("pyarrow", &arrow), python_says("duckdb", &duck)].into_iter().flatten() {
        assert_eq!(said, rows.to_string());
    }
}

#[test]
fn a_table_of_sqlite_takes_the_place_of_the_one_of_its_name() {
    let scratch = Scratch::new();
    let run = |lines: &[u8], query: &str| {
        let run = Pipeline::both(&["json"], &["-q", query]).input(lines).dir(scratch.path());
        run.run().succeeds().prints("");
    };
    let odd = br#"{"i":1,"f":1.5,"b":true,"t":"a'\"b","m":7,"big":99999999999999999999}
{"i":2,"f":null,"b":false,"t":"","m":"007","big":3}
"#;
    run(odd, "tee [ write \"x.db:odd one\" ] | select i | write \"x.db\"");
    run(odd, "count | write \"x.db:records\"");
    let script = format!(
        "import sqlite3\nc = sqlite3.connect({:?})\nprint(c.execute('select * from \"odd one\"').fetchall(), c.execute('select * from records').fetchall(), c.execute('pragma integrity_check').fetchone()[0])",
        scratch.path().join("x.db").display().to_string()
    );
    if let Some(said) = python_says("sqlite3", &script) {
        assert_eq!(said, r#"[(1, 1.5, 1, 'a\'"b', 7, '99999999999999999999'), (2, None, 0, '', '007', 3)] [(2,)] ok"#);
    }
    // A stream that was cut off leaves what there was.
    let cut = Pipeline::both(&["json"], &["emit"]).input(odd.as_slice()).run().succeeds().stdout;
    let outcome = Pipeline::consumer(&["count | write \"x.db\""]).input(cut[..cut.len() - 20].to_vec()).dir(scratch.path()).run();
    outcome.exits(&[3]).says(Program::Consumer, "x.db:records is not whole");
    if let Some(said) = python_says("sqlite3", &script) {
        assert!(said.ends_with("[(2,)] ok"), "{said}");
    }
    let outcome = Pipeline::both(&["json"], &["write \"x.txt:hits\""]).input(odd.as_slice()).run();
    assert_eq!(outcome.end(Program::Consumer).code(), Some(2), "{outcome}");
}

#[test]
fn a_file_for_each_key_has_what_the_query_of_that_key_gives() {
    let log = Log::odd(11, 4000).text();
    for threads in ["1", "4"] {
        let scratch = Scratch::new();
        // More keys than files are open at a time.
        let run = |query: &str| {
            let run = Pipeline::both(&["apache"], &["-q", "-j", threads, query]).input(log.clone()).dir(scratch.path());
            run.run().succeeds().stdout
        };
        run("let key = bytes % 150 | select key, host, bytes | tee [ write \"k{key:03}.csv\" ] | write \"z{key}.csv.gz\"");
        let all = String::from_utf8_lossy(&run("let key = bytes % 150 | select key, host, bytes | csv")).into_owned();
        let mut files = 0;
        for key in 0..150 {
            let of_key: Vec<&str> = all.lines().filter(|line| line.starts_with(&format!("{key},"))).collect();
            if of_key.is_empty() {
                continue;
            }
            let wanted = format!("key,host,bytes\n{}\n", of_key.join("\n"));
            files += 1;
            assert_eq!(String::from_utf8_lossy(&scratch.read(&format!("k{key:03}.csv"))), wanted, "{key}");
            if key % 40 == 0 {
                let unzipped = Pipeline::both(&["csv", &format!("z{key}.csv.gz")], &["-q", "csv"]).dir(scratch.path()).run().succeeds();
                assert_eq!(String::from_utf8_lossy(&unzipped.stdout), wanted, "{key}");
            }
        }
        assert!(files > 64, "{files}");
        assert!(std::fs::read_dir(scratch.path()).unwrap().all(|file| !file.unwrap().path().to_string_lossy().ends_with(".partial")));
    }
}

#[test]
fn a_chart_is_bounded_and_says_so() {
    let outcome = Pipeline::both(&["apache"], &["select bytes | chart"]).input(ODD.repeat(700)).run().succeeds();
    let text = outcome.text();
    assert_eq!(text.lines().count(), 1002, "{outcome}");
    assert_eq!(text.lines().last(), Some("… 400 more; `top 1000` before `chart` draws the largest"));
}

#[test]
fn a_locale_without_blocks_has_ascii_bars() {
    let run = Pipeline::both(&["apache"], &["count by host | chart"]).input(ODD.repeat(2)).env("LC_ALL", "C");
    let bar = "#".repeat(67);
    run.run().succeeds().prints(format!("host  count\nh\u{fffd}        2  {bar}\nok        2  {bar}\n"));
}

#[test]
fn colours_are_for_terminals_unless_told_otherwise() {
    let on = |args: &[&str], no_color: &'static str, terminal: bool| {
        let run = Pipeline::both(&["apache"], &[args, &["count | table"]].concat()).input(ODD).env("NO_COLOR", no_color);
        let run = if terminal { run.take(Take::Terminal) } else { run };
        run.run().succeeds().text().contains("\x1b[1m")
    };
    assert!(on(&[], "", true), "a terminal has colours");
    assert!(!on(&[], "1", true), "but for NO_COLOR");
    assert!(!on(&["--color", "never"], "", true));
    assert!(!on(&[], "", false));
    assert!(on(&["--color", "always"], "1", false));
}
