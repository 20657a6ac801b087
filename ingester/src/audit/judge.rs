//! Which sums are not equal. Pure.

use std::collections::BTreeMap;

use storage::{Account, Day, SourceAccount};

use super::{LogState, Residue};

/// Compares what the store and the log say with each other. Days before `first_kept` may be in the
/// middle of their removal.
pub fn judge(account: &Account, logs: &[LogState], first_kept: Day) -> Vec<Residue> {
    let mut residues: Vec<Residue> = account.sources.iter().filter_map(offsets).collect();
    residues.extend(logs.iter().flat_map(log));
    residues.extend(tallies(account));
    residues.extend(stored(account));
    residues.extend(dropped(account));
    residues.extend(days(account, first_kept));
    residues
}

fn offsets(of: &SourceAccount) -> Option<Residue> {
    let offsets = of.offsets_residue();
    (offsets != 0).then(|| Residue::Offsets {
        source: of.source.clone(),
        base: of.base.unwrap_or_default(),
        watermark: of.watermark,
        offsets,
    })
}

fn log(state: &LogState) -> Option<Residue> {
    let source = || state.account.source.clone();
    let watermark = state.account.watermark;
    if state.high < watermark {
        return Some(Residue::Shorter {
            source: source(),
            watermark,
            high: state.high,
        });
    }
    let gone = state.gone();
    // A source that was never written for takes whatever the log begins with for the first.
    let untouched = state.account.counts.records == 0 && state.account.watermark == 0;
    (gone > 0 && !untouched).then(|| Residue::Gone {
        source: source(),
        from: watermark,
        to: state.low,
        offsets: gone,
    })
}

/// By consumer: every span is counted by its partition and by its tenant.
fn tallies(account: &Account) -> impl Iterator<Item = Residue> {
    let mut spans: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for source in &account.sources {
        let tallied = source.spans() as i64 - source.spans_untallied as i64;
        spans.entry(&source.source.consumer).or_default().0 += tallied;
    }
    for tally in &account.tallies {
        let all = tally.counts.spans();
        // What came without a log, or before tallies, has no partition.
        if let Some(both) = spans.get_mut(tally.consumer.as_str()) {
            both.1 += all as i64;
        }
    }
    let differ = spans.into_iter().filter(|(_, (one, other))| one != other);
    let residue = |(consumer, (by_partition, by_tenant)): (&str, _)| Residue::Tallies {
        consumer: consumer.to_owned(),
        by_partition,
        by_tenant,
    };
    differ.map(residue).collect::<Vec<_>>().into_iter()
}

/// By tenant: what was stored is there, or was removed on purpose.
fn stored(account: &Account) -> impl Iterator<Item = Residue> {
    let mut spans: BTreeMap<&str, [i64; 3]> = BTreeMap::new();
    for tally in &account.tallies {
        spans.entry(&tally.tenant).or_default()[0] += tally.counts.spans_stored as i64;
    }
    for day in &account.days {
        spans.entry(&day.tenant).or_default()[1] += day.spans;
    }
    for removal in account.removals.iter().filter(|one| one.was_stored()) {
        spans.entry(&removal.tenant).or_default()[2] += removal.spans;
    }
    let residue = |(tenant, [tallied, there, removed]): (&str, [i64; 3])| {
        (tallied != there + removed).then(|| Residue::Stored {
            tenant: tenant.to_owned(),
            tallied,
            there,
            removed,
        })
    };
    spans
        .into_iter()
        .filter_map(residue)
        .collect::<Vec<_>>()
        .into_iter()
}

/// By tenant: what was dropped is remembered, or was forgotten with its day.
fn dropped(account: &Account) -> impl Iterator<Item = Residue> {
    let mut spans: BTreeMap<&str, [i64; 3]> = BTreeMap::new();
    for tally in &account.tallies {
        spans.entry(&tally.tenant).or_default()[0] += tally.counts.spans_dropped as i64;
    }
    for day in &account.days {
        spans.entry(&day.tenant).or_default()[1] += day.dropped;
    }
    for removal in account.removals.iter().filter(|one| !one.was_stored()) {
        spans.entry(&removal.tenant).or_default()[2] += removal.spans;
    }
    let residue = |(tenant, [tallied, remembered, forgotten]): (&str, [i64; 3])| {
        (tallied != remembered + forgotten).then(|| Residue::Dropped {
            tenant: tenant.to_owned(),
            tallied,
            remembered,
            forgotten,
        })
    };
    let residues: Vec<_> = spans.into_iter().filter_map(residue).collect();
    residues.into_iter()
}

