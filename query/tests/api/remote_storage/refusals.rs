//! Bad calls, and the status that each must get; none reaches the store.

use prost_types::{Duration, Timestamp};
use query::QueryConfig;
use schemas::jaeger_query::api_v3::Call;
use schemas::jaeger_storage as wire;
use schemas::jaeger_storage::any_value::Value;

use super::client::{Jaeger, attribute, search};
use crate::bad_inputs::Untouchable;
use crate::support::Server;

/// The searches that are refused, by what is wrong with them.
fn bad_searches() -> Vec<wire::FindTracesRequest> {
    let good = search();
    let with = |change: fn(&mut wire::TraceQueryParameters)| {
        let mut query = good.clone();
        change(&mut query);
        Some(query)
    };
    let queries = [
        None,
        with(|query| query.search_depth = 0),
        with(|query| query.search_depth = -1),
        with(|query| query.search_depth = 1_501),
        with(|query| std::mem::swap(&mut query.start_time_min, &mut query.start_time_max)),
        with(|query| {
            query.start_time_min = Some(Timestamp {
                seconds: 1,
                nanos: -1,
            });
        }),
        with(|query| {
            query.duration_min = Some(Duration {
                seconds: -1,
                nanos: 0,
            });
        }),
        with(|query| {
            query.duration_min = Some(Duration {
                seconds: 2,
                nanos: 0,
            });
            query.duration_max = Some(Duration {
                seconds: 1,
                nanos: 0,
            });
        }),
        with(|query| query.service_name = "a\0b".to_owned()),
        with(|query| query.attributes = vec![attribute("a\0", Value::IntValue(1))]),
        with(|query| {
            let many = 0..51;
            query.attributes = many
                .map(|number| attribute(&format!("k{number}"), Value::IntValue(1)))
                .collect();
        }),
        with(|query| {
            query.filter = Some(Call {
                op: "and".to_owned(),
                args: Vec::new(),
            });
        }),
    ];
    queries
        .into_iter()
        .map(|query| wire::FindTracesRequest { query })
        .collect()
}

#[tokio::test]
async fn every_bad_call_is_refused_in_words() {
    let server = Server::start(QueryConfig::default(), Untouchable).await;
    let mut jaeger = Jaeger::connect(&server, &model::Tenant::default()).await;
    let mut all = String::new();
    for request in bad_searches() {
        let mut told = Vec::new();
        for method in ["FindTraces", "FindTraceIDs", "FindTraceSummaries"] {
            let answer: Result<Vec<wire::GetServicesRequest>, _> =
                jaeger.all(method, request.clone()).await;
            let status = answer.expect_err("it is refused");
            told.push(format!("{:?}: {}\n", status.code(), status.message()));
        }
        assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:?}");
        all += &told[0];
    }
    let ids = [vec![1; 15], vec![], vec![1; 17]];
    let mut lists: Vec<Vec<Vec<u8>>> = ids.into_iter().map(|id| vec![id]).collect();
    lists.push(vec![vec![1; 16]; 1_501]);
    for list in lists {
        let params = |trace_id| wire::GetTraceParams {
            trace_id,
            ..Default::default()
        };
        let query = list.into_iter().map(params).collect();
        let answer: Result<Vec<wire::GetServicesRequest>, _> = jaeger
            .all("GetTraces", wire::GetTracesRequest { query })
            .await;
        let status = answer.expect_err("it is refused");
        all += &format!("{:?}: {}\n", status.code(), status.message());
    }
    assert_eq!(all.lines().count(), 16, "{all}");
    let refused = |line: &str| line.starts_with("InvalidArgument: ");
    assert!(all.lines().all(refused), "{all}");
}
