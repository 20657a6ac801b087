//! Sends everything of a ledger once more, byte for byte, as clients do that heard no answer.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::send::{self, Exporter};
use super::{AgainArgs, console, encode, ledger, span_count};

/// Sends it, and tells how much it was.
pub async fn again(args: AgainArgs) -> anyhow::Result<()> {
    let (recipe, windows) = ledger::read(&args.ledger)?;
    let protocol = args.protocol.unwrap_or(recipe.protocol);
    let endpoint = args.endpoint.as_deref();
    let exporter = Exporter::new(protocol, endpoint.unwrap_or(protocol.default_endpoint()))?;
    let places = Arc::new(Semaphore::new(args.connections.max(1)));
    let started = Instant::now();
    let (mut sending, mut spans) = (JoinSet::new(), 0);
    for (number, acked) in windows {
        let window = recipe.window(number, acked.base);
        for index in acked.requests {
            let message = window.requests.get(index);
            let message =
                message.context("the ledger names a request that its seed does not make")?;
            spans += span_count(message) as u64;
            let body = encode::encode(protocol, message)?;
            let place = places.clone().acquire_owned().await?;
            let exporter = exporter.clone();
            sending.spawn(async move {
                let sent = exporter.send(body, args.retry_for).await;
                drop(place);
                sent
            });
        }
    }
    let mut retries = 0;
    while let Some(done) = sending.join_next().await {
        retries += send::all_accepted(done.context("a sender panicked")??)?.retries;
    }
    report(spans, retries, started.elapsed(), args.json);
    Ok(())
}

fn report(spans: u64, retries: u64, time: Duration, json: bool) {
    let seconds = time.as_secs_f64();
    let text = if json {
        json!({ "spans": spans, "seconds": seconds, "retries": retries }).to_string()
    } else {
        format!("{spans} spans once more in {seconds:.1} s, {retries} retries")
    };
    console::line(&text);
}
