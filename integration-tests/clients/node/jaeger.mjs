// Sends one trace with Jaeger's own JavaScript client over UDP and prints what it sent, as OTLP JSON.
//
//     node jaeger.mjs HOST PORT

import jaeger from 'jaeger-client';
import udp from 'jaeger-client/dist/src/reporters/udp_sender.js';

const [host, port] = process.argv.slice(2);
const KINDS = { server: 2, client: 3 };
const sent = [];

const reporter = new jaeger.RemoteReporter(new udp.default({ host, port: Number(port) }), {
  bufferFlushInterval: 100,
});
const tracer = new jaeger.Tracer(
  'node-jaeger',
  new jaeger.CompositeReporter([reporter, { report: (span) => sent.push(span), close: (done) => done?.(), setProcess() {} }]),
  new jaeger.ConstSampler(true),
  { tags: { 'service.version': '1.2.3' } },
);

function value(it) {
  if (typeof it === 'boolean') return { boolValue: it };
  if (typeof it === 'number') return { doubleValue: it };
  return { stringValue: String(it) };
}

const attributes = (tags) =>
  tags
    .map(({ key, value: it }) => ({ key, value: value(it) }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));

const nanos = (millis) => String(BigInt(millis) * 1_000_000n);
const renamed = { 'jaeger.version': 'opencensus.exporterversion', hostname: 'host.name' };

function resource() {
  const tags = Object.entries(tracer._tags).map(([key, it]) => ({
    key: renamed[key] ?? key,
    value: key === 'jaeger.version' ? `Jaeger-${it}` : it,
  }));
  return attributes([...tags, { key: 'service.name', value: 'node-jaeger' }]);
}

function report(span) {
  const find = (key) => span._tags.find((tag) => tag.key === key)?.value;
  const context = span.context();
  return {
    traceId: context.traceIdStr.padStart(32, '0'),
    spanId: context.spanIdStr.padStart(16, '0'),
    parentSpanId: context.parentIdStr?.padStart(16, '0') ?? '',
    name: span._operationName,
    kind: KINDS[find('span.kind')] ?? 0,
    startTimeUnixNano: nanos(span._startTime),
    endTimeUnixNano: nanos(span._startTime + span._duration),
    attributes: attributes(span._tags.filter(({ key }) => !['span.kind', 'error'].includes(key))),
    events: span._logs.map((log) => ({
      timeUnixNano: nanos(log.timestamp),
      name: log.fields.find(({ key }) => key === 'event')?.value ?? '',
      attributes: attributes(log.fields.filter(({ key }) => key !== 'event')),
    })),
    links: [],
    status: { code: find('error') ? 2 : 0, message: '' },
    scope: { name: '', version: '' },
    resource: resource(),
  };
}

// Whole milliseconds, of which the client makes whole microseconds.
const now = Date.now();
const root = tracer.startSpan('POST /checkout', { startTime: now - 30, tags: { 'span.kind': 'server' } });
// No whole numbers: all are doubles, which answers print with or without a fraction.
root.addTags({ 'http.response.body.kib': 12.5, ratio: 0.25, cached: false, customer: 'Zoë 🛒' });
const charge = tracer.startSpan('charge', { childOf: root, startTime: now - 20, tags: { 'span.kind': 'client' } });
charge.log({ event: 'card declined', waited: 2.5 }, now - 15);
charge.setTag('error', true);
charge.finish(now - 10);
root.finish(now);
const spans = sent.map(report);
tracer.close(() => console.log(JSON.stringify({ traceId: spans[0].traceId, spans })));
