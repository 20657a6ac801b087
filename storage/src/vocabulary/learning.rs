//! The worker that keeps the dictionary fitting.

use std::sync::Arc;
use std::time::Duration;

use model::UnixNanos;
use sqlx::PgConnection;

use super::LoadError;
use super::sample::{LearnError, Part, Sample, learn};
use crate::payload::{Dictionary, Names};
use crate::{PostgresStore, metrics};

/// How often it is looked whether there is enough to learn from, as long as there is no dictionary.
const FIRST_LOOK: Duration = Duration::from_secs(15);
/// Fewest segments to learn from.
const MIN_SEGMENTS: usize = 512;
/// What a new dictionary must save to be worth keeping: a part of the bytes of new payloads.
const WORTH_IT: f64 = 0.05;

/// What came of looking at the dictionary.
#[derive(Debug)]
enum Verdict {
    /// It costs so much more than a new one: a part of the new one's bytes.
    Fits(f64),
    /// This one is better by so much.
    Better(f64, Arc<Dictionary>),
}

impl PostgresStore {
    /// Looks now and then what the dictionary costs, and learns a better one if there is one.
    pub(crate) async fn relearn(
        &self,
        conn: &mut PgConnection,
        now: UnixNanos,
    ) -> Result<(), sqlx::Error> {
        if now < self.vocabulary.state().next_look {
            return Ok(());
        }
        self.look_again_in(now, FIRST_LOOK);
        match self.look_at_dictionary(conn, now).await {
            Ok(()) => Ok(()),
            Err(LoadError::Read(error)) => Err(error),
            Err(error) => Err(sqlx::Error::Decode(Box::new(error))),
        }
    }

    fn look_again_in(&self, now: UnixNanos, after: Duration) {
        let after = u64::try_from(after.as_nanos()).unwrap_or(u64::MAX);
        self.vocabulary.state().next_look = now.saturating_add(after);
    }

    async fn look_at_dictionary(
        &self,
        conn: &mut PgConnection,
        now: UnixNanos,
    ) -> Result<(), LoadError> {
        let present = self.newest_dictionary(conn).await?;
        if present.is_some() {
            self.look_again_in(now, self.config.relearn_interval);
        }
        let sample = self.vocabulary.sample(conn).await?;
        let segments = sample.len();
        if segments < MIN_SEGMENTS {
            return Ok(());
        }
        let level = self.config.compression_level;
        let judged = tokio::task::spawn_blocking(move || judge(&sample, present, level)).await;
        match judged {
            Ok(Ok(Verdict::Fits(excess))) => metrics::dictionary_excess(self.placement(), excess),
            Ok(Ok(Verdict::Better(excess, dictionary))) => {
                metrics::dictionary_excess(self.placement(), excess);
                keep(conn, &dictionary, segments).await?;
                self.look_again_in(now, self.config.relearn_interval);
            }
            Ok(Err(error)) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "No dictionary could be learnt"
            ),
            Err(error) => tracing::warn!(error = %error, "Learning a dictionary failed"),
        }
        Ok(())
    }

    async fn newest_dictionary(
        &self,
        conn: &mut PgConnection,
    ) -> Result<Option<Arc<Dictionary>>, LoadError> {
        let newest = super::confirm(conn, 0, &[]).await?;
        let mut names = Names::default();
        names.dictionaries.insert(newest, ());
        let known = self.vocabulary.load(conn, &names).await?;
        Ok(known.dictionaries.get(&newest).cloned())
    }
}

/// Compares the present dictionary with one learnt from half of the sample, on the other half.
fn judge(
    sample: &Sample,
    present: Option<Arc<Dictionary>>,
    level: i32,
) -> Result<Verdict, LearnError> {
    let present = present.unwrap_or_else(|| Arc::new(Dictionary::empty()));
    let new = learn(sample, Part::Even, level)?;
    let of = |dictionary| -> Result<f64, LearnError> {
        let bytes = sample.cost(Part::Odd, dictionary, level)?;
        Ok(bytes.max(1) as f64)
    };
    let excess = of(&present)? / of(&new)? - 1.0;
    if excess < WORTH_IT {
        return Ok(Verdict::Fits(excess.max(0.0)));
    }
    Ok(Verdict::Better(excess, learn(sample, Part::All, level)?))
}

async fn keep(
    conn: &mut PgConnection,
    dictionary: &Dictionary,
    segments: usize,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO payload_dictionary (name, segments, body) VALUES ($1, $2, $3)
         ON CONFLICT (name) DO UPDATE SET learnt_at = now()",
    )
    .bind(dictionary.name().cast_signed())
    .bind(segments as i32)
    .bind(dictionary.bytes())
    .execute(conn)
    .await?;
    metrics::dictionary_learnt();
    tracing::info!(
        dictionary = format!("{:016x}", dictionary.name()),
        bytes = dictionary.bytes().len(),
        segments,
        "Learnt a dictionary for payloads"
    );
    Ok(())
}
