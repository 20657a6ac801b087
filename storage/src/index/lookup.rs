//! The read side: which runs there are, and which of their segments hold the tokens asked for.
//!
//! Every function reads in the caller's snapshot. A table that a snapshot names may be gone when
//! the snapshot is older than merged tables are kept: Postgres then says "undefined table", and
//! the search begins again.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use model::TimeRange;
use sqlx::{AssertSqlSafe, PgConnection};

use super::directory::{self, Bounds, CHUNK, DirectoryEntry};
use super::page::{self, PageError};
use super::run::chunk_key;
use super::tables::PageTable;
use crate::tokens::{Plan, TokenQuery, TokenSet};
use crate::{Day, ReadError, read_metrics};

/// A run, as the catalogue has it.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    /// Where its rows lie.
    pub(super) table: PageTable,
    /// Its number.
    pub(super) run_id: i64,
    /// Which tokens its segments have.
    token_set: TokenSet,
    /// Between which times the spans of all its segments start.
    pub(crate) bounds: Bounds,
    /// The same for each chunk of its ordinals.
    pub(crate) chunks: Vec<Bounds>,
}

impl Run {
    /// The day of its segments.
    pub(crate) fn day(&self) -> Day {
        self.table.day
    }
}

/// The days that have an index, newest first.
pub(crate) async fn days(conn: &mut PgConnection) -> Result<Vec<Day>, sqlx::Error> {
    let days: Vec<i32> =
        sqlx::query_scalar("SELECT DISTINCT day FROM posting_table ORDER BY day DESC")
            .fetch_all(conn)
            .await?;
    Ok(days.into_iter().map(Day).collect())
}

/// The runs of some days with segments that reach into a range of time.
pub(crate) async fn runs(
    conn: &mut PgConnection,
    days: &[Day],
    range: TimeRange,
) -> Result<Vec<Run>, ReadError> {
    type Row = (i32, i16, i32, i64, i16, i64, i64, Vec<i64>, Vec<i64>);
    let days: Vec<i32> = days.iter().map(|day| day.0).collect();
    let bounded = |at: u64| i64::try_from(at).unwrap_or(i64::MAX);
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT day, level, generation, run_id, token_set, start_min, start_max, chunk_start_min,
             chunk_start_max
         FROM posting_run WHERE day = ANY($1) AND start_max >= $2 AND start_min <= $3",
    )
    .bind(days)
    .bind(bounded(range.start))
    .bind(bounded(range.end))
    .fetch_all(conn)
    .await?;
    let bounds = |(first_ns, last_ns)| Bounds { first_ns, last_ns };
    let run = |(day, level, generation, run_id, token_set, min, max, mins, maxes): Row| Run {
        table: (day, level, generation).into(),
        run_id,
        token_set: TokenSet::of_number(token_set),
        bounds: bounds((min, max)),
        chunks: mins.into_iter().zip(maxes).map(bounds).collect(),
    };
    Ok(rows.into_iter().map(run).collect())
}

/// For each of the runs the ordinals of the segments that may answer the query, ascending.
pub(crate) async fn ordinals(
    conn: &mut PgConnection,
    runs: &[&Run],
    query: &TokenQuery,
) -> Result<Vec<Vec<u32>>, ReadError> {
    let mut pages: HashMap<(i64, i64), Vec<Vec<u8>>> = HashMap::new();
    for ((table, set), run_ids) in by_table(runs) {
        let tokens = query.plan(set).tokens();
        for (run_id, token, body) in read_pages(conn, table, &run_ids, &tokens).await? {
            pages.entry((run_id, token)).or_default().push(body);
        }
    }
    let mut found = Vec::with_capacity(runs.len());
    for run in runs {
        let of_token = |token: u32| {
            let mut ordinals = Vec::new();
            for body in pages
                .get(&(run.run_id, i64::from(token)))
                .into_iter()
                .flatten()
            {
                page::find(body, token, &mut ordinals)?;
            }
            Ok(ordinals)
        };
        found.push(evaluate(query.plan(run.token_set), &of_token).map_err(inconsistent)?);
    }
    Ok(found)
}

fn by_table(runs: &[&Run]) -> BTreeMap<(PageTable, TokenSet), Vec<i64>> {
    let mut tables: BTreeMap<(PageTable, TokenSet), Vec<i64>> = BTreeMap::new();
    for run in runs {
        let of_table = tables.entry((run.table, run.token_set)).or_default();
        of_table.push(run.run_id);
    }
    tables
}

/// The pages of the runs that may hold the tokens, in order: run, token, body. A token may be on
/// the last page that begins before it, and is on all that begin with it.
async fn read_pages(
    conn: &mut PgConnection,
    table: PageTable,
    run_ids: &[i64],
    tokens: &[u32],
) -> Result<Vec<(i64, i64, Vec<u8>)>, ReadError> {
    let select = format!(
        "SELECT run, token, body
         FROM unnest($1::bigint[]) AS run, unnest($2::bigint[]) AS token, LATERAL (
             (SELECT 0 AS page_no, body FROM {table}
              WHERE run_id = run AND first_token < token AND first_token >= 0
              ORDER BY first_token DESC, page_no DESC LIMIT 1)
             UNION ALL
             SELECT page_no, body FROM {table} WHERE run_id = run AND first_token = token
         ) AS page
         ORDER BY run, token, page_no"
    );
    let tokens: Vec<i64> = tokens.iter().map(|token| i64::from(*token)).collect();
    let rows: Vec<(i64, i64, Vec<u8>)> = sqlx::query_as(AssertSqlSafe(select))
        .bind(run_ids)
        .bind(tokens)
        .fetch_all(conn)
        .await?;
    read_metrics::pages_read(rows.len());
    Ok(rows)
}

