//! Text as HTML.

use std::fmt::Write;

/// HTML that is being written.
#[derive(Default)]
pub(super) struct Html(String);

impl Html {
    /// Adds what is HTML already.
    pub fn raw(&mut self, html: &str) -> &mut Self {
        self.0.push_str(html);
        self
    }

    /// Adds text, or the value of an attribute between double quotes.
    pub fn text(&mut self, text: &str) -> &mut Self {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                '\n' | '\t' => self.0.push(character),
                c if c.is_control() => self.0.push('\u{fffd}'),
                c => self.0.push(c),
            }
        }
        self
    }

    /// Adds a number.
    pub fn number(&mut self, number: impl std::fmt::Display) -> &mut Self {
        // A string takes whatever is written.
        let _ = write!(self.0, "{number}");
        self
    }

    /// Adds an element with this text.
    pub fn element(&mut self, name: &str, text: &str) -> &mut Self {
        self.raw("<").raw(name).raw(">").text(text);
        let name = name.split(' ').next().unwrap_or_default();
        self.raw("</").raw(name).raw(">")
    }

    /// Adds a name and what it has.
    pub fn fact(&mut self, name: &str, value: &str) -> &mut Self {
        self.raw("<div>").element("dt", name).element("dd", value);
        self.raw("</div>")
    }

    pub fn finish(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_anything_but_text() {
        let mut html = Html::default();
        html.text("<script>alert(\"x\" & 'y')</script>\u{1b}[2J");
        assert_eq!(
            html.finish(),
            "&lt;script&gt;alert(&quot;x&quot; &amp; &#39;y&#39;)&lt;/script&gt;\u{fffd}[2J"
        );
    }
}
