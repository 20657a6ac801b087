//! What several stores hold, in one account: each store adds up by itself, so the sums do.

use std::collections::BTreeMap;

use super::Stores;
use crate::{
    Account, Day, PostgresStore, ReadError, Recount, Removal, Sizes, StoredDay, TenantTally,
};

impl Stores<PostgresStore> {
    /// Reads the account, each store's in a snapshot of its own: see [`PostgresStore::account`].
    ///
    /// # Errors
    /// If one of the stores cannot be read.
    pub async fn account(&self) -> Result<Account, ReadError> {
        let mut accounts = Vec::new();
        for store in self.all() {
            let account = store.account().await;
            accounts.push(account.map_err(|error| store.blamed(error))?);
        }
        Ok(sum(accounts))
    }

    /// Counts the figures of every store again: see [`PostgresStore::recount`].
    ///
    /// # Errors
    /// If one of the stores cannot be read to the end.
    pub async fn recount(&self, first: Day, last: Day, limit: usize) -> Result<Recount, ReadError> {
        let mut sum = Recount::default();
        for store in self.all() {
            let of_store = store.recount(first, last, limit).await;
            let of_store = of_store.map_err(|error| store.blamed(error))?;
            sum.segments += of_store.segments;
            sum.traces += of_store.traces;
            sum.spans += of_store.spans;
            sum.dropped += of_store.dropped;
            sum.doubled += of_store.doubled;
            sum.differences += of_store.differences;
            sum.unsure += of_store.unsure;
            sum.examples.extend(of_store.examples);
        }
        sum.examples.truncate(limit);
        Ok(sum)
    }

    /// Measures all of them: see [`PostgresStore::sizes`].
    ///
    /// # Errors
    /// If one of the stores cannot be read, or not in time.
    pub async fn sizes(&self) -> Result<Sizes, ReadError> {
        let mut sum = Sizes::default();
        for store in self.all() {
            let of_store = store.sizes().await;
            sum.add(&of_store.map_err(|error| store.blamed(error))?);
        }
        Ok(sum)
    }
}

fn sum(mut accounts: Vec<Account>) -> Account {
    if accounts.len() == 1 {
        return accounts.remove(0);
    }
    let mut sum = Account::default();
    let mut tallies: BTreeMap<(String, String), TenantTally> = BTreeMap::new();
    let mut days: BTreeMap<(String, i32), StoredDay> = BTreeMap::new();
    let mut removals: BTreeMap<(String, i32, String), Removal> = BTreeMap::new();
    for account in accounts {
        sum.sources.extend(account.sources);
        for one in account.tallies {
            let key = (one.consumer.clone(), one.tenant.clone());
            tallies
                .entry(key)
                .and_modify(|all| all.counts.add(&one.counts))
                .or_insert(one);
        }
        for one in account.days {
            let key = (one.tenant.clone(), one.day);
            days.entry(key)
                .and_modify(|all| {
                    all.segments += one.segments;
                    all.spans += one.spans;
                    all.dropped += one.dropped;
                    all.calls += one.calls;
                })
                .or_insert(one);
        }
        for one in account.removals {
            let key = (one.tenant.clone(), one.day, one.reason.clone());
            removals
                .entry(key)
                .and_modify(|all| {
                    all.spans += one.spans;
                    all.segments += one.segments;
                })
                .or_insert(one);
        }
    }
    sum.sources.sort_by(|a, b| a.source.cmp(&b.source));
    sum.tallies = tallies.into_values().collect();
    sum.days = days.into_values().collect();
    sum.removals = removals.into_values().collect();
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_the_same_tenant_and_day_is_added_up() {
        let account = |spans| Account {
            days: vec![StoredDay {
                tenant: "shop".to_owned(),
                day: 20_000,
                segments: 1,
                spans,
                dropped: 0,
                calls: spans,
            }],
            ..Account::default()
        };
        let sum = sum(vec![account(2), account(3)]);
        let days: Vec<_> = sum
            .days
            .iter()
            .map(|day| (day.segments, day.spans))
            .collect();
        assert_eq!(days, [(2, 5)]);
    }
}
