// Exports one trace with OpenTelemetry's JavaScript SDK and prints what it sent, as OTLP JSON.
//
//     node export.mjs grpc|http|http-json ENDPOINT

import { SpanKind, SpanStatusCode, context, trace } from '@opentelemetry/api';
import { OTLPTraceExporter as Grpc } from '@opentelemetry/exporter-trace-otlp-grpc';
import { OTLPTraceExporter as HttpJson } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as Http } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';

const [protocol, endpoint] = process.argv.slice(2);
const exporter =
  protocol === 'grpc'
    ? new Grpc({ url: endpoint })
    : new (protocol === 'http' ? Http : HttpJson)({ url: `${endpoint}/v1/traces` });

const nanos = ([seconds, rest]) => String(BigInt(seconds) * 1_000_000_000n + BigInt(rest));

function value(it) {
  if (typeof it === 'boolean') return { boolValue: it };
  if (typeof it === 'number') return Number.isInteger(it) ? { intValue: String(it) } : { doubleValue: it };
  if (Array.isArray(it)) return { arrayValue: { values: it.map(value) } };
  return { stringValue: it };
}

const attributes = (of) =>
  Object.entries(of ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, it]) => ({ key, value: value(it) }));

const report = (span) => ({
  traceId: span.spanContext().traceId,
  spanId: span.spanContext().spanId,
  parentSpanId: span.parentSpanContext?.spanId ?? '',
  name: span.name,
  kind: span.kind + 1,
  startTimeUnixNano: nanos(span.startTime),
  endTimeUnixNano: nanos(span.endTime),
  attributes: attributes(span.attributes),
  events: span.events.map((event) => ({
    timeUnixNano: nanos(event.time),
    name: event.name,
    attributes: attributes(event.attributes),
  })),
  links: span.links.map((link) => ({
    traceId: link.context.traceId,
    spanId: link.context.spanId,
    attributes: attributes(link.attributes),
  })),
  status: { code: span.status.code, message: span.status.message ?? '' },
  scope: { name: span.instrumentationScope.name, version: span.instrumentationScope.version ?? '' },
  resource: attributes(span.resource.attributes),
});

const sent = new InMemorySpanExporter();
const provider = new BasicTracerProvider({
  resource: resourceFromAttributes({ 'service.name': 'node-shop', 'service.version': '1.2.3' }),
  spanProcessors: [new SimpleSpanProcessor(sent), new SimpleSpanProcessor(exporter)],
});
const tracer = provider.getTracer('checkout', '0.9');

const root = tracer.startSpan('POST /checkout', { kind: SpanKind.SERVER });
root.setAttributes({ 'http.response.status_code': 500, retries: [1, 2, 3], ratio: 0.25, cached: false, customer: 'Zoë 🛒' });
const elsewhere = { traceId: '0'.repeat(29) + 'abc', spanId: '0'.repeat(13) + 'def', traceFlags: 1 };
const charge = tracer.startSpan(
  'charge',
  { kind: SpanKind.CLIENT, links: [{ context: elsewhere, attributes: { why: 'retry' } }] },
  trace.setSpan(context.active(), root),
);
charge.addEvent('card declined', { attempt: 2 });
charge.recordException(new Error('no funds'));
charge.setStatus({ code: SpanStatusCode.ERROR, message: 'declined' });
charge.end();
root.end();
await provider.forceFlush();
const spans = sent.getFinishedSpans().map(report);
await provider.shutdown();
console.log(JSON.stringify({ traceId: spans[0].traceId, spans }));
