//! What clients are told to sample, over every door, to the byte.

mod answers;
mod adaptive;
mod reload;

use std::path::PathBuf;

use collector::CollectorConfig;
use schemas::jaeger_sampling::{
    GET_SAMPLING_STRATEGY, SamplingStrategyParameters, SamplingStrategyResponse,
};
use tonic::Status;
use tonic::metadata::MetadataMap;
use tonic::transport::Endpoint;
use tonic_prost::ProstCodec;

use crate::running::{Running, config};

/// A file of strategies in a folder of its own.
struct StrategiesFile {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl StrategiesFile {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("strategies.json");
        let file = Self {
            _folder: folder,
            path,
        };
        file.write(text);
        file
    }

    /// All at once, as an operator's tools replace files.
    fn write(&self, text: &str) {
        let beside = self.path.with_extension("new");
        std::fs::write(&beside, text).expect("writes");
        std::fs::rename(beside, &self.path).expect("replaces");
    }

    fn config(&self) -> CollectorConfig {
        let mut config = config();
        config.sampling.strategies = self.path.display().to_string();
        config
    }
}

/// The body of a `GET` on the port of its own.
async fn told(running: &Running, path: &str) -> (u16, String) {
    let url = format!("http://{}{path}", running.sampling);
    let answer = reqwest::get(url).await.expect("an answer");
    let status = answer.status().as_u16();
    (status, answer.text().await.expect("text"))
}

/// Asks over gRPC.
async fn ask(
    running: &Running,
    service: &str,
    tenant: Option<&str>,
) -> Result<SamplingStrategyResponse, Status> {
    let endpoint = Endpoint::from_shared(format!("http://{}", running.jaeger_grpc));
    let channel = endpoint.expect("an address").connect().await;
    let mut client = tonic::client::Grpc::new(channel.expect("it listens"));
    client.ready().await.expect("it is connected");
    let mut metadata = MetadataMap::new();
    if let Some(tenant) = tenant {
        metadata.insert("x-tenant", tenant.parse().expect("a value"));
    }
    let parameters = SamplingStrategyParameters {
        service_name: service.to_owned(),
    };
    let request = tonic::Request::from_parts(metadata, Default::default(), parameters);
    let codec: ProstCodec<SamplingStrategyParameters, SamplingStrategyResponse> =
        ProstCodec::default();
    let path = http::uri::PathAndQuery::from_static(GET_SAMPLING_STRATEGY);
    let answer = client.unary(request, path, codec).await?;
    Ok(answer.into_inner())
}
