//! A filter as it was typed, and what it means on each engine.
//!
//! Engines divide differently: 7 / 2 is 3 here and 3.5 there, and by 0 it is nothing, infinite or an error. A filter means
//! the same on each: the quotient of two numbers, and null where there is none, so that a record with `request_count = 0`
//! is neither in nor out, and ends nothing. So it is with a remainder (`%`), and with a text that is no number.

use std::ops::ControlFlow;

use archiver::cli::{UsageError, usage};
use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, VisitMut, VisitorMut};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

/// The condition, with divisions that mean the same everywhere.
///
/// # Errors
///
/// If it is no condition: one expression, and nothing behind it.
pub fn condition(typed: &str) -> Result<String, UsageError> {
    let refused = |e: ParserError| usage(&format!("reading the filter {typed}: {e}"));
    let mut condition = expression(typed).map_err(refused)?;
    let mut divisions = Divisions { are_there: false };
    match condition.visit(&mut divisions) {
        ControlFlow::Break(error) => Err(refused(error)),
        ControlFlow::Continue(()) if divisions.are_there => Ok(condition.to_string()),
        // What isn't changed stays as it was typed, so that an error shows it like that.
        ControlFlow::Continue(()) => Ok(typed.to_owned()),
    }
}

/// One expression, and nothing behind it.
fn expression(text: &str) -> Result<Expr, ParserError> {
    let mut parser = Parser::new(&GenericDialect {}).try_with_sql(text)?;
    let found = parser.parse_expr()?;
    let rest = parser.peek_token();
    match rest.token {
        Token::EOF => Ok(found),
        _ => parser.expected("the end of the condition", rest),
    }
}

struct Divisions {
    are_there: bool,
}

impl VisitorMut for Divisions {
    type Break = ParserError;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<ParserError> {
        let Expr::BinaryOp { left, op, right } = expr else {
            return ControlFlow::Continue(());
        };
        let defined = match op {
            BinaryOperator::Divide => {
                format!("(TRY_CAST({left} AS DOUBLE) / nullif(TRY_CAST({right} AS DOUBLE), 0))")
            }
            // Of whole numbers, it is one.
            BinaryOperator::Modulo => format!("({left} % nullif({right}, 0))"),
            _ => return ControlFlow::Continue(()),
        };
        self.are_there = true;
        match expression(&defined) {
            Ok(defined) => *expr = defined,
            Err(error) => return ControlFlow::Break(error),
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quotient_is_of_numbers_and_null_where_there_is_none() {
        let said = condition("fail_count / request_count < 0.2").expect("a condition");
        assert_eq!(
            said,
            "(TRY_CAST(fail_count AS DOUBLE) / nullif(TRY_CAST(request_count AS DOUBLE), 0)) < 0.2"
        );
        let nested = condition("1 / (a / 2) > 0").expect("a condition");
        assert_eq!(nested.matches("nullif").count(), 2, "{nested}");
        let remainder = condition("n % (m + 1) = 0").expect("a condition");
        assert_eq!(remainder, "(n % nullif((m + 1), 0)) = 0");
    }

    #[test]
    fn what_has_no_division_stays_as_it_was_typed() {
        let typed = "a >=  1 AND \"b.c\" ILIKE 'x%'";
        assert_eq!(condition(typed).expect("a condition"), typed);
    }

    #[test]
    fn what_is_more_than_a_condition_is_refused() {
        for typed in [
            "",
            "a = 1) OR (1 = 1",
            "a = 1; DROP TABLE x",
            "a = 1 ORDER BY a",
            "a = 'x",
        ] {
            condition(typed).expect_err(typed);
        }
    }
}
