//! Templates in the configuration of a server: `log_format NAME '…' '…';` of nginx, `LogFormat "…" NAME` of Apache.

/// The template of this name in a configuration, or the only one that it has.
///
/// # Errors
/// There is none, or there are several; with their names.
pub fn named(configuration: &str, name: Option<&str>) -> Result<String, String> {
    let mut formats = of_nginx(configuration);
    formats.extend(of_httpd(configuration));
    let names = || formats.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
    match (name, &formats[..]) {
        (_, []) => Err("it has neither a log_format of nginx nor a LogFormat of Apache".to_owned()),
        (None, [(_, format)]) => Ok(format.clone()),
        (None, _) => Err(format!("it has several formats: {}; name one after a colon, as in @FILE:{}", names(), formats[0].0)),
        (Some(name), _) => match formats.iter().find(|(known, _)| known == name) {
            Some((_, format)) => Ok(format.clone()),
            None => Err(format!("it has no format `{name}`; it has {}", names())),
        },
    }
}

/// The words of a configuration of nginx: without comments and quotes, `;` a word of its own.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut chars) = (Vec::new(), text.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => {}
            '#' => while chars.next().is_some_and(|c| c != '\n') {},
            ';' | '{' | '}' => words.push(c.to_string()),
            quote @ ('\'' | '"') => {
                let mut word = String::new();
                while let Some(c) = chars.next() {
                    match c {
                        '\\' => match chars.next() {
                            Some('t') => word.push('\t'),
                            Some('n') => word.push('\n'),
                            Some('r') => word.push('\r'),
                            Some(c @ ('\'' | '"' | '\\')) => word.push(c),
                            Some(other) => word.extend(['\\', other]),
                            None => word.push('\\'),
                        },
                        c if c == quote => break,
                        c => word.push(c),
                    }
                }
                words.push(word);
            }
            first => {
                let mut word = String::from(first);
                while let Some(c) = chars.next_if(|c| !c.is_whitespace() && !matches!(c, ';' | '{' | '}')) {
                    word.push(c);
                    // A variable in braces belongs to the word.
                    if c == '$' && chars.next_if_eq(&'{').is_some() {
                        word.push('{');
                        for c in chars.by_ref() {
                            word.push(c);
                            if c == '}' {
                                break;
                            }
                        }
                    }
                }
                words.push(word);
            }
        }
    }
    words
}

fn of_nginx(text: &str) -> Vec<(String, String)> {
    let words = words(text);
    let mut formats = Vec::new();
    for (at, _) in words.iter().enumerate().filter(|(_, word)| *word == "log_format") {
        let is_statement = at == 0 || matches!(words[at - 1].as_str(), ";" | "{" | "}");
        let mut rest = words[at + 1..].iter().take_while(|word| *word != ";");
        if let Some(name) = rest.next().filter(|_| is_statement) {
            formats.push((name.clone(), rest.filter(|word| !word.starts_with("escape=")).cloned().collect()));
        }
    }
    formats
}

fn of_httpd(text: &str) -> Vec<(String, String)> {
    let joined = text.replace("\\\r\n", " ").replace("\\\n", " ");
    let format = |line: &str| {
        let rest = line.trim_start();
        let (word, rest) = rest.split_at_checked("LogFormat".len())?;
        let rest = rest.trim_start();
        if !word.eq_ignore_ascii_case("LogFormat") {
            return None;
        }
        let inner = rest.strip_prefix('"')?;
        let (mut end, mut is_escaped) = (None, false);
        for (at, c) in inner.char_indices() {
            match c {
                '"' if !is_escaped => {
                    end = Some(at);
                    break;
                }
                _ => is_escaped = c == '\\' && !is_escaped,
            }
        }
        let end = end?;
        let name = inner[end + 1..].split_whitespace().next().unwrap_or("-");
        Some((name.trim_matches('"').to_owned(), inner[..end].to_owned()))
    };
    joined.lines().filter_map(format).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_of_nginx() {
        let text = "# log_format no '$x';\nhttp { log_format main escape=json '$remote_addr \"$request\" '\n \"$status ${a}b\"; log_format\nb $uri;}";
        assert_eq!(named(text, Some("main")).unwrap(), "$remote_addr \"$request\" $status ${a}b");
        assert_eq!(named(text, Some("b")).unwrap(), "$uri");
        assert!(named(text, None).unwrap_err().contains("main, b; name one after a colon, as in @FILE:main"));
        assert!(named(text, Some("c")).unwrap_err().contains("it has main, b"));
        assert!(named("access_log off;", None).is_err());
    }

    #[test]
    fn formats_of_httpd() {
        let text = "#LogFormat \"%h\" no\n  logformat \"%h \\\"%r\\\" \\\n%b\" slow\nCustomLog x slow\n";
        assert_eq!(named(text, None).unwrap(), "%h \\\"%r\\\"  %b");
        assert_eq!(named(text, Some("slow")).unwrap(), named(text, None).unwrap());
    }
}
