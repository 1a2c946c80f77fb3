//! What a text means that is compared or reckoned with a number: the number that the text is, and null if it is none.
//!
//! One text in a field of numbers makes the field one of texts. The engine by itself would read each of them as a whole number,
//! and end the query at the first that is none.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::{Between, InList};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{BinaryExpr, Expr, ExprSchemable, LogicalPlan, Operator, try_cast};
use datafusion::optimizer::AnalyzerRule;
use datafusion::sql::sqlparser::ast::BinaryOperator;

/// Reads texts as numbers where numbers are meant.
#[derive(Debug)]
pub struct TextsAsNumbers;

impl AnalyzerRule for TextsAsNumbers {
    fn name(&self) -> &str {
        "texts_as_numbers"
    }

    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        let read = plan.transform_up_with_subqueries(|plan| {
            let schema = merge_schema(&plan.inputs());
            let names = NamePreserver::new(&plan);
            let read = plan.map_expressions(|expr| {
                let name = names.save(&expr);
                let read = expr.transform_up(|expr| as_numbers(expr, &schema))?;
                Ok(read.update_data(|expr| name.restore(expr)))
            })?;
            match read.transformed {
                true => read.map_data(LogicalPlan::recompute_schema),
                false => Ok(read),
            }
        });
        Ok(read?.data)
    }
}

impl ExprPlanner for TextsAsNumbers {
    /// Sums and products of texts aren't even planned.
    fn plan_binary_op(
        &self,
        expr: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let RawBinaryExpr { op, left, right } = expr;
        let reckons = matches!(
            op,
            BinaryOperator::Plus
                | BinaryOperator::Minus
                | BinaryOperator::Multiply
                | BinaryOperator::Divide
                | BinaryOperator::Modulo
        );
        let (left, right) = match reckons {
            true => both(left, right, schema).data,
            false => (left, right),
        };
        Ok(PlannerResult::Original(RawBinaryExpr { op, left, right }))
    }
}

/// Both sides, of which one may be a text and the other a number.
fn both(left: Expr, right: Expr, schema: &DFSchema) -> Transformed<(Expr, Expr)> {
    let is = |text: &Expr, other: &Expr| is_text(text, schema) && is_number(other, schema);
    if is(&left, &right) {
        Transformed::yes((number(left), right))
    } else if is(&right, &left) {
        Transformed::yes((left, number(right)))
    } else {
        Transformed::no((left, right))
    }
}

fn as_numbers(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let is_text = |expr: &Expr| is_text(expr, schema);
    let is_number = |expr: &Expr| is_number(expr, schema);
    Ok(match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if compares(op) => {
            both(*left, *right, schema).map_data(|(left, right)| {
                let (left, right) = (Box::new(left), Box::new(right));
                Ok(Expr::BinaryExpr(BinaryExpr { left, op, right }))
            })?
        }
        Expr::Between(between)
            if is_text(&between.expr) && (is_number(&between.low) || is_number(&between.high)) =>
        {
            let expr = Box::new(number(*between.expr));
            Transformed::yes(Expr::Between(Between { expr, ..between }))
        }
        Expr::InList(among) if is_text(&among.expr) && among.list.iter().any(is_number) => {
            let expr = Box::new(number(*among.expr));
            Transformed::yes(Expr::InList(InList { expr, ..among }))
        }
        other => Transformed::no(other),
    })
}

fn number(expr: Expr) -> Expr {
    try_cast(expr, DataType::Float64)
}

fn compares(op: Operator) -> bool {
    matches!(
        op,
        Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
            | Operator::IsDistinctFrom
            | Operator::IsNotDistinctFrom
    )
}

/// A text that a record has. One that somebody typed is theirs to write as a number.
fn is_text(expr: &Expr, schema: &DFSchema) -> bool {
    let of = expr.get_type(schema);
    let is_text = matches!(
        of,
        Ok(DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
    );
    is_text && !matches!(expr, Expr::Literal(..))
}

fn is_number(expr: &Expr, schema: &DFSchema) -> bool {
    expr.get_type(schema).is_ok_and(|of| of.is_numeric())
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::AsArray;
    use datafusion::arrow::datatypes::Int64Type;

    use crate::engine::{Engine, Settings, runtime};

    const TEXTS: &str = "(VALUES ('1.6'), ('slow'), (NULL), ('3'), ('-2')) AS records (v)";

    fn engine() -> Engine {
        let memory_bytes = 64 << 20;
        let settings = Settings {
            memory_bytes,
            skips_damaged: false,
            declared: Vec::new(),
            samples_all: false,
        };
        Engine::sharing(runtime(memory_bytes).expect("a runtime"), settings)
    }

    async fn numbers(query: &str) -> Vec<i64> {
        let frame = engine().session.sql(query).await.expect(query);
        let batches = frame.collect().await.expect(query);
        let columns = batches.iter().flat_map(|batch| batch.columns().to_vec());
        let numbers = columns.map(|column| column.as_primitive::<Int64Type>().value(0));
        numbers.collect()
    }

    #[tokio::test]
    async fn a_text_is_the_number_that_it_is_and_null_if_it_is_none() {
        for (condition, holds, holds_not) in [
            ("v < 2", 2, 1),
            ("2 > v", 2, 1),
            ("v = 3", 1, 2),
            ("v + 1 > 2.5", 2, 1),
            ("v % 2 = 0", 1, 2),
            ("v BETWEEN 1 AND 3", 2, 1),
            ("v IN (3, 4)", 1, 2),
            // Between texts, nothing changes.
            ("v = 'slow'", 1, 3),
            ("v IN ('3', '4')", 1, 3),
        ] {
            let query = format!(
                "SELECT count(*) FILTER (WHERE {condition}), count(*) FILTER (WHERE NOT ({condition})) FROM {TEXTS}"
            );
            assert_eq!(numbers(&query).await, [holds, holds_not], "{condition}");
            let query = format!("SELECT count(*) FROM {TEXTS} WHERE {condition}");
            assert_eq!(numbers(&query).await, [holds], "{condition}");
        }
    }

    #[tokio::test]
    async fn a_column_keeps_its_name() {
        let query = format!("SELECT v < 2 AS low, v < 2 FROM {TEXTS}");
        let frame = engine().session.sql(&query).await.expect("is planned");
        let batches = frame.collect().await.expect("is answered");
        let schema = batches[0].schema();
        let names = schema.fields().iter().map(|field| field.name().as_str());
        assert_eq!(names.collect::<Vec<_>>(), ["low", "records.v < Int64(2)"]);
    }
}
