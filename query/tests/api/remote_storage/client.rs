//! Jaeger's side of the protocol.

use model::{Tenant, Trace};
use opentelemetry_proto::tonic::trace::v1::TracesData;
use prost::Message;
use prost_types::Timestamp;
use schemas::jaeger_storage as wire;
use schemas::jaeger_storage::any_value::Value;
use tonic::{Request, Status};

use crate::grpc::client::{Client, at};
use crate::support::{Server, checkout, ping, trace_id};

pub const CHECKOUT: &str = "0af7651916cd43dd8448eb211c80319c";

/// What Jaeger sends for a time that it was not given: the year 1.
pub const UNSET: Option<Timestamp> = Some(Timestamp {
    seconds: -62_135_596_800,
    nanos: 0,
});

/// A Jaeger that reads one tenant's traces.
pub struct Jaeger {
    client: Client,
    tenant: Tenant,
}

impl Jaeger {
    /// Connects to the port of remote storage.
    pub async fn connect(server: &Server, tenant: &Tenant) -> Self {
        let address = server.remote_storage.expect("it is switched on");
        Self {
            client: Client::connect(address).await,
            tenant: tenant.clone(),
        }
    }

    fn request<Q>(&self, message: Q) -> Request<Q> {
        let mut request = Request::new(message);
        let tenant = self.tenant.as_str().parse().expect("a value");
        request.metadata_mut().insert("x-tenant", tenant);
        request
    }

    /// Every message of an answer.
    pub async fn all<Q, A>(&mut self, method: &str, message: Q) -> Result<Vec<A>, Status>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let request = self.request(message);
        self.client.all(&of_reader(method), request).await
    }

    /// The one message of an answer.
    pub async fn one<Q, A>(&mut self, method: &str, message: Q) -> A
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let request = self.request(message);
        let answer = self.client.one(&of_reader(method), request).await;
        answer.unwrap_or_else(|status| panic!("{method}: {status}"))
    }

    /// Traces by id, without times.
    pub async fn get(&mut self, ids: &[&str]) -> Vec<TracesData> {
        let params = |id: &&str| wire::GetTraceParams {
            trace_id: trace_id(id).as_bytes().to_vec(),
            start_time: UNSET,
            end_time: UNSET,
        };
        let query = ids.iter().map(params).collect();
        let found = self.all("GetTraces", wire::GetTracesRequest { query });
        found.await.expect("an answer")
    }

    /// Traces by search.
    pub async fn find(&mut self, query: wire::TraceQueryParameters) -> Vec<TracesData> {
        let found = self.all("FindTraces", find(query));
        found.await.expect("an answer")
    }

    /// Ids by search.
    pub async fn find_ids(&mut self, query: wire::TraceQueryParameters) -> Vec<wire::FoundTraceId> {
        let answer: wire::FindTraceIdsResponse = self.one("FindTraceIDs", find(query)).await;
        answer.trace_ids
    }

    /// Summaries by search.
    pub async fn find_summaries(
        &mut self,
        query: wire::TraceQueryParameters,
    ) -> Vec<wire::FindTraceSummariesResponse> {
        let found = self.all("FindTraceSummaries", find(query));
        found.await.expect("an answer")
    }
}

/// A method by its path, or of the reader of traces by its name.
fn of_reader(method: &str) -> String {
    match method.starts_with('/') {
        true => method.to_owned(),
        false => format!("/jaeger.storage.v2.TraceReader/{method}"),
    }
}

pub fn find(query: wire::TraceQueryParameters) -> wire::FindTracesRequest {
    wire::FindTracesRequest { query: Some(query) }
}

/// A search over the ten seconds of the samples.
pub fn search() -> wire::TraceQueryParameters {
    wire::TraceQueryParameters {
        start_time_min: at(-1_000),
        start_time_max: at(9_000),
        search_depth: 100,
        ..Default::default()
    }
}

pub fn attribute(key: &str, value: Value) -> wire::KeyValue {
    wire::KeyValue {
        key: key.to_owned(),
        value: Some(wire::AnyValue { value: Some(value) }),
    }
}

/// A service over two traces, and a Jaeger that reads it.
pub async fn shop() -> (Server, Jaeger) {
    over(vec![checkout(), ping()]).await
}

pub async fn over(traces: Vec<Trace>) -> (Server, Jaeger) {
    let server = Server::with(traces).await;
    let jaeger = Jaeger::connect(&server, &Tenant::default()).await;
    (server, jaeger)
}

/// The ids of the traces of messages, each of which holds spans of one trace alone.
pub fn ids(messages: &[TracesData]) -> Vec<String> {
    let id = |message: &TracesData| {
        let scopes = message.resource_spans.iter().flat_map(|of| &of.scope_spans);
        let mut ids: Vec<&[u8]> = scopes
            .flat_map(|of| &of.spans)
            .map(|span| span.trace_id.as_slice())
            .collect();
        ids.dedup();
        assert_eq!(ids.len(), 1, "one trace in a message, and never none");
        ids[0].iter().map(|byte| format!("{byte:02x}")).collect()
    };
    messages.iter().map(id).collect()
}
