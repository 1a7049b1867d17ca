//! The `producer` program: what is typed goes in, an exit code comes out.

use std::process::ExitCode;

use recpipe::Exit;
use recpipe_producer::{cli::Cli, config::Config, output::interop::Encoding, produce, refusal};

fn main() -> ExitCode {
    let cli = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(message) => {
            // Help to stdout, mistakes to stderr; whoever closed them does not want to know.
            let _ = message.print();
            if message.use_stderr() && refusal::may_be_read(std::env::args_os()) {
                let line = message.to_string().lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
                refusal::tell(Exit::Usage, line);
            }
            return u8::try_from(message.exit_code()).unwrap_or(Exit::Usage.code()).into();
        }
    };
    if cli.format == "help" {
        let text = match cli.paths.first().map(|word| word.to_string_lossy()).as_deref() {
            Some("formats") => recpipe_producer::help::formats(),
            Some(word) => match recpipe_producer::help::format(word) {
                Ok(text) => text,
                Err(mistake) => {
                    recpipe::say!("producer: {mistake}");
                    return Exit::Usage.into();
                }
            },
            None => recpipe_producer::cli::command().render_help().to_string(),
        };
        // Whoever closed it does not want to know.
        let _ = std::io::Write::write_all(&mut std::io::stdout().lock(), text.as_bytes());
        return Exit::Done.into();
    }
    let may_be_read = cli.encoding == Encoding::Records && refusal::may_be_read(std::env::args_os());
    match Config::new(cli) {
        Ok(config) => produce(config).into(),
        Err(mistake) => refusal::refuse(Exit::Usage, mistake.to_string(), may_be_read).into(),
    }
}
