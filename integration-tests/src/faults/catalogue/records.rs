//! Records that can never be stored, alone and among good ones, and a trace that is too large.

use std::time::Duration;

use anyhow::{Context, ensure};

use crate::faults::course::{Fault, Notes, USUAL};
use crate::faults::program::until;
use crate::faults::site::Site;
use crate::faults::topic::{DEAD_LETTERS, SPANS};
use crate::{longer, otlp_http};

/// How often each kind of poison comes.
const TIMES: usize = 10;
const FLOOD: usize = 20_000;

pub(super) const FAULTS: &[Fault] = &[
    Fault {
        name: "poison",
        what: "wrong magic byte, unknown schema id, cut off, noise, header alone, shorter than a header: 10 of each; 10 tombstones, 10 records under a wrong key",
        play: poison,
        after: exactly_the_poison,
        ..USUAL
    },
    Fault {
        name: "nothing-but-poison",
        what: "20,000 records of noise at once, with hardly any good one between them",
        rate: 100,
        play: flood,
        after: the_whole_flood,
        ..USUAL
    },
    Fault {
        name: "giant-trace",
        what: "one trace of 2,000,000 spans beside normal load",
        rate: 1_000,
        within: Duration::from_secs(180),
        play: giant,
        after: the_whole_giant,
        exclusive: false,
        ..USUAL
    },
];

type Sent = (Vec<u8>, Vec<u8>);

/// Every kind of poison, made of a good record.
fn kinds(good: &[u8]) -> Vec<Vec<u8>> {
    let with = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.to_vec();
        change(&mut bytes);
        bytes
    };
    let noise = |bytes: &mut Vec<u8>| {
        for (at, byte) in bytes.iter_mut().enumerate().skip(5) {
            *byte = (at as u8).wrapping_mul(167) ^ 0x5a;
        }
    };
    vec![
        with(&|bytes| bytes[0] = 1),
        with(&|bytes| bytes[1..5].copy_from_slice(&9_999_u32.to_be_bytes())),
        with(&|bytes| bytes.truncate(bytes.len() / 2)),
        with(&noise),
        with(&|bytes| bytes.truncate(5)),
        with(&|bytes| bytes.truncate(3)),
    ]
}

fn good_records(site: &Site) -> anyhow::Result<Vec<Sent>> {
    let records = site.topics.first(SPANS, 5)?.into_iter();
    let bytes = |bytes: Option<bytes::Bytes>| bytes.unwrap_or_default().to_vec();
    Ok(records
        .map(|record| (bytes(record.key), bytes(record.payload)))
        .collect())
}

fn poison(site: &mut Site, notes: &mut Notes) -> anyhow::Result<()> {
    let good = good_records(site)?;
    let mut sent: Vec<Sent> = Vec::new();
    for (key, payload) in good.iter().cycle().take(TIMES) {
        sent.extend(kinds(payload).into_iter().map(|bad| (key.clone(), bad)));
        sent.push((key.clone(), Vec::new()));
        sent.push((key.iter().map(|byte| !byte).collect(), payload.clone()));
    }
    site.topics.produce(SPANS, &sent)?;
    let poison = (kinds(&good[0].1).len() * TIMES) as i64;
    until("the poison is found", Duration::from_secs(60), || {
        site.topics
            .count(DEAD_LETTERS)
            .is_ok_and(|letters| letters >= poison)
    })?;
    notes.ready = site.readiness();
    Ok(())
}

fn exactly_the_poison(site: &mut Site, notes: &mut Notes) -> anyhow::Result<()> {
    let expected = (6 * TIMES) as i64;
    letters(site, notes, expected)
}

fn letters(site: &Site, notes: &mut Notes, expected: i64) -> anyhow::Result<()> {
    let letters = site.topics.count(DEAD_LETTERS)?;
    ensure!(
        letters == expected,
        "{letters} dead letters instead of {expected}"
    );
    notes.add(format!("{letters} dead letters, exactly the poison"));
    Ok(())
}

fn flood(site: &mut Site, notes: &mut Notes) -> anyhow::Result<()> {
    let good = good_records(site)?;
    let key = |number: usize| (number as u128).to_be_bytes().to_vec();
    let noise = good
        .iter()
        .map(|(_, payload)| kinds(payload).swap_remove(3));
    let noise: Vec<Vec<u8>> = noise.collect();
    let one = |number: usize| (key(number), noise[number % noise.len()].clone());
    let records: Vec<Sent> = (0..FLOOD).map(one).collect();
    for part in records.chunks(2_000) {
        site.topics.produce(SPANS, part)?;
    }
    std::thread::park_timeout(Duration::from_secs(1));
    notes.ready = site.readiness();
    Ok(())
}

fn the_whole_flood(site: &mut Site, notes: &mut Notes) -> anyhow::Result<()> {
    letters(site, notes, FLOOD as i64)
}

/// Spans of one request.
const AT_A_TIME: usize = 10_000;
const GIANT: &str = "00000000000000000000000000091a07";

fn giant_spans() -> anyhow::Result<usize> {
    longer("200000", "2000000").parse().context("a number")
}

fn giant(site: &mut Site, notes: &mut Notes) -> anyhow::Result<()> {
    let url = format!("http://127.0.0.1:{}/v1/traces", site.collectors[0].http);
    let total = giant_spans()?;
    let now = otlp_http::now_nanos();
    for first in (0..total).step_by(AT_A_TIME) {
        let spans = (first + 1..=first + AT_A_TIME).map(|number| {
            let parent = if number == 1 { 0 } else { 1 };
            format!(
                r#"{{"traceId":"{GIANT}","spanId":"{number:016x}","parentSpanId":"{}","name":"step {}","kind":1,"startTimeUnixNano":"{}","endTimeUnixNano":"{}"}}"#,
                if parent == 0 { String::new() } else { format!("{parent:016x}") },
                number % 50,
                now - 1_000_000,
                now + (number % 1_000) as u64,
            )
        });
        let spans = spans.collect::<Vec<_>>().join(",");
        let body = format!(
            r#"{{"resourceSpans":[{{"resource":{{"attributes":[{{"key":"service.name","value":{{"stringValue":"giant"}}}}]}},"scopeSpans":[{{"spans":[{spans}]}}]}}]}}"#
        );
        until(
            "the collector takes a part of the giant",
            Duration::from_secs(60),
            || {
                let headers = ["content-type: application/json"];
                otlp_http::post_to(&url, &headers, body.as_bytes()).status == 200
            },
        )?;
    }
    notes.ready = site.readiness();
    Ok(())
}

fn the_whole_giant(site: &mut Site, notes: &mut Notes) -> anyhow::Result<()> {
    let stored = site.number(&format!(
        "SELECT coalesce(sum(span_count), 0)::bigint FROM spoor.segment WHERE trace_id = '{GIANT}'"
    ))?;
    let segments = site.number(&format!(
        "SELECT count(*) FROM spoor.segment WHERE trace_id = '{GIANT}'"
    ))?;
    let sent = giant_spans()? as i64;
    ensure!(
        stored == sent,
        "{stored} spans of the giant are stored, not {sent}"
    );
    let fresh = notes.freshness_p99_ms.unwrap_or_default() / 1_000.0;
    notes.add(format!(
        "{stored} spans in {segments} segments; other traces found whole {fresh:.1} s after their ack (p99)"
    ));
    Ok(())
}
