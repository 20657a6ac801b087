//! Dead letters after the fact: look at them, drive them again, purge them.
//!
//! Letters lie in a topic ([`TopicLetters`]) or, without Kafka, in a table ([`TableLetters`]): two
//! implementations of [`Letters`]. What is done with them is the same: [`groups`] and [`page`]
//! list, [`content`] opens one, [`redrive`] drives them again.

mod error;
mod look;
mod list;
mod plan;
mod redrive;
mod table;
mod topic;

use std::future::Future;

use kafka::Record;
use model::{
    Letter, LetterFilter, LetterId, PurgeReport, PurgeRequest, RedriveOutcome, RedriveReport,
};

pub use error::LettersError;
pub use list::{groups, page};
pub use look::content;
pub use plan::verdict;
pub use redrive::redrive;
pub use table::TableLetters;
pub use topic::{TopicLetters, TopicSettings};

use crate::KnownSchemas;

/// A letter and its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenLetter {
    /// What is known of it.
    pub letter: Letter,
    /// Who it is, whichever copy of it this is; none if that cannot be read.
    pub identity: Option<String>,
    /// The record as it lies there.
    pub record: Record,
}

/// A place where dead letters lie.
pub trait Letters: Send + Sync + 'static {
    /// Reads through them.
    type Scan: LetterScan;
    /// The right to drive letters again, which one process has at a time.
    type Turn: Send;

    /// How their records are decoded.
    fn schemas(&self) -> &KnownSchemas;

    /// The topics that letters may be given back to; none where they come from no topic.
    fn origins(&self) -> Option<&[String]>;

    /// Reads the letters that are there now, in the order of their ids, after one of them. The
    /// filter narrows what is read; letters that it does not mean may come all the same.
    fn scan(
        &self,
        after: Option<LetterId>,
        filter: &LetterFilter,
    ) -> impl Future<Output = Result<Self::Scan, LettersError>> + Send;

    /// One letter.
    fn letter(
        &self,
        id: LetterId,
    ) -> impl Future<Output = Result<Option<OpenLetter>, LettersError>> + Send;

    /// Takes the turn, and finds out how far an earlier one came that was not ended.
    fn begin(
        &self,
        report: &mut RedriveReport,
    ) -> impl Future<Output = Result<Self::Turn, LettersError>> + Send;

    /// Drives letters again that may be, and says what became of each, in their order. After an
    /// error, the next turn finds out.
    fn drive(
        &self,
        turn: &mut Self::Turn,
        letters: Vec<OpenLetter>,
    ) -> impl Future<Output = Result<Vec<RedriveOutcome>, LettersError>> + Send;

    /// Gives the turn back.
    fn end(&self, turn: Self::Turn) -> impl Future<Output = Result<(), LettersError>> + Send;

    /// Deletes letters for good.
    fn purge(
        &self,
        request: &PurgeRequest,
    ) -> impl Future<Output = Result<PurgeReport, LettersError>> + Send;
}

/// Reads through letters.
pub trait LetterScan: Send {
    /// Some more of them; `None` behind the last.
    fn next(
        &mut self,
    ) -> impl Future<Output = Result<Option<Vec<OpenLetter>>, LettersError>> + Send;
}
