"""Sends one trace with Jaeger's own Python client over UDP and prints what it sent, as OTLP JSON.

    jaeger.py HOST PORT
"""

import base64
import json
import sys
import time

from jaeger_client import Config, thrift
from jaeger_client.thrift_gen.jaeger.ttypes import TagType

VERSION = "opencensus.exporterversion"
LOW = (1 << 64) - 1
KINDS = {"internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}


def value(tag):
    if tag.vType == TagType.DOUBLE:
        return {"doubleValue": tag.vDouble}
    if tag.vType == TagType.BOOL:
        return {"boolValue": tag.vBool}
    if tag.vType == TagType.LONG:
        return {"intValue": str(tag.vLong)}
    if tag.vType == TagType.BINARY:
        return {"bytesValue": base64.b64encode(tag.vBinary).decode()}
    return {"stringValue": tag.vStr}


def attributes(tags, renamed={}):
    named = [{"key": renamed.get(tag.key, tag.key), "value": value(tag)} for tag in tags]
    return sorted(named, key=lambda one: one["key"])


def resource(process):
    named = attributes(process.tags, {"jaeger.version": VERSION, "hostname": "host.name"})
    for tag in named:
        if tag["key"] == VERSION:
            tag["value"]["stringValue"] = "Jaeger-" + tag["value"]["stringValue"]
    named.append({"key": "service.name", "value": {"stringValue": process.serviceName}})
    return sorted(named, key=lambda one: one["key"])


def event(log):
    name = [field.vStr for field in log.fields if field.key == "event"]
    fields = [field for field in log.fields if field.key != "event"]
    return {
        "timeUnixNano": str(log.timestamp * 1000),
        "name": name[0] if name else "",
        "attributes": attributes(fields),
    }


def report(span, process):
    tags = {tag.key: tag for tag in span.tags}
    kind = tags.pop("span.kind", None)
    error = tags.pop("error", None)
    return {
        "traceId": f"{(span.traceIdHigh & LOW) << 64 | span.traceIdLow & LOW:032x}",
        "spanId": f"{span.spanId & LOW:016x}",
        "parentSpanId": f"{span.parentSpanId & LOW:016x}" if span.parentSpanId else "",
        "name": span.operationName,
        "kind": KINDS[kind.vStr] if kind else 0,
        "startTimeUnixNano": str(span.startTime * 1000),
        "endTimeUnixNano": str((span.startTime + span.duration) * 1000),
        "attributes": attributes(tags.values()),
        "events": [event(log) for log in span.logs],
        "links": [],
        "status": {"code": 2 if error and error.vBool else 0, "message": ""},
        "scope": {"name": "", "version": ""},
        "resource": process,
    }


def main(host, port):
    batches = []
    make_batch = thrift.make_jaeger_batch

    def remember(*of, **named):
        batches.append(make_batch(*of, **named))
        return batches[-1]

    thrift.make_jaeger_batch = remember
    agent = {"reporting_host": host, "reporting_port": port}
    settings = {
        "sampler": {"type": "const", "param": 1},
        "local_agent": agent,
        "generate_128bit_trace_id": True,
        "tags": {"service.version": "1.2.3"},
    }
    tracer = Config(config=settings, service_name="python-jaeger", validate=True).new_tracer()
    with tracer.start_span("POST /checkout", tags={"span.kind": "server"}) as root:
        root.set_tag("http.response.status_code", 500)
        root.set_tag("ratio", 0.25)
        root.set_tag("cached", False)
        root.set_tag("customer", "Zoë 🛒")
        with tracer.start_span("charge", child_of=root, tags={"span.kind": "client"}) as charge:
            charge.log_kv({"event": "card declined", "attempt": 2})
            charge.set_tag("error", True)
    closed = tracer.close()
    while not closed.done():
        time.sleep(0.01)
    spans = [report(span, resource(batch.process)) for batch in batches for span in batch.spans]
    print(json.dumps({"traceId": spans[0]["traceId"], "spans": spans}))


main(sys.argv[1], int(sys.argv[2]))
