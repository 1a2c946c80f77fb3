//! What engines say differently of the same thing. Whatever they say, they must mean the same: to a record with the same
//! time, the same window; to the same values, the same measures.

use std::fmt;

use super::Written;

/// The SQL of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Dialect {
    /// Apache DataFusion, which is built in.
    #[value(name = "datafusion")]
    DataFusion,
    /// DuckDB. Its session must be in UTC.
    #[value(name = "duckdb")]
    DuckDb,
    /// Apache Spark. Its session must be in UTC, tell apart what is written in capitals, and take names in double quotes.
    Spark,
    /// Apache Flink, over tables that end. Its session must be in UTC.
    Flink,
    /// Apache Flink, over what comes. Its session must be in UTC.
    FlinkLive,
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DataFusion => "DataFusion",
            Self::DuckDb => "DuckDB",
            Self::Spark => "Spark",
            Self::Flink => "Flink",
            Self::FlinkLive => "Flink, live",
        })
    }
}

/// That a record has a time in `event_ms`.
pub(super) const HAS_TIME: &str = "event_ms IS NOT NULL";

/// RFC 3339, or with a blank and without a zone: what the engines that need to be told which text is a time are told.
const RFC_3339: &str = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})?$";

impl Dialect {
    /// A name as its SQL takes it, whatever stands in it.
    pub fn quoted(self, name: &str) -> String {
        let quote = self.quote();
        let doubled = name.replace(quote, &format!("{quote}{quote}"));
        format!("{quote}{doubled}{quote}")
    }

    fn quote(self) -> char {
        match self {
            Self::DataFusion | Self::DuckDb => '"',
            Self::Spark | Self::Flink | Self::FlinkLive => '`',
        }
    }

    /// A condition as it was typed, with names and texts in quotes as its SQL takes them.
    pub fn condition(self, typed: &str) -> String {
        let mut said = String::new();
        let mut rest = typed;
        while let Some(at) = rest.find(['\'', '"']) {
            let (before, from) = rest.split_at(at);
            let quote = if from.starts_with('"') { '"' } else { '\'' };
            let inside = &from[1..];
            let Some(end) = inside.find(quote) else { break };
            let mut name = inside[..end].to_owned();
            let mut behind = &inside[end + 1..];
            // A quote that is doubled stands for itself.
            while let Some(more) = behind.strip_prefix(quote) {
                let Some(end) = more.find(quote) else { break };
                name.push(quote);
                name += &more[..end];
                behind = &more[end + 1..];
            }
            said += before;
            match quote {
                '"' => said += &self.quoted(&name),
                _ => said += &self.text(&name),
            }
            rest = behind;
        }
        said + rest
    }

    /// Milliseconds since 1970 of a column, null where it says no time.
    pub fn milliseconds(self, column: &str, written: Written) -> String {
        match written {
            Written::Timestamp => self.of_timestamp(column),
            Written::Number => of_number(column),
            Written::Integer => self.of_integer(column),
            Written::Text => self.of_text(column),
        }
    }

    /// A time as it stands in a subquery as `event_ms`, and the condition that it is one. The built-in engine counts those that
    /// are none.
    pub fn counted_time(self, time: String) -> (String, &'static str) {
        match self {
            Self::DataFusion => (format!("apart({time})"), "has_time(event_ms)"),
            Self::DuckDb | Self::Spark | Self::Flink | Self::FlinkLive => (time, HAS_TIME),
        }
    }

    fn of_timestamp(self, column: &str) -> String {
        match self {
            Self::DataFusion => format!("CAST({column} AS BIGINT)"),
            Self::DuckDb => duckdb_ms(column),
            Self::Spark => format!("unix_millis({column})"),
            Self::Flink | Self::FlinkLive => format!(
                "(EXTRACT(EPOCH FROM {column}) * 1000 + EXTRACT(MILLISECOND FROM {column}))"
            ),
        }
    }

