//! From the parameters of a request to what is asked: a definition, as flags or a file would say it, and of which records.

use archiver::moment::Moment;
use archiver::terminal::nearest;
use archiver::world::clock::{Clock, RealClock};
use archiver_format::read::Selection;
use clap::ValueEnum;

use super::analyses::Analyses;
use super::catalog::Catalog;
use super::limits::Limits;
use super::parameters::Parameters;
use super::problem::Problem;
use crate::definition::detection::{Detection, Method, parse_sigmas};
use crate::definition::fill::Fill;
use crate::definition::length::Length;
use crate::definition::written::{Definition, WrittenWindow};
use crate::definition::{Aggregate, Analysis, Dialect, Named};

/// What says a definition; `analysis` takes the place of all of these.
pub const DEFINED: [&str; 12] = [
    "source",
    "time",
    "value",
    "by",
    "filter",
    "tumbling",
    "sliding",
    "every",
    "session",
    "offset",
    "aggregates",
    "fill",
];
/// What says how anomalies are found, with a definition.
pub const JUDGED: [&str; 4] = ["method", "sigmas", "history", "period"];

/// What is asked.
#[derive(Debug, Clone)]
pub struct Question {
    /// The archive or file, by its name here.
    pub source: String,
    /// What is measured.
    pub definition: Definition,
    /// Of which records.
    pub selection: Selection,
    /// Of which groups: a field, and a value of it.
    only: Vec<(String, String)>,
}

impl Question {
    /// What these parameters ask.
    ///
    /// # Errors
    ///
    /// If one makes no sense, or isn't allowed.
    pub fn read(
        parameters: &Parameters,
        (analyses, catalog): (&Analyses, &Catalog),
        limits: &Limits,
    ) -> Result<Self, Problem> {
        let (source, definition) = match parameters.text("analysis") {
            Some(name) => of_file(parameters, name, (analyses, catalog))?,
            None => {
                let definition = definition(parameters, limits)?;
                (definition.source.clone(), definition)
            }
        };
        let only = parameters
            .every("only")
            .map(|only| group(only, &definition.by));
        Ok(Self {
            only: only.collect::<Result<_, _>>()?,
            selection: selection(parameters)?,
            source,
            definition,
        })
    }

    /// Leaves only the groups that are asked for.
    pub fn narrow(&self, analysis: &mut Analysis) {
        analysis.filter = of_groups(&self.only, &analysis.by, analysis.filter.take());
    }
}

/// A filter that leaves only these groups. A group is text here, as it is in the answer.
pub fn of_groups(
    only: &[(String, String)],
    by: &[Named],
    filter: Option<String>,
) -> Option<String> {
    let sql = Dialect::DataFusion;
    let mut conditions = Vec::new();
    for field in by {
        let named = only.iter().filter(|(name, _)| *name == field.name);
        let values = named.map(|(_, value)| sql.text(value));
        let values = values.collect::<Vec<_>>().join(", ");
        if !values.is_empty() {
            let column = sql.quoted(&field.column);
            conditions.push(format!("CAST({column} AS VARCHAR) IN ({values})"));
        }
    }
    if conditions.is_empty() {
        return filter;
    }
    conditions.extend(filter.map(|filter| format!("({filter})")));
    Some(conditions.join(" AND "))
}

/// What is asked of a model.
#[derive(Debug, Clone)]
pub struct Prediction {
    /// The archive or file, by its name here.
    pub source: String,
    /// The model's name.
    pub model: String,
    /// Of which records.
    pub selection: Selection,
    /// Only records of which this holds, in SQL.
    pub filter: Option<String>,
    /// Only rows that are anomalous.
    pub only_anomalies: bool,
    only: Vec<String>,
}

impl Prediction {
    /// What these parameters ask.
    ///
    /// # Errors
    ///
    /// If one makes no sense, or isn't allowed.
    pub fn read(parameters: &Parameters, limits: &Limits) -> Result<Self, Problem> {
        let only_anomalies = parameters.read("anomalies")?;
        Ok(Self {
            source: parameters.needed("source")?.to_owned(),
            model: parameters.needed("model")?.to_owned(),
            selection: selection(parameters)?,
            filter: filter(parameters, limits)?,
            only_anomalies: only_anomalies.unwrap_or_default(),
            only: parameters.every("only").map(str::to_owned).collect(),
        })
    }

    /// The groups that are asked for, of a model that tells records apart by these fields.
    ///
    /// # Errors
    ///
    /// If one isn't by such a field.
    pub fn only(&self, by: &[String]) -> Result<Vec<(String, String)>, Problem> {
        self.only.iter().map(|only| group(only, by)).collect()
    }
}

