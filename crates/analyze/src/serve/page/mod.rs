//! The page: one document, which asks for nothing but the API. All that is shown of archives comes from there, as text.
//!
//! `page.html` is what stands in it, `page.css` how it looks, beside what any page with charts has. Of the script,
//! `question.js` is the way from the address to what is asked, `tables.js` makes tables, `page.js` does the rest.
//! [`POLICY`] names script and style by their digests, so that nothing else runs.

use std::sync::LazyLock;

use anyhow::Context;
use hyper::body::Bytes;
use serde_json::json;

use super::analyses::Analyses;
use super::limits::Limits;
use super::models::Models;
use crate::plot::chart::{hashed, script, style};

const BODY: &str = include_str!("page.html");
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' \
                    height='16' rx='3' fill='%231f6fb2'/%3E%3Cpath d='M2 11l4-4 3 2 5-6' stroke='white' stroke-width='2' \
                    fill='none'/%3E%3C/svg%3E";

static SCRIPT: LazyLock<String> = LazyLock::new(|| {
    let own = [
        include_str!("question.js"),
        include_str!("tables.js"),
        include_str!("page.js"),
    ];
    script(&own.concat())
});
static STYLE: LazyLock<String> = LazyLock::new(|| style(include_str!("page.css")));

/// What the page may load and run: its own script and style, and what it asks for here.
pub static POLICY: LazyLock<String> = LazyLock::new(|| {
    format!(
        "default-src 'none'; script-src '{}'; style-src '{}'; connect-src 'self'; img-src data:; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
        hashed(&SCRIPT),
        hashed(&STYLE)
    )
});

/// The page, which is the same for everybody.
pub struct Page(Bytes);

impl Page {
    /// For what may be asked here.
    ///
    /// # Errors
    ///
    /// If that can't be written as JSON.
    pub fn new(limits: &Limits, analyses: &Analyses, models: &Models) -> anyhow::Result<Self> {
        let settings = json!({
            "allowsSql": limits.allows_sql,
            "hasAnalyses": analyses.0.is_some(),
            "hasModels": models.0.is_some(),
            "rows": limits.rows,
        });
        let settings = serde_json::to_string(&settings).context("writing the page")?;
        let (script, style) = (&*SCRIPT, &*STYLE);
        Ok(Self(Bytes::from(format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>archiver-analyze</title>\n\
             <link rel=\"icon\" href=\"{ICON}\">\n<style>{style}</style>\n</head>\n<body>\n{BODY}\
             <script type=\"application/json\" id=\"settings\">{settings}</script>\n\
             <script>{script}</script>\n</body>\n</html>\n"
        ))))
    }

    /// It, as HTML.
    pub fn html(&self) -> Bytes {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_the_script_or_the_style_before_their_end() {
        for text in [&SCRIPT, &STYLE] {
            assert!(!text.contains("</") && !text.contains("<!--"));
        }
    }

    #[test]
    fn nothing_is_asked_for_elsewhere_and_nothing_runs_but_the_script() {
        for word in [
            " src=", "<link", "@import", "url(", " style=", " onclick", " onload", "http:",
        ] {
            assert!(!BODY.contains(word), "{word}");
        }
        assert!(!POLICY.contains("unsafe"));
        // Its licence asks for that.
        assert!(SCRIPT.contains("The MIT License (MIT)") && SCRIPT.contains("Leon Sorokin"));
    }
}