/// By tenant and day: what is there, and what was dropped, is what was counted when it was written.
fn days(account: &Account, first_kept: Day) -> impl Iterator<Item = Residue> {
    account
        .days
        .iter()
        .filter(move |of| of.day() >= first_kept && of.spans + of.dropped != of.calls)
        .map(|of| Residue::Day {
            tenant: of.tenant.clone(),
            day: of.day(),
            there: of.spans,
            dropped: of.dropped,
            counted: of.calls,
        })
}

#[cfg(test)]
mod tests {
    use roaring::RoaringTreemap;
    use storage::{Counts, Removal, Source, StoredDay, TenantTally};

    use super::*;

    fn account() -> Account {
        let counts = Counts {
            records: 8,
            spans_stored: 20,
            spans_duplicate: 3,
            spans_dead_lettered: 2,
            spans_dropped: 4,
            records_dead_lettered: 1,
        };
        let source = SourceAccount {
            source: Source {
                consumer: "live".to_owned(),
                topic: "t".to_owned(),
                partition: 3,
            },
            watermark: 17,
            done_above: RoaringTreemap::from_iter([19]),
            counts,
            base: Some(7),
            skipped: 2,
            lost: 1,
            spans_untallied: 0,
        };
        Account {
            sources: vec![source],
            tallies: vec![TenantTally {
                consumer: "live".to_owned(),
                tenant: "a".to_owned(),
                counts,
            }],
            days: vec![StoredDay {
                tenant: "a".to_owned(),
                day: 100,
                segments: 4,
                spans: 15,
                dropped: 3,
                calls: 18,
            }],
            removals: vec![removal("retention", 5), removal("retention of dropped", 1)],
        }
    }

    fn removal(reason: &str, spans: i64) -> Removal {
        Removal {
            tenant: "a".to_owned(),
            day: 90,
            reason: reason.to_owned(),
            spans,
            segments: 1,
        }
    }

    fn judged(change: impl FnOnce(&mut Account)) -> Vec<Residue> {
        let mut account = account();
        change(&mut account);
        judge(&account, &[], Day(95))
    }

    fn state(low: i64, high: i64) -> LogState {
        LogState {
            account: account().sources.remove(0),
            low,
            high,
        }
    }

    #[test]
    fn where_everything_adds_up_nothing_is_left() {
        assert_eq!(judged(|_| ()), []);
    }

    #[test]
    fn a_position_moved_by_hand_is_found_in_its_partition() {
        let found = judged(|account| account.sources[0].watermark += 1);
        let [
            Residue::Offsets {
                source, offsets, ..
            },
        ] = &found[..]
        else {
            panic!("{found:?}")
        };
        assert_eq!((source.partition, *offsets), (3, 1));
    }

    #[test]
    fn a_row_that_is_gone_is_found_by_its_tenant_and_by_its_day() {
        let kinds: Vec<_> = judged(|account| account.days[0].spans -= 2)
            .iter()
            .map(Residue::kind)
            .collect();
        assert_eq!(kinds, ["stored", "day"]);
    }

    #[test]
    fn a_decision_that_is_gone_is_found_by_its_tenant_and_by_its_day() {
        let kinds: Vec<_> = judged(|account| account.days[0].dropped -= 1)
            .iter()
            .map(Residue::kind)
            .collect();
        assert_eq!(kinds, ["dropped", "day"]);
    }

    #[test]
    fn a_day_in_the_middle_of_its_removal_is_not_compared_with_its_series() {
        let found = judged(|account| {
            account.days[0].day = 94;
            account.days[0].calls = 0;
        });
        assert_eq!(found, []);
    }

    #[test]
    fn counts_of_partitions_and_of_tenants_must_be_the_same() {
        let kinds: Vec<_> = judged(|account| account.tallies[0].counts.spans_duplicate += 1)
            .iter()
            .map(Residue::kind)
            .collect();
        assert_eq!(kinds, ["tallies"]);
    }

    #[test]
    fn what_is_in_flight_is_what_the_log_has_and_the_position_has_not_passed() {
        assert_eq!(state(0, 25).in_flight(), 7);
        assert_eq!(state(20, 25).in_flight(), 5);
        assert_eq!(state(0, 17).in_flight(), 0);
    }

    #[test]
    fn records_that_left_the_log_unread_are_found() {
        let found = judge(&account(), &[state(20, 25)], Day(95));
        let [
            Residue::Gone {
                from, to, offsets, ..
            },
        ] = found[..]
        else {
            panic!("{found:?}")
        };
        assert_eq!((from, to, offsets), (17, 20, 2));
        assert_eq!(judge(&account(), &[state(17, 17)], Day(95)), []);
    }

    #[test]
    fn a_log_that_ends_before_the_position_is_found() {
        let found = judge(&account(), &[state(0, 16)], Day(95));
        assert_eq!(
            found.iter().map(Residue::kind).collect::<Vec<_>>(),
            ["shorter"]
        );
    }
}