    fn of_text(self, column: &str) -> String {
        match self {
            Self::DataFusion => format!(
                "CAST(arrow_try_cast({column}, 'Timestamp(Millisecond, Some(\"+00:00\"))') AS BIGINT)"
            ),
            Self::DuckDb => format!(
                "CASE WHEN regexp_matches({column}, '{RFC_3339}') THEN {} END",
                duckdb_ms(&format!("TRY_CAST(upper({column}) AS TIMESTAMPTZ)"))
            ),
            Self::Spark => format!(
                "CASE WHEN {column} RLIKE '{RFC_3339}' \
                 THEN unix_millis(try_cast(upper({column}) AS TIMESTAMP)) END"
            ),
            Self::Flink | Self::FlinkLive => of_text_in_flink(column),
        }
    }

    /// As [`of_number`], without a fraction, and with all digits.
    fn of_integer(self, column: &str) -> String {
        let floor = |by: i64| {
            let rest = format!("((({column} % {by}) + {by}) % {by})");
            self.quotient(&format!("{column} - {rest}"), by)
        };
        let below = |most: i64| format!("{column} > -{most} AND {column} < {most}");
        format!(
            "CASE WHEN {} THEN {column} * 1000 WHEN {} THEN {column} WHEN {} THEN {} ELSE {} END",
            below(100_000_000_000),
            below(100_000_000_000_000),
            below(100_000_000_000_000_000),
            floor(1_000),
            floor(1_000_000),
        )
    }

    /// A text.
    pub fn text(self, text: &str) -> String {
        let text = match self {
            Self::Spark => text.replace('\\', "\\\\"),
            _ => text.to_owned(),
        };
        format!("'{}'", text.replace('\'', "''"))
    }

    /// A whole number by another one that isn't negative, rounded towards zero.
    pub fn quotient(self, number: &str, by: i64) -> String {
        match self {
            Self::DataFusion | Self::Flink | Self::FlinkLive => format!("(({number}) / {by})"),
            Self::DuckDb => format!("(({number}) // {by})"),
            Self::Spark => format!("(({number}) DIV {by})"),
        }
    }

    /// The sum of whole numbers; null where it has more than 64 bits. Most engines begin anew at the least number then, and
    /// say nothing. How large it is follows from the mean: DataFusion takes the sum of another type for the same column.
    pub fn whole_sum(self, value: &str) -> String {
        match self {
            Self::Spark => format!("try_sum({value})"),
            Self::DataFusion | Self::DuckDb | Self::Flink | Self::FlinkLive => format!(
                "CASE WHEN abs(avg(CAST({value} AS DOUBLE))) * count({value}) < 9223372036854770000 THEN sum({value}) END"
            ),
        }
    }

    /// A row for each whole number from one column's to before another's, so far apart; `None` where the engine can't.
    pub fn starts(self, from: &str, to: &str, step: i64) -> Option<String> {
        match self {
            Self::DataFusion | Self::DuckDb => Some(format!("unnest(range({from}, {to}, {step}))")),
            Self::Spark => Some(format!("explode(sequence({from}, {to} - {step}, {step}))")),
            Self::Flink | Self::FlinkLive => None,
        }
    }

    /// The mean of a column over a window of rows that moves on, and its sample standard deviation.
    pub fn rolling(self, value: &str) -> [String; 2] {
        match self {
            Self::DataFusion => ["rolling_mean", "rolling_stddev"],
            Self::DuckDb | Self::Spark | Self::Flink | Self::FlinkLive => ["avg", "stddev_samp"],
        }
        .map(|aggregate| format!("{aggregate}({value})"))
    }

    /// The sum of the squares of how far values are from their mean is what `stddev` of this engine can't be trusted with:
    /// the mean must be known before.
    pub fn needs_means(self) -> bool {
        self == Self::Flink
    }

