//! What the query service's admin API does about dead letters.

use std::sync::Arc;

use bootstrap::chain;
use futures_util::future::BoxFuture;
use ingester::letters::{self, Letters, LettersError};
use model::{
    LetterContent, LetterFilter, LetterGroup, LetterId, LetterPage, PurgeReport, PurgeRequest,
    RedriveReport, RedriveRequest,
};
use query::{AdminError, DeadLetterAdmin};
use storage::PostgresStore;
use tokio::sync::OnceCell;

use super::place::{Place, place};
use crate::config::Config;

/// The dead letters of this deployment. Kafka is asked when the first question comes.
pub(crate) fn desk(config: &Config, store: Arc<PostgresStore>) -> Arc<dyn DeadLetterAdmin> {
    Arc::new(Desk {
        config: config.clone(),
        store,
        place: OnceCell::new(),
    })
}

struct Desk {
    config: Config,
    store: Arc<PostgresStore>,
    place: OnceCell<Place>,
}

impl Desk {
    async fn place(&self) -> Result<&Place, AdminError> {
        let find = || place(&self.config, self.store.clone(), "query");
        let found = self.place.get_or_try_init(find).await;
        found.map_err(|error| AdminError::Unavailable(format!("{error:#}")))
    }
}

/// Does the same with letters wherever they lie.
macro_rules! wherever {
    ($desk:expr, $letters:ident => $work:expr) => {
        Box::pin(async move {
            let done = match $desk.place().await? {
                Place::Topic($letters) => $work.await,
                Place::Table($letters) => $work.await,
            };
            done.map_err(told)
        })
    };
}

impl DeadLetterAdmin for Desk {
    fn groups(&self, filter: LetterFilter) -> BoxFuture<'_, Result<Vec<LetterGroup>, AdminError>> {
        wherever!(self, letters => async {
            letters::groups(letters, &filter).await.map(|groups| groups.into_groups())
        })
    }

    fn page(
        &self,
        filter: LetterFilter,
        after: Option<LetterId>,
        most: usize,
    ) -> BoxFuture<'_, Result<LetterPage, AdminError>> {
        wherever!(self, letters => letters::page(letters, &filter, after, most))
    }

    fn letter(&self, id: LetterId) -> BoxFuture<'_, Result<Option<LetterContent>, AdminError>> {
        wherever!(self, letters => async {
            let found = letters.letter(id).await?;
            Ok(found.map(|open| letters::content(open, letters.schemas())))
        })
    }

    fn redrive(&self, request: RedriveRequest) -> BoxFuture<'_, Result<RedriveReport, AdminError>> {
        tracing::info!(?request, "An administrator drives dead letters again");
        wherever!(self, letters => letters::redrive(letters, &request, |_| ()))
    }

    fn purge(&self, request: PurgeRequest) -> BoxFuture<'_, Result<PurgeReport, AdminError>> {
        tracing::info!(?request, "An administrator purges dead letters");
        wherever!(self, letters => letters.purge(&request))
    }
}

fn told(error: LettersError) -> AdminError {
    let words = chain(&error).to_string();
    match error {
        LettersError::Busy => AdminError::Busy(words),
        LettersError::NotAtTheStart { .. } | LettersError::NoSuchPartition { .. } => {
            AdminError::Refused(words)
        }
        _ => AdminError::Unavailable(words),
    }
}