/// The records between `since` and `until`.
///
/// # Errors
///
/// If one of them is no time.
pub fn selection(parameters: &Parameters) -> Result<Selection, Problem> {
    let now_ms = RealClock.now_ms();
    let ms = |name| -> Result<Option<i64>, Problem> {
        let moment = parameters.read::<Moment>(name)?;
        Ok(moment.map(|moment| moment.ms(now_ms)))
    };
    Ok(Selection {
        since_ms: ms("since")?,
        until_ms: ms("until")?,
        ..Selection::default()
    })
}

/// So many rows are asked for.
///
/// # Errors
///
/// If `limit` is no such number, or more than there are at most.
pub fn rows(parameters: &Parameters, limits: &Limits) -> Result<usize, Problem> {
    match parameters.read("limit")? {
        None => Ok(limits.rows),
        Some(limit) if (1..=limits.rows).contains(&limit) => Ok(limit),
        Some(_) => Err(Problem::wrong(format!(
            "limit: not a number from 1 to {}",
            limits.rows
        ))),
    }
}

/// A definition of the file, and its source by its name here.
fn of_file(
    parameters: &Parameters,
    name: &str,
    (analyses, catalog): (&Analyses, &Catalog),
) -> Result<(String, Definition), Problem> {
    let said = [&DEFINED[..], &JUDGED].concat();
    if let Some(said) = parameters.first_of(&said) {
        return Err(Problem::wrong(format!(
            "the analysis says {said} itself; leave out one of both"
        )));
    }
    let definition = analyses.named(name)?;
    let all = catalog.all()?;
    let missing = || {
        Problem::unknown(format!(
            "analysis {name} asks {}, which can't be read here; /api/v1/archives lists what can",
            definition.source
        ))
    };
    let source = Catalog::name_of(&all, &definition.source).ok_or_else(missing)?;
    Ok((source.to_owned(), definition))
}

fn definition(parameters: &Parameters, limits: &Limits) -> Result<Definition, Problem> {
    let source = parameters.needed("source")?.to_owned();
    parameters.needed("value")?;
    let filter = filter(parameters, limits)?;
    let aggregates = parameters.list("aggregates").into_iter();
    let aggregates = aggregates.map(|text| text.parse::<Aggregate>());
    let aggregates = aggregates.collect::<Result<_, _>>();
    Ok(Definition {
        name: source.clone(),
        source,
        time: parameters.text("time").map(str::to_owned),
        value: parameters.list("value"),
        by: parameters.list("by"),
        filter,
        window: window(parameters)?,
        aggregates: aggregates.map_err(|why| Problem::wrong(format!("aggregates: {why}")))?,
        fill: parameters.read_by("fill", one_of::<Fill>)?,
        anomalies: detection(parameters)?,
        lateness: Length::default(),
        idle: Length::MINUTE,
        output: Vec::new(),
    })
}

fn filter(parameters: &Parameters, limits: &Limits) -> Result<Option<String>, Problem> {
    if parameters.text("filter").is_some() && !limits.allows_sql {
        return Err(Problem::forbidden(
            "a filter is SQL, and none is taken from outside here; --allow-sql would allow it",
        ));
    }
    Ok(parameters.sql("filter")?.map(str::to_owned))
}

fn window(parameters: &Parameters) -> Result<Option<WrittenWindow>, Problem> {
    let window = WrittenWindow {
        tumbling: parameters.read("tumbling")?,
        sliding: parameters.read("sliding")?,
        every: parameters.read("every")?,
        session: parameters.read("session")?,
        offset: parameters.read("offset")?,
    };
    Ok((window != WrittenWindow::default()).then_some(window))
}

fn detection(parameters: &Parameters) -> Result<Option<Detection>, Problem> {
    let Some(method) = parameters.read_by("method", one_of::<Method>)? else {
        return match parameters.first_of(&JUDGED) {
            Some(said) => Err(Problem::wrong(format!("{said} needs a method"))),
            None => Ok(None),
        };
    };
    let sigmas = parameters.read_by("sigmas", parse_sigmas)?;
    let (history, period) = (parameters.read("history")?, parameters.read("period")?);
    let typed = Detection::typed(method, sigmas, history, period);
    typed.map(Some).map_err(Problem::wrong)
}

/// A word of some that are known.
fn one_of<T: ValueEnum>(text: &str) -> Result<T, String> {
    if let Ok(found) = T::from_str(text, false) {
        return Ok(found);
    }
    let known = T::value_variants().iter().filter_map(T::to_possible_value);
    let known = known.map(|value| value.get_name().to_owned());
    let known = known.collect::<Vec<_>>();
    Err(match nearest(text, known.iter().map(String::as_str)) {
        Some(near) => format!("none that is known; did you mean {near}?"),
        None => format!("none of {}", known.join(", ")),
    })
}