    /// An exact percentile of a column, between two values where it lies there; neither null nor NaN counts.
    pub fn percentile(self, value: &str, percent: u8) -> String {
        let fraction = f64::from(percent) / 100.0;
        let value = format!("CAST({value} AS DOUBLE)");
        match self {
            Self::DataFusion => {
                format!("exact_percentile({value}, CAST({fraction} AS DOUBLE))")
            }
            Self::DuckDb => {
                format!("quantile_cont({value}, {fraction}) FILTER (WHERE NOT isnan({value}))")
            }
            Self::Spark => {
                format!("percentile({value}, {fraction}) FILTER (WHERE NOT isnan({value}))")
            }
            Self::Flink | Self::FlinkLive => {
                format!("PERCENTILE({value}, {fraction}) FILTER (WHERE {value} = {value})")
            }
        }
    }
}

/// DuckDB's own `epoch_ms` takes the nearest millisecond, which may be in the next window.
fn duckdb_ms(time: &str) -> String {
    format!("epoch_ms(date_trunc('milliseconds', {time}))")
}

/// Flink reads no zones: its seconds, its thousandths and the zone are read one by one. It takes the 30th of February for the
/// 2nd of March, so a date counts only where it is the same once it is written again.
fn of_text_in_flink(column: &str) -> String {
    let clock = format!("REPLACE(SUBSTRING(UPPER({column}) FROM 1 FOR 19), 'T', ' ')");
    let seconds = format!("UNIX_TIMESTAMP({clock})");
    let part = |pattern: &str| format!("REGEXP_EXTRACT({column}, '{pattern}', 1)");
    let (fraction, zone) = (part("[.]([0-9]+)"), part(":[0-9.]+([+-].*)$"));
    format!(
        "CASE WHEN REGEXP({column}, '{RFC_3339}') AND FROM_UNIXTIME({seconds}) = {clock} THEN {seconds} * 1000 \
         + CAST(SUBSTRING(CONCAT(COALESCE({fraction}, ''), '000') FROM 1 FOR 3) AS BIGINT) \
         - COALESCE(CAST(CONCAT(SUBSTRING({zone} FROM 1 FOR 1), '1') AS BIGINT) * 60000 \
         * (CAST(SUBSTRING({zone} FROM 2 FOR 2) AS BIGINT) * 60 \
         + CAST(SUBSTRING({zone} FROM 5 FOR 2) AS BIGINT)), 0) END"
    )
}

/// Seconds, milliseconds, microseconds or nanoseconds, by how large it is. All engines do this in floating point of 64 bits,
/// as none agrees with another on what else a fraction is.
fn of_number(column: &str) -> String {
    let number = format!("CAST({column} AS DOUBLE)");
    format!(
        "CASE WHEN abs({number}) < 100000000000 THEN CAST(floor({number} * 1000) AS BIGINT) \
         WHEN abs({number}) < 100000000000000 THEN CAST(floor({number}) AS BIGINT) \
         WHEN abs({number}) < 100000000000000000 THEN CAST(floor({number} / 1000) AS BIGINT) \
         WHEN abs({number}) < 9000000000000000000 THEN CAST(floor({number} / 1000000) AS BIGINT) END"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_t_end_its_own_quotes() {
        assert_eq!(Dialect::DuckDb.quoted("a\"b`"), "\"a\"\"b`\"");
        assert_eq!(Dialect::Spark.quoted("a\"b`"), "`a\"b```");
    }

    #[test]
    fn names_in_a_condition_have_the_quotes_of_the_engine_and_texts_stay_as_they_are() {
        for (typed, flink) in [
            ("status >= 200", "status >= 200"),
            ("\"m.n\" = 'a \"b\" c'", "`m.n` = 'a \"b\" c'"),
            ("\"a\"\"b\" = 'it''s'", "`a\"b` = 'it''s'"),
            ("x = 'open", "x = 'open"),
            (
                "\u{e4} = '\u{1f980}' OR \"\u{e4}\" = ''",
                "\u{e4} = '\u{1f980}' OR `\u{e4}` = ''",
            ),
        ] {
            assert_eq!(Dialect::Flink.condition(typed), flink);
            assert_eq!(Dialect::DuckDb.condition(typed), typed);
        }
        let backslash = Dialect::Spark.condition(r"x = '\n'");
        assert_eq!(backslash, r"x = '\\n'");
    }
}
