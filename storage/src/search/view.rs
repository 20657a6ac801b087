//! What of the store the pages of one answer see: what was committed before the first one.
//!
//! Postgres writes the number of the transaction that made it with each row. A page after the
//! first takes a segment for not there if its transaction had not been committed in the snapshot
//! of the first page. So that traces that come, or grow, meanwhile neither shift the pages nor
//! change places between them.

use std::fmt;

use model::Page;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use crate::{Day, ReadError};

/// Numbers below this are no transactions: such a row is older than all of them.
const FIRST_NORMAL: u32 = 3;

/// Most transactions that a view tells apart. A page that begins beside more takes the others for
/// committed.
const MAX_RUNNING: usize = 512;

/// A snapshot that outlives its transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct View {
    /// Transactions from this number on had not begun.
    next: u64,
    /// Of those before it, the ones that were running.
    running: Vec<u64>,
    /// Days that were written afresh, whose rows are older than their transactions.
    rebuilt: Vec<RebuiltDay>,
}

/// A day whose rows were last rebuilt by transactions from one number to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
struct RebuiltDay {
    day: i32,
    first_transaction: i64,
    last_transaction: i64,
}

impl RebuiltDay {
    /// Whether a row of a day was written by the rebuild, given the lower half of its transaction's number.
    fn wrote(&self, day: Day, transaction: u32) -> bool {
        let after_first = transaction.wrapping_sub(self.first_transaction as u32);
        let of_all = (self.last_transaction - self.first_transaction) as u64;
        Day(self.day) == day && u64::from(after_first) <= of_all
    }
}

impl View {
    /// The view of a page: none if there is no other.
    pub(super) async fn of_page(
        conn: &mut PgConnection,
        page: &Page,
    ) -> Result<Option<Self>, ReadError> {
        let mut view = match page {
            Page::Only => return Ok(None),
            Page::After(mark) => Self::parse(&mark.view).ok_or(ReadError::NoSuchPage)?,
            Page::First => {
                let text: String = sqlx::query_scalar("SELECT pg_current_snapshot()::text")
                    .fetch_one(&mut *conn)
                    .await?;
                // `xmin:xmax:running,…`; what is below xmin follows from the rest.
                let view = text.split_once(':').and_then(|(_, rest)| Self::parse(rest));
                view.ok_or_else(|| ReadError::Inconsistent {
                    table: "pg_current_snapshot",
                    column: "text",
                    what: text,
                })?
            }
        };
        let rebuilt = "SELECT day, first_transaction, last_transaction FROM rebuilt_day";
        view.rebuilt = sqlx::query_as(rebuilt).fetch_all(conn).await?;
        Ok(Some(view))
    }

    fn parse(text: &str) -> Option<Self> {
        let (next, running) = text.split_once(':')?;
        let running = running.split(',').filter(|number| !number.is_empty());
        let running: Option<Vec<u64>> = running
            .take(MAX_RUNNING)
            .map(|of| of.parse().ok())
            .collect();
        Some(Self {
            next: next.parse().ok()?,
            running: running?,
            rebuilt: Vec::new(),
        })
    }

    /// Whether a row of a day and of the transaction with this number, of which the lower half is
    /// stored, is there. Half of all numbers are older than the next one, the others younger.
    fn sees(&self, day: Day, transaction: u32) -> bool {
        if self.rebuilt.iter().any(|of| of.wrote(day, transaction)) {
            return true;
        }
        let ahead = transaction.wrapping_sub(self.next as u32).cast_signed() >= 0;
        let running = || self.running.iter().any(|of| *of as u32 == transaction);
        transaction < FIRST_NORMAL || !(ahead || running())
    }

    /// Whether a row with the columns `made_by` and `start_ns` is there.
    pub(super) fn sees_row(view: Option<&Self>, row: &PgRow) -> Result<bool, ReadError> {
        let Some(view) = view else { return Ok(true) };
        let text: &str = row.try_get("made_by")?;
        let transaction = text.parse().map_err(|_| ReadError::Inconsistent {
            table: "segment",
            column: "xmin",
            what: text.to_owned(),
        })?;
        let start: i64 = row.try_get("start_ns")?;
        Ok(view.sees(Day::of(start.max(0) as u64), transaction))
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let running: Vec<String> = self.running.iter().map(u64::to_string).collect();
        write!(f, "{}:{}", self.next, running.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: Day = Day(20_000);

    #[test]
    fn rows_of_a_rebuild_are_as_old_as_those_that_they_replaced() {
        let mut view = View::parse("4294967290:").expect("a view");
        view.rebuilt = vec![RebuiltDay {
            day: TODAY.0,
            first_transaction: 4_294_967_294,
            last_transaction: 4_294_967_300,
        }];
        for (transaction, seen) in [
            (4_294_967_293, false),
            (4_294_967_294, true),
            (4, true),
            (5, false),
        ] {
            assert_eq!(view.sees(TODAY, transaction), seen, "{transaction}");
        }
        assert!(!view.sees(TODAY.plus(1), 4));
    }

    #[test]
    fn what_was_running_or_came_later_is_not_seen() {
        let view = View::parse("1000:990,995").expect("a view");
        for (transaction, seen) in [(2, true), (989, true), (990, false), (991, true)] {
            assert_eq!(view.sees(TODAY, transaction), seen, "{transaction}");
        }
        let seen = [999, 1_000, 5_000].map(|transaction| view.sees(TODAY, transaction));
        assert_eq!(seen, [true, false, false]);
    }

    #[test]
    fn numbers_may_wrap_around() {
        let view = View::parse("4294967306:").expect("a view");
        let seen = [4_294_967_290, 9, 10].map(|transaction| view.sees(TODAY, transaction));
        assert_eq!(seen, [true, true, false]);
    }

    #[test]
    fn a_view_reads_back_and_anything_else_is_none() {
        for text in ["1000:", "1000:990,995"] {
            assert_eq!(View::parse(text).expect("a view").to_string(), text);
        }
        for text in ["", "1000", "x:", "1:y", "1:2:3", "-1:"] {
            assert_eq!(View::parse(text), None, "{text}");
        }
    }
}
