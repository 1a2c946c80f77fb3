//! How long functions are.

use super::source::{Source, sources};

const LINES_MOST: usize = 80;

/// Functions that are longer, by where they begin. What `rustfmt` has formatted ends by a brace below where it began.
fn long(source: &Source) -> Vec<String> {
    let lines = source.code().map(|(_, line)| line).collect::<Vec<_>>();
    let mut long = Vec::new();
    for (begin, line) in lines.iter().enumerate() {
        if !is_function(line) {
            continue;
        }
        let indent = &line[..line.len() - line.trim_start().len()];
        let brace = format!("{indent}}}");
        let mut has_body = false;
        let end = lines[begin..].iter().position(|line| {
            has_body |= line.ends_with('{');
            *line == brace || (!has_body && (line.ends_with(';') || line.ends_with('}')))
        });
        let length = end.map_or(lines.len() - begin, |end| end + 1);
        if length > LINES_MOST {
            let place = format!("{}:{}", source.path, begin + 1);
            long.push(format!("{place}: {length} lines: {}", line.trim()));
        }
    }
    long
}

fn is_function(line: &str) -> bool {
    let words = line.split_whitespace();
    let mut words = words.skip_while(|word| {
        word.starts_with("pub")
            || word.starts_with("crate::")
            || ["const", "async", "unsafe", "extern", "\"C\""].contains(word)
    });
    words.next() == Some("fn")
}

#[test]
fn no_function_is_longer_than_80_lines() {
    let long = sources().iter().flat_map(long).collect::<Vec<_>>();
    assert!(long.is_empty(), "too long:\n{}", long.join("\n"));
}

#[test]
fn a_function_that_is_too_long_is_found_with_its_line() {
    let body = "        work();\n".repeat(79);
    let text = format!(
        "impl Work {{\n    fn name(&self);\n\n    pub(in crate::world) async fn run(\n        &self,\n    ) {{\n{body}    }}\n\n    fn end() {{}}\n}}\n"
    );
    let found = long(&Source::new("src/world/work.rs", &text));
    assert_eq!(
        found,
        ["src/world/work.rs:4: 83 lines: pub(in crate::world) async fn run("]
    );
    let shorter = text.replacen("        work();\n", "", 3);
    assert!(long(&Source::new("src/world/work.rs", &shorter)).is_empty());
}
