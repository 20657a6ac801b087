//! How soon a whole trace is found after its last ack, by asking for it until it is there.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use hdrhistogram::Histogram;
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::verify::fetch;

/// Traces looked for at the same time; more would measure the looking.
const AT_A_TIME: usize = 16;
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(50);
/// A trace that is not there by then counts with this age.
const GIVE_UP: Duration = Duration::from_secs(60);

/// Looks for traces and keeps how long each took.
pub struct Freshness {
    client: reqwest::Client,
    query: String,
    places: Arc<Semaphore>,
    probes: Arc<std::sync::Mutex<JoinSet<()>>>,
    micros: Arc<Mutex<Histogram<u64>>>,
}

impl Freshness {
    /// Measures by the query service at this address.
    pub fn new(query: &str) -> anyhow::Result<Self> {
        Ok(Self {
            client: reqwest::Client::builder()
                .timeout(Duration::from_secs(10))
                .build()?,
            query: query.trim_end_matches('/').to_owned(),
            places: Arc::new(Semaphore::new(AT_A_TIME)),
            probes: Arc::default(),
            micros: Arc::new(Mutex::new(
                Histogram::new_with_bounds(1, 600_000_000, 3).context("bounds of a histogram")?,
            )),
        })
    }

    /// Begins to look for a trace that was acknowledged just now, unless enough are looked for.
    pub fn look_for(&self, trace_id: [u8; 16], spans: usize) {
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            return;
        };
        let (client, query, micros) =
            (self.client.clone(), self.query.clone(), self.micros.clone());
        let acked = Instant::now();
        let probe = async move {
            while acked.elapsed() < GIVE_UP {
                let found = fetch(&client, &query, &trace_id).await;
                if found.is_ok_and(|found| found.len() >= spans) {
                    break;
                }
                tokio::time::sleep(PAUSE).await;
            }
            micros
                .lock()
                .await
                .saturating_record(acked.elapsed().as_micros() as u64);
            drop(place);
        };
        if let Ok(mut probes) = self.probes.lock() {
            probes.spawn(probe);
        }
    }

    /// Waits for the last traces and gives the ages at which they were found, in microseconds.
    pub async fn finish(&self) -> Histogram<u64> {
        let mut probes = match self.probes.lock() {
            Ok(mut probes) => std::mem::take(&mut *probes),
            Err(_) => JoinSet::new(),
        };
        while probes.join_next().await.is_some() {}
        self.micros.lock().await.clone()
    }
}
