//! Sentences in lines.

use unicode_width::UnicodeWidthStr;

/// The text in lines of this width, broken between words; a word that is longer has a line of its own. What can't be shown
/// is left out. No lines of no text.
pub fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::<String>::new();
    for word in text.split_whitespace() {
        let word = word.replace(char::is_control, "\u{fffd}");
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= width => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words() {
        let text = "a broker\nat localhost:9092/with-a-long-name ✗ \u{1b}[2J";
        assert_eq!(
            wrapped(text, 12),
            [
                "a broker at",
                "localhost:9092/with-a-long-name",
                "✗ \u{fffd}[2J"
            ]
        );
        assert!(wrapped(" ", 12).is_empty());
    }
}
