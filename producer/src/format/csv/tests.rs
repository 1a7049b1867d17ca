//! What it has to hold, case by case.

use super::super::testing::block;
use super::*;
use proptest::prelude::*;
use recpipe::Type;

/// Reads `text` in blocks cut at these places (moved to the next end of a row): the schema, the records and the rejects.
fn read(args: &Args, text: &[u8], cuts: &[usize]) -> Result<(String, Vec<String>, Vec<String>), String> {
    let whole = block(text);
    let mut csv = Csv::new(delimited::CSV, args);
    csv.sample(&whole)?;
    let plan = csv.plan(&whole)?;
    let mut parser = plan.parser();
    let body = &text[plan.head_bytes()..];
    let (mut ends, mut at) = (Vec::new(), 0);
    while at < body.len() {
        at += delimited::CSV.end_in_block(&body[at..]);
        ends.push(at);
    }
    let (mut from, mut records, mut rejects, mut line) = (0, Vec::new(), Vec::new(), 0);
    let mut schema = String::new();
    for cut in cuts.iter().copied().chain([usize::MAX]) {
        if cut < from || from == body.len() && from > 0 {
            continue;
        }
        let to = if cut >= body.len() { body.len() } else { ends.iter().copied().find(|&end| end >= cut).unwrap_or(body.len()) };
        let piece = block(&body[from..to]);
        let parsed = parser.parse(&piece, &Wanted::all());
        let fields = parsed.batch.schema().fields();
        schema = fields.iter().map(|f| format!("{} {}", f.name, f.kind)).collect::<Vec<_>>().join(", ");
        records.extend(parsed.batch.rows().map(|row| row.values().map(|v| format!("{v:?}")).collect::<Vec<_>>().join(" ")));
        rejects.extend(
            parsed.rejects.iter().map(|r| format!("{} {} {:?}", line + r.line, r.why, String::from_utf8_lossy(r.text(&piece.bytes)))),
        );
        line += parsed.lines;
        from = to;
    }
    Ok((schema, records, rejects))
}

fn schema(text: &str) -> String {
    read(&Args::default(), text.as_bytes(), &[]).unwrap().0
}

#[test]
fn the_sample_shows_types() {
    let text = "i,f,m,t,e,z\n1,1.5,1,x,,01\n,2e-3,2.5,1,,2\n-7,,3,,,3\n";
    assert_eq!(schema(text), "i int, f float, m mixed, t mixed, e mixed, z text");
    assert_eq!(schema("\r\n\"a b\",a,a,,a_2\r\n1,2,3,4,5\r\n"), "a b int, a int, a_3 int, _4 int, a_2 int");
    assert_eq!(schema("a"), "a mixed");
    let args = Args { casts: vec![("a".to_owned(), Type::Text)], ..Args::default() };
    assert_eq!(read(&args, b"a,b\n1,2\n", &[]).unwrap().0, "a text, b int");
    let args = Args { fields: Some(["b".to_owned()].into()), ..Args::default() };
    assert_eq!(read(&args, b"a,b\n1,2\n", &[]).unwrap().0, "b int");
    let args = Args { fields: Some(["bb".to_owned()].into()), ..Args::default() };
    assert!(read(&args, b"a,b\n1,2\n", &[]).unwrap_err().contains("did you mean `b`?"));
    assert!(read(&Args::default(), b"\"a,b\n1,2\n", &[]).unwrap_err().contains("not closed"));
}

#[test]
fn rows_that_do_not_fit_are_rejects_with_a_reason_and_values_never_are() {
    let text = b"a,b\n1,x\n2\n\n3,y,z\n4,\"q\n";
    let (_, records, rejects) = read(&Args::default(), text, &[]).unwrap();
    assert_eq!(records, ["Int(1) Text([120])"]);
    assert_eq!(
        rejects,
        [
            "1 1 field where the header has 2 \"2\"",
            "3 3 fields where the header has 2 \"3,y,z\"",
            "4 field 2 begins with a quote, and none before a delimiter or a line end closes it \"4,\\\"q\""
        ]
    );
    let (_, records, rejects) = read(&Args::default(), b"a\n9\n18446744073709551616\nn/a\n2.5\n\"1\"\n\"\"\n\"a\"\"b\"\n", &[]).unwrap();
    assert_eq!(rejects, [""; 0]);
    assert_eq!(
        records,
        ["Int(9)", "Int(18446744073709551616)", "Text([110, 47, 97])", "Float(2.5)", "Int(1)", "Null", "Text([97, 34, 98])"]
    );
}

