"""Exports one trace with OpenTelemetry's Python SDK and prints what it sent, as OTLP JSON.

    export.py grpc|http ENDPOINT
"""

import base64
import json
import sys

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags


def exporter(protocol, endpoint):
    if protocol == "grpc":
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter(endpoint=endpoint, insecure=True)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")


def value(it):
    if isinstance(it, bool):
        return {"boolValue": it}
    if isinstance(it, int):
        return {"intValue": str(it)}
    if isinstance(it, float):
        return {"doubleValue": it}
    if isinstance(it, bytes):
        return {"bytesValue": base64.b64encode(it).decode()}
    if isinstance(it, (list, tuple)):
        return {"arrayValue": {"values": [value(one) for one in it]}}
    return {"stringValue": it}


def attributes(of):
    return [{"key": key, "value": value(it)} for key, it in sorted((of or {}).items())]


def report(span):
    context = span.get_span_context()
    kinds = [SpanKind.INTERNAL, SpanKind.SERVER, SpanKind.CLIENT, SpanKind.PRODUCER, SpanKind.CONSUMER]
    return {
        "traceId": f"{context.trace_id:032x}",
        "spanId": f"{context.span_id:016x}",
        "parentSpanId": f"{span.parent.span_id:016x}" if span.parent else "",
        "name": span.name,
        "kind": kinds.index(span.kind) + 1,
        "startTimeUnixNano": str(span.start_time),
        "endTimeUnixNano": str(span.end_time),
        "attributes": attributes(span.attributes),
        "events": [
            {"timeUnixNano": str(event.timestamp), "name": event.name, "attributes": attributes(event.attributes)}
            for event in span.events
        ],
        "links": [
            {
                "traceId": f"{link.context.trace_id:032x}",
                "spanId": f"{link.context.span_id:016x}",
                "attributes": attributes(link.attributes),
            }
            for link in span.links
        ],
        "status": {"code": span.status.status_code.value, "message": span.status.description or ""},
        "scope": {"name": span.instrumentation_scope.name, "version": span.instrumentation_scope.version or ""},
        "resource": attributes(span.resource.attributes),
    }


def main(protocol, endpoint):
    sent = InMemorySpanExporter()
    resource = Resource.create({"service.name": "python-shop", "service.version": "1.2.3"})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(SimpleSpanProcessor(sent))
    provider.add_span_processor(SimpleSpanProcessor(exporter(protocol, endpoint)))
    tracer = provider.get_tracer("checkout", "0.9")
    elsewhere = SpanContext(0xABC, 0xDEF, is_remote=True, trace_flags=TraceFlags(1))
    with tracer.start_as_current_span("POST /checkout", kind=SpanKind.SERVER) as root:
        root.set_attribute("http.response.status_code", 500)
        root.set_attribute("retries", [1, 2, 3])
        root.set_attribute("ratio", 0.25)
        root.set_attribute("cached", False)
        root.set_attribute("customer", "Zoë 🛒")
        with tracer.start_as_current_span("charge", kind=SpanKind.CLIENT, links=[Link(elsewhere, {"why": "retry"})]) as charge:
            charge.add_event("card declined", {"attempt": 2})
            try:
                raise ValueError("no funds")
            except ValueError as error:
                charge.record_exception(error)
            charge.set_status(Status(StatusCode.ERROR, "declined"))
    provider.shutdown()
    spans = [report(span) for span in sent.get_finished_spans()]
    print(json.dumps({"traceId": spans[0]["traceId"], "spans": spans}))


main(sys.argv[1], sys.argv[2])