/// The ordinals that a plan names, ascending.
fn evaluate(
    plan: &Plan,
    of_token: &impl Fn(u32) -> Result<Vec<u32>, PageError>,
) -> Result<Vec<u32>, PageError> {
    match plan {
        Plan::Token(token) | Plan::Pair(token) => of_token(*token),
        Plan::Any(plans) => {
            let mut all = Vec::new();
            for plan in plans {
                all.extend(evaluate(plan, of_token)?);
            }
            all.sort_unstable();
            all.dedup();
            Ok(all)
        }
        Plan::All(plans) => {
            let mut left: Option<Vec<u32>> = None;
            for plan in plans {
                let of_plan = evaluate(plan, of_token)?;
                let both = match left {
                    None => of_plan,
                    Some(left) => common(&left, &of_plan),
                };
                if both.is_empty() {
                    return Ok(both);
                }
                left = Some(both);
            }
            Ok(left.unwrap_or_default())
        }
    }
}

/// What two ascending lists have in common.
fn common(a: &[u32], b: &[u32]) -> Vec<u32> {
    let (few, many) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let mut rest = many;
    let mut both = Vec::with_capacity(few.len());
    for item in few {
        rest = &rest[rest.partition_point(|other| other < item)..];
        if rest.first() == Some(item) {
            both.push(*item);
        }
    }
    both
}

/// Ascending ordinals by chunk of the directory: the chunk, and where its ordinals lie.
pub(crate) fn chunk_ranges(ordinals: &[u32]) -> Vec<(usize, Range<usize>)> {
    let chunk = |ordinal: &u32| *ordinal as usize / CHUNK;
    let mut start = 0;
    let groups = ordinals.chunk_by(|a, b| chunk(a) == chunk(b));
    groups
        .map(|group| {
            let range = start..start + group.len();
            start = range.end;
            (chunk(&group[0]), range)
        })
        .collect()
}

/// The segments of some ordinals of a chunk, for each of some chunks.
pub(crate) async fn directories(
    conn: &mut PgConnection,
    chunks: &[(&Run, usize, &[u32])],
) -> Result<Vec<Vec<DirectoryEntry>>, ReadError> {
    let mut by_table: BTreeMap<PageTable, (Vec<i64>, Vec<i64>)> = BTreeMap::new();
    for (run, chunk, _) in chunks {
        let (run_ids, keys) = by_table.entry(run.table).or_default();
        run_ids.push(run.run_id);
        keys.push(chunk_key(*chunk));
    }
    let mut bodies: HashMap<(i64, i64), Vec<u8>> = HashMap::new();
    for (table, (run_ids, keys)) in by_table {
        let select = format!(
            "SELECT run_id, first_token, body FROM {table}
             JOIN unnest($1::bigint[], $2::bigint[]) AS wanted (run, key)
             ON run_id = run AND first_token = key"
        );
        let rows: Vec<(i64, i64, Vec<u8>)> = sqlx::query_as(AssertSqlSafe(select))
            .bind(run_ids)
            .bind(keys)
            .fetch_all(&mut *conn)
            .await?;
        read_metrics::pages_read(rows.len());
        bodies.extend(rows.into_iter().map(|(run, key, body)| ((run, key), body)));
    }
    let pick = |(run, chunk, ordinals): &(&Run, usize, &[u32])| {
        let body = bodies.get(&(run.run_id, chunk_key(*chunk)));
        let body = body.ok_or(PageError::Impossible("directory"))?;
        pick(&directory::decode(body)?, ordinals)
    };
    let entries = chunks.iter().map(pick).collect::<Result<_, _>>();
    entries.map_err(inconsistent)
}

fn pick(entries: &[DirectoryEntry], ordinals: &[u32]) -> Result<Vec<DirectoryEntry>, PageError> {
    let entry = |ordinal: &u32| {
        let entry = entries.get(*ordinal as usize % CHUNK).copied();
        entry.ok_or(PageError::Impossible("ordinal"))
    };
    ordinals.iter().map(entry).collect()
}

fn inconsistent(error: PageError) -> ReadError {
    ReadError::Inconsistent {
        table: "posting_page",
        column: "body",
        what: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::btree_set;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_two_lists_have_in_common_is_their_intersection(
            a in btree_set(0u32..60, 0..40),
            b in btree_set(0u32..60, 0..10),
        ) {
            let list = |set: &BTreeSet<u32>| set.iter().copied().collect::<Vec<_>>();
            let expected: Vec<u32> = a.intersection(&b).copied().collect();
            prop_assert_eq!(common(&list(&a), &list(&b)), expected);
        }

        #[test]
        fn ordinals_are_cut_into_chunks_without_loss(ordinals in btree_set(0u32..5_000, 0..60)) {
            let ordinals: Vec<u32> = ordinals.into_iter().collect();
            let mut joined = Vec::new();
            for (chunk, range) in chunk_ranges(&ordinals) {
                prop_assert!(ordinals[range.clone()].iter().all(|o| *o as usize / CHUNK == chunk));
                joined.extend_from_slice(&ordinals[range]);
            }
            prop_assert_eq!(joined, ordinals);
        }
    }
}
