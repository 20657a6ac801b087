"""Sends one trace with py_zipkin and prints what it sent, as OTLP JSON.

    zipkin.py json ENDPOINT
"""

import json
import sys
import urllib.request

from py_zipkin import Encoding, Kind
from py_zipkin.zipkin import zipkin_span
from py_zipkin.transport import BaseTransportHandler

KINDS = {"SERVER": 2, "CLIENT": 3}


class Transport(BaseTransportHandler):
    def __init__(self, url):
        super().__init__()
        self.url = url
        self.payloads = []

    def get_max_payload_bytes(self):
        return None

    def send(self, payload):
        data = payload if isinstance(payload, bytes) else payload.encode()
        request = urllib.request.Request(self.url, data, {"content-type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 202, answer.status
        self.payloads.append(data)


def attribute(key, value):
    return {"key": key, "value": value}


def strings(tags):
    return [attribute(key, {"stringValue": value}) for key, value in sorted(tags.items())]


def report(span):
    endpoint = span["localEndpoint"]
    resource = [attribute("service.name", {"stringValue": endpoint["serviceName"]})]
    if "ipv4" in endpoint:
        resource.insert(0, attribute("net.host.ip", {"stringValue": endpoint["ipv4"]}))
    if endpoint.get("port"):
        resource.insert(-1, attribute("net.host.port", {"intValue": str(endpoint["port"])}))
    return {
        "traceId": span["traceId"].rjust(32, "0"),
        "spanId": span["id"],
        "parentSpanId": span.get("parentId", ""),
        "name": span["name"],
        "kind": KINDS[span["kind"]],
        "startTimeUnixNano": str(span["timestamp"] * 1000),
        "endTimeUnixNano": str((span["timestamp"] + span["duration"]) * 1000),
        "attributes": strings(span.get("tags", {})),
        "events": [
            {"timeUnixNano": str(it["timestamp"] * 1000), "name": it["value"], "attributes": []}
            for it in span.get("annotations", [])
        ],
        "links": [],
        "status": {"code": 0, "message": ""},
        "scope": {"name": "", "version": ""},
        "resource": resource,
    }


def main(endpoint):
    transport = Transport(endpoint + "/api/v2/spans")
    settings = {
        "service_name": "python-zipkin",
        "transport_handler": transport,
        "encoding": Encoding.V2_JSON,
        "use_128bit_trace_id": True,
        "sample_rate": 100.0,
        "port": 8080,
    }
    with zipkin_span(span_name="post /checkout", kind=Kind.SERVER, **settings) as root:
        root.update_binary_annotations({"http.status_code": "500", "customer": "Zoë 🛒"})
        with zipkin_span(service_name="python-zipkin", span_name="charge", kind=Kind.CLIENT) as charge:
            charge.add_annotation("card declined")
            charge.update_binary_annotations({"attempt": "2"})
    spans = [report(span) for payload in transport.payloads for span in json.loads(payload)]
    print(json.dumps({"traceId": spans[0]["traceId"], "spans": spans}))


main(sys.argv[2])
