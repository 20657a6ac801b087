//! Days that retention must leave alone: those of jobs under way, those past retention that a
//! replay or a backfill has written to, and those of new spans that ingesters are yet to read.

use std::collections::BTreeMap;
use std::time::Duration;

use model::UnixNanos;
use sqlx::{PgConnection, PgPool};

use crate::{Day, locks};

/// Spans may have started this many days before a collector received them, or after.
const DAYS_AROUND: i32 = 1;

/// How far an ingester is behind before days are held for what it has not read, in milliseconds.
const LAGGING_MS: i64 = 60_000;

/// Holds the days that are past retention for some time from now on. To be called before each
/// write of old spans: it waits for a drop of the day that is under way, so that nothing is
/// written to what is about to go.
pub(crate) async fn hold_expired(
    pool: &PgPool,
    days: impl Iterator<Item = Day>,
    retention: Duration,
    hold_for: Duration,
) -> Result<(), sqlx::Error> {
    let days: Vec<i32> = days.map(|day| day.0).collect();
    // An hour is neither here nor there: not every write need move the end of the hold.
    let unheld: Vec<i32> = sqlx::query_scalar(
        "SELECT day FROM unnest($1::int4[]) AS day
         WHERE to_timestamp(0) + (day + 1) * interval '1 day'
               <= now() - make_interval(secs => $2)
           AND NOT EXISTS (SELECT FROM retention_hold h WHERE h.day = day.day
                           AND h.held_until > now() + make_interval(secs => $3) - interval '1 hour')
         ORDER BY day",
    )
    .bind(&days)
    .bind(retention.as_secs_f64())
    .bind(hold_for.as_secs_f64())
    .fetch_all(pool)
    .await?;
    for day in unheld {
        let mut tx = pool.begin().await?;
        sqlx::query("SELECT pg_advisory_xact_lock($1, $2)")
            .bind(locks::PARTITION_CHANGE)
            .bind(day)
            .execute(&mut *tx)
            .await?;
        sqlx::query(
            "INSERT INTO retention_hold (day, held_until)
             VALUES ($1, now() + make_interval(secs => $2))
             ON CONFLICT (day) DO UPDATE
             SET held_until = greatest(retention_hold.held_until, excluded.held_until)",
        )
        .bind(day)
        .bind(hold_for.as_secs_f64())
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
    }
    Ok(())
}

/// What retention must leave alone.
#[derive(Debug, Default)]
pub(crate) struct Held {
    days: BTreeMap<Day, UnixNanos>,
    jobs: Vec<(Day, Day)>,
    /// Spans that were received from this day on are still being read.
    unread_from: Option<Day>,
}

impl Held {
    /// What is held at present.
    pub(crate) async fn read(conn: &mut PgConnection) -> Result<Self, sqlx::Error> {
        let days: Vec<(i32, i64)> = sqlx::query_as(
            "SELECT day, (extract(epoch FROM held_until) * 1e9)::bigint FROM retention_hold",
        )
        .fetch_all(&mut *conn)
        .await?;
        let jobs: Vec<(i64, i64)> = sqlx::query_as(
            "SELECT from_ns, to_ns FROM replay_job WHERE state IN ('running', 'paused')",
        )
        .fetch_all(&mut *conn)
        .await?;
        let unread: Option<i64> = sqlx::query_scalar(
            "SELECT (extract(epoch FROM min(observed_at - lag_ms * interval '1 ms')) * 1e9)::bigint
             FROM live_lag WHERE lag_ms > $1",
        )
        .bind(LAGGING_MS)
        .fetch_one(conn)
        .await?;
        let day = |ns: i64| Day::of(ns.max(0) as u64);
        Ok(Self {
            days: days
                .into_iter()
                .map(|(day, until)| (Day(day), until.max(0) as u64))
                .collect(),
            jobs: jobs
                .into_iter()
                .map(|(from, to)| (day(from).plus(-DAYS_AROUND), day(to).plus(DAYS_AROUND)))
                .collect(),
            unread_from: unread.map(|from| day(from).plus(-DAYS_AROUND)),
        })
    }

    /// Until when the days are held that are past retention: the first to go.
    pub(crate) fn first_release(&self, now: UnixNanos) -> Option<UnixNanos> {
        self.days
            .values()
            .copied()
            .filter(|until| *until > now)
            .min()
    }

    /// Whether a day must stay.
    pub(crate) fn holds(&self, day: Day, now: UnixNanos) -> bool {
        let held = self.days.get(&day).is_some_and(|until| *until > now);
        let unread = self.unread_from.is_some_and(|from| day >= from);
        held || unread
            || self
                .jobs
                .iter()
                .any(|(first, last)| (*first..=*last).contains(&day))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_held_until_its_time_is_over_its_job_has_ended_or_its_spans_are_read() {
        let held = Held {
            days: [(Day(10), 1_000)].into(),
            jobs: vec![(Day(20), Day(22))],
            unread_from: Some(Day(30)),
        };
        assert!(held.holds(Day(10), 999));
        assert!(!held.holds(Day(10), 1_000));
        assert!(held.holds(Day(21), u64::MAX));
        assert!(!held.holds(Day(23), 0));
        assert!(held.holds(Day(30), 0) && !held.holds(Day(29), 0));
    }
}