/// A group that is asked for, `FIELD:VALUE`. The name of a field may have a colon itself.
fn group(only: &str, by: &[String]) -> Result<(String, String), Problem> {
    let of_field = |name: &String| {
        let value = only.strip_prefix(&name[..])?.strip_prefix(':')?;
        Some((name.clone(), value.to_owned()))
    };
    let found = by.iter().find_map(of_field);
    found.ok_or_else(|| Problem::wrong("only: not FIELD:VALUE with a field of by"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::resolve::resolve;
    use crate::engine::ONLY;
    use crate::table::columns::{Kind, columns};

    const RANGE: [&str; 5] = ["since", "until", "only", "analysis", "limit"];

    fn limits(allows_sql: bool) -> Limits {
        Limits {
            allows_sql,
            timeout: std::time::Duration::from_secs(1),
            rows: 10,
        }
    }

    fn read(query: &str, allows_sql: bool) -> Result<Question, Problem> {
        let known = [&DEFINED[..], &JUDGED, &RANGE].concat();
        let parameters = Parameters::parse(query, &known)?;
        let analyses = Analyses::default();
        let catalog = Catalog::new(None, Vec::new(), analyses.clone());
        Question::read(&parameters, (&analyses, &catalog), &limits(allows_sql))
    }

    fn why(query: &str) -> (u16, String) {
        let refused = read(query, false).expect_err(query);
        (refused.status.as_u16(), refused.why)
    }

    #[test]
    fn parameters_say_what_flags_say() {
        let query = "source=metrics&value=data,n&by=host&tumbling=1m&aggregates=count,p99&fill=zero&method=rolling-sigma\
                     &history=6h&sigmas=4.5&since=2026-01-01T00:00:00Z&until=1767225600";
        let asked = read(query, false).expect("is read");
        let definition = asked.definition;
        assert_eq!(definition.value, ["data", "n"]);
        let window = definition.window.expect("is said").window();
        assert_eq!(
            window.expect("is one").size_and_every(),
            Some((60_000, 60_000))
        );
        assert_eq!(definition.aggregates[1], Aggregate::Percentile(99));
        let detection = definition.anomalies.expect("is said");
        assert_eq!(detection.history.ms(), 6 * 3_600_000);
        assert_eq!((detection.sigmas, detection.period), (4.5, Length::DAY));
        let ms = Some(1_767_225_600_000);
        assert_eq!(
            (asked.selection.since_ms, asked.selection.until_ms),
            (ms, ms)
        );
    }

    #[test]
    fn what_makes_no_sense_is_told_with_what_was_meant() {
        for (query, said) in [
            ("value=data", "source is missing"),
            ("source=m", "value is missing"),
            (
                "source=m&value=d&method=madd",
                "method: none that is known; did you mean mad?",
            ),
            ("source=m&value=d&sigmas=3", "sigmas needs a method"),
            (
                "source=m&value=d&method=mad&history=1d",
                "history is for the method rolling-sigma",
            ),
            ("source=m&value=d&tumbling=0", "tumbling: not a duration"),
            (
                "source=m&value=d&aggregates=p200",
                "aggregates: \"p200\" is none of",
            ),
            ("source=m&value=d&since=soon", "since: not a time"),
            ("source=m&value=d&only=host:a", "only: not FIELD:VALUE"),
            (
                "source=m&value=d&fill=zeros",
                "fill: none that is known; did you mean zero?",
            ),
        ] {
            let (status, why) = why(query);
            assert!(status == 400 && why.starts_with(said), "{query}: {why}");
        }
    }

    #[test]
    fn sql_is_taken_only_where_it_is_allowed() {
        let query = "source=m&value=d&filter=d%3E1";
        let (status, said) = why(query);
        assert!(status == 403 && said.contains("--allow-sql"), "{said}");
        let asked = read(query, true).expect("is allowed");
        assert_eq!(asked.definition.filter.as_deref(), Some("d>1"));
    }

    #[test]
    fn groups_are_told_by_their_text_whatever_stands_in_it() {
        let query = "source=m&value=d&by=ho%22st,a:b&only=ho%22st:x'%20OR%201%3D1&only=ho%22st:&only=a:b:c:d&filter=d%20%3E%201";
        let asked = read(query, true).expect("is read");
        let fields = ["d", "ho\"st", "a:b"].map(|name| (vec![name.to_owned()], Kind::Text));
        let analysis = resolve(&asked.definition, &columns(fields.into()), ONLY);
        let mut analysis = analysis.expect("has such fields");
        asked.narrow(&mut analysis);
        assert_eq!(
            analysis.filter.as_deref(),
            Some(
                "CAST(\"ho\"\"st\" AS VARCHAR) IN ('x'' OR 1=1', '') AND CAST(\"a:b\" AS VARCHAR) IN ('c:d') AND (d > 1)"
            )
        );
    }

    #[test]
    fn a_limit_is_within_what_is_allowed() {
        let of = |query| {
            let parameters = Parameters::parse(query, &["limit"]).expect("is read");
            rows(&parameters, &limits(false)).ok()
        };
        assert_eq!(
            [of(""), of("limit=3"), of("limit=11"), of("limit=0")],
            [Some(10), Some(3), None, None]
        );
    }
}
