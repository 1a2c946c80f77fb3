//! What commands print: standard output, tables of 80 columns, colour where somebody sees it.

mod bar_terminal;
mod bars;
mod nearest;
mod number;
mod output;
mod patient;
mod screen;
mod style;
mod table;
mod wrap;

pub use bars::{AboveBars, Bars};
pub use nearest::nearest;
pub use number::{bytes, grouped, ratio, short, span, time};
pub use output::{Closed, Output, Stalled};
pub use patient::write_patiently;
pub use screen::Screen;
pub use style::{Style, Styles, is_watched};
pub use table::{Align, Table, line_width};
pub use wrap::wrapped;
