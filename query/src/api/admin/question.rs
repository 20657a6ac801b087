//! What is asked.

use model::{LetterFilter, LetterId, PurgeRequest, RedriveRequest};

use super::params::{filter, flag, malformed, moment, only, optional, ranges, whole};
use crate::parse::{Malformed, Params};

/// Letters of a page that does not say how many it wants.
const DEFAULT_PAGE: usize = 100;
/// Most letters of a page; a larger limit is taken as this one.
const MAX_PAGE: usize = 1_000;

/// A request of the admin API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// The letters by what they have in common.
    Groups(LetterFilter),
    /// The letters one by one.
    Page {
        /// Which.
        filter: LetterFilter,
        /// Those after this one.
        after: Option<LetterId>,
        /// At most so many.
        most: usize,
    },
    /// One letter.
    One(LetterId),
    /// Letters to be driven again.
    Redrive(RedriveRequest),
    /// Letters to be deleted.
    Purge(PurgeRequest),
}

impl Question {
    pub(crate) fn groups(params: &Params) -> Result<Self, Malformed> {
        only(params, &[])?;
        filter(params).map(Self::Groups)
    }

    pub(crate) fn page(params: &Params) -> Result<Self, Malformed> {
        only(params, &["after", "limit"])?;
        let most: Option<usize> = optional(params, "limit", |text| whole(text, "limit"))?;
        Ok(Self::Page {
            filter: filter(params)?,
            after: optional(params, "after", |text| {
                LetterId::parse(text).map_err(|error| malformed("after", error))
            })?,
            most: most.unwrap_or(DEFAULT_PAGE).clamp(1, MAX_PAGE),
        })
    }

    pub(crate) fn one(id: &str) -> Result<Self, Malformed> {
        LetterId::parse(id).map(Self::One).map_err(Malformed::new)
    }

    pub(crate) fn redrive(params: &Params) -> Result<Self, Malformed> {
        only(params, &["maxAttempts", "dryRun", "all"])?;
        let filter = filter(params)?;
        if filter.is_empty() != flag(params, "all")? {
            return Err(Malformed::new(
                "say which letters are meant, or \"all\": true, and not both",
            ));
        }
        let most = optional(params, "maxAttempts", |text| whole(text, "maxAttempts"))?;
        Ok(Self::Redrive(RedriveRequest {
            filter,
            max_attempts: most.unwrap_or(RedriveRequest::MAX_ATTEMPTS),
            dry_run: flag(params, "dryRun")?,
        }))
    }

    pub(crate) fn purge(params: &Params) -> Result<Self, Malformed> {
        let taken = ["id", "upTo", "before", "dryRun", "yes"];
        if let Some(name) = params.names().find(|name| !taken.contains(name)) {
            return Err(Malformed(format!(
                "letters are purged by id, upTo or before, and not by {name}"
            )));
        }
        let mut meant = ranges(params, "id")?;
        for id in params.all("upTo") {
            let id = LetterId::parse(id).map_err(|error| malformed("upTo", error))?;
            meant.push(model::LetterRange::up_to(id));
        }
        let request = PurgeRequest {
            ranges: meant,
            before: moment(params, "before")?,
            dry_run: flag(params, "dryRun")?,
        };
        if request.ranges.is_empty() && request.before.is_none() {
            return Err(Malformed::new(
                "say which letters are to be deleted: id, upTo or before",
            ));
        }
        if !request.dry_run && !flag(params, "yes")? {
            return Err(Malformed::new(
                "what is purged is gone for good: say \"yes\": true, or \"dryRun\": true",
            ));
        }
        Ok(Self::Purge(request))
    }
}

#[cfg(test)]
mod tests {
    use super::super::params::{from_body, from_query};
    use super::*;

    fn redrive(body: &str) -> Result<Question, Malformed> {
        Question::redrive(&from_body(body.as_bytes())?)
    }

    fn purge(body: &str) -> Result<Question, Malformed> {
        Question::purge(&from_body(body.as_bytes())?)
    }

    #[test]
    fn a_redrive_says_what_it_means() {
        let Ok(Question::Redrive(request)) =
            redrive(r#"{"reason":"unframed","schemaId":3,"id":["0/1","2/4-9"],"maxAttempts":5}"#)
        else {
            panic!("it is a redrive");
        };
        assert_eq!((request.max_attempts, request.dry_run), (5, false));
        assert_eq!(request.filter.schema_id, Some(3));
        assert_eq!(request.filter.ranges.len(), 2);
        assert!(redrive(r#"{"all":true}"#).is_ok());
    }

    #[test]
    fn what_could_mean_more_than_was_meant_is_refused() {
        for body in [
            "",
            "{}",
            "[]",
            "null",
            "{",
            r#"{"all":false}"#,
            r#"{"all":true,"reason":"unframed"}"#,
            r#"{"reasons":"unframed"}"#,
            r#"{"reason":"no_such"}"#,
            r#"{"reason":""}"#,
            r#"{"reason":null}"#,
            r#"{"reason":["unframed","undecodable"]}"#,
            r#"{"id":"7"}"#,
            r#"{"id":"0/9-1"}"#,
            r#"{"schemaId":-1}"#,
            r#"{"schemaId":{"a":1}}"#,
            r#"{"since":"yesterday"}"#,
            r#"{"service":"a\u0000b"}"#,
        ] {
            assert!(redrive(body).is_err(), "{body}");
        }
    }

    #[test]
    fn a_purge_needs_a_yes_and_takes_no_filter() {
        assert!(purge(r#"{"upTo":"0/9","yes":true}"#).is_ok());
        assert!(purge(r#"{"before":"2026-01-01T00:00:00Z","dryRun":true}"#).is_ok());
        for body in [
            r#"{"upTo":"0/9"}"#,
            r#"{"upTo":"0/9","yes":false}"#,
            r#"{"yes":true}"#,
            r#"{"reason":"unframed","yes":true}"#,
            r#"{"upTo":"0/9-12","yes":true}"#,
        ] {
            assert!(purge(body).is_err(), "{body}");
        }
    }

    #[test]
    fn a_page_is_never_larger_than_the_largest() {
        let page = |query: &str| Question::page(&from_query(query)?);
        for (query, expected) in [
            ("", 100),
            ("limit=5", 5),
            ("limit=99999", 1_000),
            ("limit=0", 1),
        ] {
            let Ok(Question::Page { most, .. }) = page(query) else {
                panic!("{query}");
            };
            assert_eq!(most, expected, "{query}");
        }
        for query in ["limit=x", "after=1", "after=1/x", "offset=3", "limit=-1"] {
            assert!(page(query).is_err(), "{query}");
        }
    }
}
