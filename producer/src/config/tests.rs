//! What it has to hold, case by case.

use recpipe::record::Type;

use super::*;

fn config(args: &[&str]) -> Result<Config, String> {
    Config::new(Cli::read([&["producer"], args].concat()).unwrap())
}

#[test]
fn mistakes_are_named() {
    let check = |args: &[&str], part: &str| {
        let message = config(args).unwrap_err();
        assert!(message.contains(part), "{message}");
    };
    check(&["apahce"], "did you mean `apache`?");
    check(&["Apache"], "did you mean `apache`?");
    check(&["zzz"], "the formats are: apache");
    check(&["apache", "--name", "[z-a"], "--name: ");
    check(&["apache", "--to", "tcp://h"], "--to: ");
    check(&["apache", "--to", "a.rec", "--to", "b.rec"], "takes all or nothing");
    check(&["apache", "--cast", "status"], "FIELD=TYPE");
    check(&["apache", "--cast", "status=number"], "FIELD=TYPE");
    check(&["apache", "--cast", "status=int,status=str"], "`status` stands twice");
    check(&["apache", "--cast", "datetime=time:%H:%M"], "bad format: it says no moment");
    check(&["apache", "--fields", "a,b,a"], "`a` stands twice");
    check(&["apache", "--fields", "host", "--cast", "bytes=int"], "not among the --fields");
    check(&["apache", "--grep", "("], "--grep: ");
    check(&["apache", "--names", "a"], "`apache` has no --names");
    check(&["json", "--null", "NA"], "`json` has no --null");
    check(&["json", "--no-header"], "`json` has no --no-header");
    check(&["tsv", "--delimiter", ";"], "`tsv` has no --delimiter");
    check(&["csv", "--delimiter", "::"], "--delimiter: `::` is not one character");
    check(&["csv", "--comment", ""], "--comment: ");
    check(&["apache", "--replay", "--to", "unix:s"], "--replay: standard input");
    check(&["apache", "--replay", "--to", "unix:s", "-"], "--replay: standard input");
    check(&["apache", "--replay", "--to", "unix:s", "log", "-F"], "--replay: what is followed");
    check(&["apache", "--replay", "log"], "--replay: only a consumer at a socket");
    check(&["apache", "--replay", "log", "--to", "log.rec"], "--replay: only a consumer at a socket");
    check(&["apache", "--replay", "log", "--to", "exec:consumer count"], "--replay: a child");
    check(&["apache", "--replay", "log", "--to", "unix:a", "--to", "unix:b"], "--replay: with several");
    check(&["apache", "--replay", "log", "--listen", "unix:a", "--listen", "unix:a"], "--replay: with several");
    check(&["apache", "--replay", "log", "--to", "unix:a", "--as", "json"], "--replay: only a `consumer`");
    check(&["range", "1"], "`range` needs A and B: producer range A B [STEP]");
    check(&["range", "1", "2", "3", "4"], "`range` reads nothing, and 4 is one too many");
    check(&["count", "3", "-F"], "--follow: ");
    check(&["regex"], "`regex` needs PATTERN: producer regex PATTERN [--null WORD] [PATH…]");
}

#[test]
fn defaults_and_what_overrides_them() {
    let plain = config(&["apache"]).unwrap();
    assert!(matches!(plain.to, To::Stdout));
    assert_eq!((plain.show, plain.options.limit), (Show::Auto, Limit::Default));
    assert!(plain.options.threads >= 1);
    let formatted = config(&["apache", "--cast", "a=time:%d, %b, %Y,b=int", "--cast", "c=str"]).unwrap();
    let casts = [("a", Type::Time), ("b", Type::Int), ("c", Type::Text)].map(|(name, kind)| (name.to_owned(), kind));
    assert_eq!(formatted.options.shape.casts, casts);
    assert_eq!(formatted.options.shape.dating.patterns[0].1.as_str(), "%d, %b, %Y");
    let quiet = config(&["apache", "-q", "--progress", "--strict", "-j", "3", "--to", "x.rec"]).unwrap();
    assert!(matches!(quiet.to, To::File(path) if path.as_os_str() == "x.rec"));
    assert_eq!((quiet.show, quiet.options.limit), (Show::Never, Limit::Strict));
    assert_eq!(quiet.options.threads, 3);
}
