//! `--on HOSTS`: the same command without this, run on other hosts.
//!
//! A `consumer` takes the place of this process: it knows how to read many streams, and passes on what they bring, with who sent it. What
//! the query behind the pipe does without is not known to the hosts: `consumer --hosts` tells them.

use std::ffi::OsString;

use recpipe::transport::exec;

use crate::cli::Cli;

/// What names the records that come, and passes them on.
const QUERY: &str = "let sender = sender | emit";

/// The options that are for here, and whether each has a value.
const HERE: [(&str, bool); 4] = [("--on", true), ("--ssh", true), ("--no-install", false), ("--at-least", true)];

/// Becomes what reads these hosts; why that cannot be, if it returns. `args` are what was typed, with the name of the program.
pub(crate) fn run(hosts: &str, cli: &Cli, args: &[OsString]) -> String {
    let command = match command(args) {
        Ok(command) => command,
        Err(mistake) => return mistake,
    };
    let mut words = vec![format!("--hosts={hosts}"), format!("--run={command}")];
    words.extend(cli.ssh.iter().map(|ssh| format!("--ssh={ssh}")));
    words.extend(cli.no_install.then(|| "--no-install".to_owned()));
    words.extend(cli.at_least.iter().map(|least| format!("--at-least={least}")));
    words.extend(cli.quiet.then(|| "--quiet".to_owned()));
    words.extend([format!("--connect-timeout={}s", cli.connect_timeout.as_secs().max(1)), QUERY.to_owned()]);
    exec::become_beside("consumer", &words).to_string()
}

/// What a shell over there is told to run.
fn command(args: &[OsString]) -> Result<String, String> {
    let mut words = vec!["producer"];
    let (mut args, mut is_option) = (args.iter().skip(1), true);
    while let Some(arg) = args.next() {
        let arg = arg.to_str().ok_or_else(|| format!("--on: {arg:?} is no UTF-8, which a command for another host has to be"))?;
        is_option &= arg != "--";
        let name = arg.split_once('=').map_or(arg, |(name, _)| name);
        match HERE.iter().find(|(option, _)| is_option && *option == name) {
            Some((_, true)) if name == arg => drop(args.next()),
            Some(_) => {}
            None => words.push(arg),
        }
    }
    shlex::try_join(words).map_err(|_| "--on: an argument has a NUL in it, which no command can have".to_owned())
}

#[cfg(test)]
mod tests {
    use super::command;

    #[test]
    fn what_is_for_here_does_not_go_there() {
        let there = |args: &[&str]| command(&args.iter().map(Into::into).collect::<Vec<_>>());
        let check = |args: &[&str], there_is: &str| assert_eq!(there(args).as_deref(), Ok(there_is), "{args:?}");
        check(&["producer", "apache", "log", "--on", "a,b"], "producer apache log");
        check(
            &["producer", "--on=a", "apache", "--ssh", "ssh -x", "--no-install", "--at-least=2", "-q", "/var/log/a b"],
            "producer apache -q '/var/log/a b'",
        );
        check(&["/usr/bin/producer", "lines", "--on", "a", "--", "--on", "$(x)"], "producer lines -- --on '$(x)'");
        assert!(there(&["producer", "a\0b"]).is_err());
    }
}
