//! What Jaeger's first API says to requests that it cannot answer.

use crate::support::{Server, checkout, ping};

#[tokio::test]
async fn every_complaint_is_jaegers_to_the_byte() {
    let server = Server::with(vec![checkout(), ping()]).await;
    let mut all = String::new();
    for target in [
        "/api/traces/dead",
        "/api/traces/xyz",
        "/api/traces/111111111111111111111111111111111",
        "/api/traces/abc?raw=maybe",
        "/api/traces/abc?start=x",
        "/api/operations",
        "/api/operations?service=web&spanKind=odd",
        "/api/traces",
        "/api/traces?service=",
        "/api/traces?service=web&start=x",
        "/api/traces?service=web&start=20&end=10",
        "/api/traces?service=web&limit=x",
        "/api/traces?service=web&limit=0",
        "/api/traces?service=web&minDuration=5",
        "/api/traces?service=web&minDuration=2s&maxDuration=1s",
        "/api/traces?service=web&tag=novalue",
        "/api/traces?service=web&tags=word",
        "/api/traces?service=web&tags=%7B%22a%22%3A1%7D",
        "/api/traces?traceID=nothex",
        "/api/dependencies?endTs=x",
        "/api/dependencies?lookback=x",
        "/api/nothing",
        "/nothing",
    ] {
        let response = server.get(target).await;
        assert_eq!(
            response.header("content-type"),
            Some("text/plain; charset=utf-8"),
            "{target}"
        );
        assert_eq!(
            response.header("x-content-type-options"),
            Some("nosniff"),
            "{target}"
        );
        all.push_str(&format!("{target}\n{} {}", response.status, response.body));
    }
    insta::assert_snapshot!(all, @r#"
/api/traces/dead
404 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":404,"msg":"trace not found"}]}
/api/traces/xyz
400 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"strconv.ParseUint: parsing \"xyz\": invalid syntax"}]}
/api/traces/111111111111111111111111111111111
400 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"TraceID cannot be longer than 32 hex characters: 111111111111111111111111111111111"}]}
/api/traces/abc?raw=maybe
400 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"unable to parse param 'raw': strconv.ParseBool: parsing \"maybe\": invalid syntax"}]}
/api/traces/abc?start=x
400 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"unable to parse param 'start': strconv.ParseInt: parsing \"x\": invalid syntax"}]}
/api/operations
400 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"parameter 'service' is required"}]}
/api/operations?service=web&spanKind=odd
400 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"unable to parse param 'spanKind': unsupported span kind: 'odd'"}]}
/api/traces
400 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"parameter 'service' is required"}]}
/api/traces?service=
400 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"parameter 'service' is required"}]}
/api/traces?service=web&start=x
400 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"unable to parse param 'start': strconv.ParseInt: parsing \"x\": invalid syntax"}]}
/api/traces?service=web&start=20&end=10
400 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"invalid parameter: start time must be before end time"}]}
/api/traces?service=web&limit=x
400 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"strconv.ParseInt: parsing \"x\": invalid syntax"}]}
/api/traces?service=web&limit=0
400 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"invalid parameter: limit must be greater than 0"}]}
/api/traces?service=web&minDuration=5
400 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"unable to parse param 'minDuration': time: missing unit in duration \"5\""}]}
/api/traces?service=web&minDuration=2s&maxDuration=1s
400 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"'maxDuration' should be greater than 'minDuration'"}]}
/api/traces?service=web&tag=novalue
400 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"malformed 'tag' parameter, expecting key:value, received: novalue"}]}
/api/traces?service=web&tags=word
400 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"malformed 'tags' parameter, cannot unmarshal JSON: expected value at line 1 column 1"}]}
/api/traces?service=web&tags=%7B%22a%22%3A1%7D
400 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"malformed 'tags' parameter, cannot unmarshal JSON: json: cannot unmarshal number into Go value of type string"}]}
/api/traces?traceID=nothex
400 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"cannot parse traceID param: strconv.ParseUint: parsing \"nothex\": invalid syntax"}]}
/api/dependencies?endTs=x
400 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"unable to parse param 'endTs': strconv.ParseInt: parsing \"x\": invalid syntax"}]}
/api/dependencies?lookback=x
400 {"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":400,"msg":"unable to parse param 'lookback': strconv.ParseInt: parsing \"x\": invalid syntax"}]}
/api/nothing
404 404 page not found
/nothing
404 404 page not found
"#);
}
