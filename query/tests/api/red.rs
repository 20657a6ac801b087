//! `/api/metrics/*`, end to end.

use crate::support::{Server, T0, checkout, ping};

/// One point, at the end of the minutes of both sample traces.
fn at() -> String {
    format!(
        "endTs={}&lookback=1&step=60000&ratePer=600000",
        T0 / 1_000_000 + 60_000
    )
}

#[tokio::test]
async fn families_are_computed_from_the_minutes() {
    let server = Server::with(vec![checkout(), ping()]).await;
    let at = at();
    let mut bodies = Vec::new();
    for target in [
        format!("/api/metrics/calls?service=web&{at}"),
        format!(
            "/api/metrics/calls?service=web&service=payment&spanKind=client&spanKind=unspecified&groupByOperation=true&{at}"
        ),
        format!("/api/metrics/errors?service=web&{at}"),
        format!("/api/metrics/errors?service=payment&spanKind=client&{at}"),
        format!("/api/metrics/calls?service=nobody&{at}"),
        "/api/metrics/minstep".to_owned(),
    ] {
        let response = server.get(&target).await;
        assert_eq!(
            (response.status, response.header("content-type")),
            (200, Some("application/json"))
        );
        bodies.push(response.body);
    }
    insta::assert_snapshot!(bodies.join("\n"), @r#"
{"name":"service_call_rate","type":"GAUGE","help":"calls/sec, grouped by service","metrics":[{"labels":[{"name":"service_name","value":"web"}],"metricPoints":[{"gaugeValue":{"doubleValue":0.0016666666666666668},"timestamp":"2026-09-21T14:14:19.999Z"}]}]}
{"name":"service_operation_call_rate","type":"GAUGE","help":"calls/sec, grouped by service \u0026 operation","metrics":[{"labels":[{"name":"service_name","value":"payment"},{"name":"operation","value":"charge"}],"metricPoints":[{"gaugeValue":{"doubleValue":0.0016666666666666668},"timestamp":"2026-09-21T14:14:19.999Z"}]},{"labels":[{"name":"service_name","value":"web"},{"name":"operation","value":"ping"}],"metricPoints":[{"gaugeValue":{"doubleValue":0.0016666666666666668},"timestamp":"2026-09-21T14:14:19.999Z"}]}]}
{"name":"service_error_rate","type":"GAUGE","help":"error rate, computed as a fraction of errors/sec over calls/sec, grouped by service","metrics":[{"labels":[{"name":"service_name","value":"web"}],"metricPoints":[{"gaugeValue":{"doubleValue":0},"timestamp":"2026-09-21T14:14:19.999Z"}]}]}
{"name":"service_error_rate","type":"GAUGE","help":"error rate, computed as a fraction of errors/sec over calls/sec, grouped by service","metrics":[{"labels":[{"name":"service_name","value":"payment"}],"metricPoints":[{"gaugeValue":{"doubleValue":1},"timestamp":"2026-09-21T14:14:19.999Z"}]}]}
{"name":"service_call_rate","type":"GAUGE","help":"calls/sec, grouped by service","metrics":[]}
{"data":1,"total":0,"limit":0,"offset":0,"errors":null}
"#);
}

#[tokio::test]
async fn latencies_are_quantiles_in_milliseconds() {
    let server = Server::with(vec![checkout()]).await;
    let body = server
        .get(&format!(
            "/api/metrics/latencies?service=web&quantile=0.95&{}",
            at()
        ))
        .await
        .json();
    assert_eq!(body["name"], "service_latencies");
    let value = body["metrics"][0]["metricPoints"][0]["gaugeValue"]["doubleValue"].as_f64();
    let value = value.expect("a number");
    assert!((90.0..110.0).contains(&value), "{value}");
}

#[tokio::test]
async fn what_cannot_be_computed_is_refused_in_jaegers_words() {
    let server = Server::with(vec![]).await;
    let mut all = String::new();
    for query in [
        "latencies?service=web",
        "latencies?service=web&quantile=2",
        "calls",
        "calls?service=web&groupByOperation=x",
        "calls?service=web&spanKind=odd",
        "calls?service=web&endTs=x",
        "calls?service=web&step=0",
        "calls?service=web&step=1&lookback=99999999",
        "calls?service=web&ratePer=-5",
    ] {
        let response = server.get(&format!("/api/metrics/{query}")).await;
        all.push_str(&format!("{query}\n{} {}", response.status, response.body));
    }
    insta::assert_snapshot!(all, @r#"
latencies?service=web
400 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"unable to parse param 'quantile': strconv.ParseFloat: parsing \"\": invalid syntax"}]}
latencies?service=web&quantile=2
400 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"unable to parse param 'quantile': must be between 0 and 1"}]}
calls
400 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"unable to parse param 'service': please provide at least one service name"}]}
calls?service=web&groupByOperation=x
400 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"unable to parse param 'groupByOperation': strconv.ParseBool: parsing \"x\": invalid syntax"}]}
calls?service=web&spanKind=odd
400 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"unable to parse param 'spanKind': unsupported span kind: 'odd'"}]}
calls?service=web&endTs=x
400 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"unable to parse param 'endTs': strconv.ParseInt: parsing \"x\": invalid syntax"}]}
calls?service=web&step=0
400 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"unable to parse param 'step': must be greater than 0"}]}
calls?service=web&step=1&lookback=99999999
400 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"unable to parse param 'step': more than 11000 points in a series, try a longer step"}]}
calls?service=web&ratePer=-5
400 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"unable to parse param 'ratePer': must be greater than 0"}]}
"#);
}
