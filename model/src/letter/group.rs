//! Letters by what they have in common.

use std::collections::BTreeMap;

use serde::Serialize;

use super::json;
use crate::{Letter, RedriveState, RejectReason, UnixNanos};

/// Most groups that are told apart: service names come from clients.
const MAX_GROUPS: usize = 5_000;

/// Letters of one reason, one schema and the same services.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LetterGroup {
    /// Why they could not be stored.
    #[serde(serialize_with = "json::label")]
    pub reason: Option<RejectReason>,
    /// The schema that they name.
    pub schema_id: Option<u32>,
    /// The services of their spans, as far as they could be read.
    pub services: Vec<String>,
    /// How many letters.
    pub records: u64,
    /// How many spans, as far as they could be counted.
    pub spans: u64,
    /// Bytes of the records.
    pub bytes: u64,
    /// Letters that have been driven again.
    pub redriven: u64,
    /// When the first of them became one.
    #[serde(serialize_with = "json::text")]
    pub first_seen: UnixNanos,
    /// When the last of them became one.
    #[serde(serialize_with = "json::text")]
    pub last_seen: UnixNanos,
    /// Fewest attempts of one of them.
    pub min_attempt: u32,
    /// Most attempts of one of them.
    pub max_attempt: u32,
}

type Key = (Option<RejectReason>, Option<u32>, Vec<String>);

/// Every letter in exactly one group, so that the groups sum up to the letters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LetterGroups(BTreeMap<Key, LetterGroup>);

impl LetterGroups {
    /// Counts a letter. Beyond some thousands of groups, letters of services that were not seen
    /// before are counted without a service.
    pub fn add(&mut self, letter: &Letter) {
        let mut key = (letter.reason, letter.schema_id, letter.services.clone());
        if self.0.len() >= MAX_GROUPS && !self.0.contains_key(&key) {
            key.2.clear();
        }
        let group = self
            .0
            .entry(key)
            .or_insert_with_key(|key| LetterGroup::empty(key, letter));
        group.records += 1;
        group.spans += u64::from(letter.spans);
        group.bytes += letter.bytes;
        group.redriven += u64::from(letter.redrive == RedriveState::Redriven);
        group.first_seen = group.first_seen.min(letter.at);
        group.last_seen = group.last_seen.max(letter.at);
        group.min_attempt = group.min_attempt.min(letter.attempt);
        group.max_attempt = group.max_attempt.max(letter.attempt);
    }

    /// The groups, largest first.
    pub fn into_groups(self) -> Vec<LetterGroup> {
        let mut groups: Vec<_> = self.0.into_values().collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.records));
        groups
    }
}

impl LetterGroup {
    fn empty((reason, schema_id, services): &Key, first: &Letter) -> Self {
        Self {
            reason: *reason,
            schema_id: *schema_id,
            services: services.clone(),
            records: 0,
            spans: 0,
            bytes: 0,
            redriven: 0,
            first_seen: first.at,
            last_seen: first.at,
            min_attempt: first.attempt,
            max_attempt: first.attempt,
        }
    }
}