#[test]
fn a_delimiter_too_many_at_the_end_of_a_row_is_left_out_of_each_row_by_itself() {
    let rows = |text: &str| {
        let (_, records, rejects) = read(&Args::default(), text.as_bytes(), &[]).unwrap();
        (records, rejects.len())
    };
    let records = vec!["Int(1) Int(2)".to_owned(), "Int(3) Null".to_owned()];
    assert_eq!(rows("a,b\n1,2,\n3,,\r\n"), (records.clone(), 0));
    assert_eq!(rows("a,b\n1,2\n3,,"), (records.clone(), 0));
    assert_eq!(rows("a,b\n1,2,\n3,\n"), (records, 0));
    assert_eq!(rows("a,b\n1,2,\"\"\n1,2,,\n1,2, \n"), (vec![], 3), "what is written is no end");
    let remark = |texts: &[&str]| {
        let mut csv = Csv::new(delimited::CSV, &Args::default());
        for text in texts {
            let plan = csv.plan(&block(text.as_bytes())).unwrap();
            plan.parser().parse(&block(&text.as_bytes()[plan.head_bytes()..]), &Wanted::all());
        }
        csv.remark()
    };
    assert_eq!(remark(&["a,b\n1,2,\n3,4,\n", "a,b\n5,6,\n"]), None, "it is how they are written");
    assert_eq!(remark(&["a,b\n1,2\n3,4\n5\n"]), None);
    let some = remark(&["a,b\nSmith, John,\n3,4\n5,6,\n"]).unwrap();
    assert!(some.starts_with("2 of 3 rows end with a delimiter too many, which was left out (the first at byte 0 of "), "{some}");
}

/// The records of these inputs, one after the other, as `field=value`, without what is missing.
fn files(texts: &[&str]) -> Vec<String> {
    let mut csv = Csv::new(delimited::CSV, &Args::default());
    texts.iter().for_each(|text| csv.sample(&block(text.as_bytes())).unwrap());
    let mut shown = Vec::new();
    for text in texts {
        let plan = csv.plan(&block(text.as_bytes())).unwrap();
        let batch = plan.parser().parse(&block(&text.as_bytes()[plan.head_bytes()..]), &Wanted::all()).batch;
        for row in 0..batch.len() {
            let fields = batch.schema().names().zip(batch.columns()).filter(|(_, column)| !column.is_missing(row));
            shown.push(fields.map(|(name, column)| format!("{name}={}", column.value(row))).collect::<Vec<_>>().join(" "));
        }
    }
    shown
}

#[test]
fn files_are_judged_together() {
    assert_eq!(files(&["a,b\n1,x\n", "c,a\n2,01\n"]), ["a=1 b=x", "a=01 c=2"]);
    assert_eq!(files(&["a,b\n1,x\n", "c,a\n2,01\n", "zzz\n"]), files(&["zzz\n", "a,b\n1,x\n", "c,a\n2,01\n"]));
    let names = |texts: &[&str]| {
        let mut csv = Csv::new(delimited::CSV, &Args::default());
        texts.iter().for_each(|text| csv.sample(&block(text.as_bytes())).unwrap());
        csv.plan(&block(texts[0].as_bytes())).unwrap();
        csv.schema().fields().iter().map(|field| format!("{} {}", field.name, field.kind)).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(names(&["a,b\n"]), "a mixed, b mixed", "there is nothing but the header");
    assert_eq!(names(&["a\n1\n", "b,c\n"]), "a int", "a header without records decides nothing beside others");
    assert_eq!(names(&["a,b\n1,2\n", "b\nx\n"]), "a int, b mixed");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn however_it_is_cut_it_gives_the_same(
        body in proptest::collection::vec(prop_oneof![3 => Just(b'1'), 1 => Just(b'x'), 1 => Just(b'0'), 3 => Just(b','), 2 => Just(b'"'), 3 => Just(b'\n'), 1 => Just(b'\r')], 0..80),
        mut cuts in proptest::collection::vec(0..80_usize, 0..6),
    ) {
        let text = [b"a,b\n", &body[..]].concat();
        cuts.sort_unstable();
        prop_assert_eq!(read(&Args::default(), &text, &cuts).unwrap(), read(&Args::default(), &text, &[]).unwrap());
    }
}
