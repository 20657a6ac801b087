//! The counters of roles that run, as their admin ports tell them.

use std::time::Duration;

use anyhow::Context;
use ingester::audit::CounterTotals;

const PATIENCE: Duration = Duration::from_secs(10);

/// Adds up what the admin ports say.
pub(crate) async fn read(admin_ports: &[String]) -> anyhow::Result<CounterTotals> {
    let mut totals = CounterTotals::default();
    if admin_ports.is_empty() {
        return Ok(totals);
    }
    let client = reqwest::Client::builder().timeout(PATIENCE).build()?;
    for port in admin_ports {
        let url = format!("{}/metrics", port.trim_end_matches('/'));
        let answer = client.get(&url).send().await;
        let answer = answer.and_then(reqwest::Response::error_for_status);
        let text = answer.with_context(|| format!("GET {url}"))?.text().await?;
        text.lines().for_each(|line| add(&mut totals, line));
    }
    Ok(totals)
}

/// Adds one line of the text format.
fn add(totals: &mut CounterTotals, line: &str) {
    let Some((series, value)) = line.rsplit_once(' ') else {
        return;
    };
    let Ok(value) = value.parse::<f64>() else {
        return;
    };
    let value = value as u64;
    let (name, labels) = series.split_once('{').unwrap_or((series, ""));
    match name {
        collector::metrics::SPANS_ACCEPTED => {
            let tenant = label(labels, "tenant").unwrap_or_default();
            *totals.accepted.entry(tenant).or_default() += value;
        }
        ingester::metrics::SPANS_STORED => totals.stored += value,
        ingester::metrics::SPANS_DUPLICATE => totals.duplicate += value,
        ingester::metrics::SPANS_DEAD_LETTERED => totals.dead_lettered += value,
        ingester::metrics::SPANS_DROPPED => totals.dropped += value,
        _ => {}
    }
}

/// The value of a label. Tenants have no character that the format escapes.
fn label(labels: &str, name: &str) -> Option<String> {
    let start = labels.find(&format!("{name}=\""))? + name.len() + 2;
    let rest = &labels[start..];
    Some(rest[..rest.find('"')?].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_of_several_protocols_and_processes_add_up_by_tenant() {
        let mut totals = CounterTotals::default();
        for line in [
            "# HELP spoor_collector_spans_accepted_total Spans.",
            "spoor_collector_spans_accepted_total{tenant=\"a\",protocol=\"otlp\"} 3",
            "spoor_collector_spans_accepted_total{protocol=\"zipkin\",tenant=\"a\"} 4",
            "spoor_collector_spans_accepted_total{tenant=\"b\",protocol=\"otlp\"} 5",
            "spoor_ingester_spans_stored_total 9",
            "spoor_ingester_spans_dead_lettered_total{reason=\"invalid_tenant\"} 2",
            "spoor_ingester_spans_dropped_total{policy=\"none\"} 6",
            "spoor_ingester_spans_stored_totally 100",
        ] {
            add(&mut totals, line);
        }
        let accepted: Vec<_> = totals.accepted.into_iter().collect();
        assert_eq!(accepted, [("a".to_owned(), 7), ("b".to_owned(), 5)]);
        let became = (totals.stored, totals.dead_lettered, totals.dropped);
        assert_eq!(became, (9, 2, 6));
    }
}
