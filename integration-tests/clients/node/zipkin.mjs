// Sends one trace with Zipkin's own JavaScript client and prints what it sent, as OTLP JSON.
//
//     node zipkin.mjs v1|v2 ENDPOINT

import transport from 'zipkin-transport-http';
import zipkin from 'zipkin';

const { Annotation, BatchRecorder, ExplicitContext, Tracer, jsonEncoder, option } = zipkin;
const [version, endpoint] = process.argv.slice(2);
const KINDS = { SERVER: 2, CLIENT: 3 };
const sent = [];

const http = new transport.HttpLogger({
  endpoint: `${endpoint}/api/${version}/spans`,
  jsonEncoder: version === 'v1' ? jsonEncoder.JSON_V1 : jsonEncoder.JSON_V2,
  httpInterval: 50,
});
const answered = new Promise((resolve, reject) => {
  http.on('success', resolve);
  http.on('error', reject);
});
const logger = { logSpan: (span) => { sent.push(span); http.logSpan(span); } };
const ctxImpl = new ExplicitContext();
const recorder = new BatchRecorder({ logger });
const tracer = new Tracer({ ctxImpl, recorder, localServiceName: 'node-zipkin', traceId128Bit: true });

function report(span) {
  const end = span.timestamp + span.duration;
  return {
    traceId: span.traceId.padStart(32, '0'),
    spanId: span.id,
    parentSpanId: span.parentId ?? '',
    name: span.name,
    kind: KINDS[span.kind],
    startTimeUnixNano: String(BigInt(span.timestamp) * 1000n),
    endTimeUnixNano: String(BigInt(end) * 1000n),
    attributes: Object.entries(span.tags)
      .map(([key, value]) => ({ key, value: { stringValue: value } }))
      .sort((a, b) => (a.key < b.key ? -1 : 1)),
    events: span.annotations.map((it) => ({
      timeUnixNano: String(BigInt(it.timestamp) * 1000n),
      name: it.value,
      attributes: [],
    })),
    links: [],
    status: { code: 0, message: '' },
    scope: { name: '', version: '' },
    resource: [
      ...(span.localEndpoint.ipv4 ? [{ key: 'net.host.ip', value: { stringValue: span.localEndpoint.ipv4 } }] : []),
      ...(span.localEndpoint.port ? [{ key: 'net.host.port', value: { intValue: String(span.localEndpoint.port) } }] : []),
      { key: 'service.name', value: { stringValue: span.localEndpoint.serviceName } },
    ],
  };
}

// The client's own timer keeps no process alive.
setInterval(() => {}, 100);
const root = tracer.createRootId();
const record = (id, annotation) => tracer.letId(id, () => tracer.recordAnnotation(annotation));
record(root, new Annotation.ServiceName('node-zipkin'));
record(root, new Annotation.Rpc('post /checkout'));
record(root, new Annotation.BinaryAnnotation('http.status_code', '500'));
record(root, new Annotation.BinaryAnnotation('customer', 'Zoë 🛒'));
record(root, new Annotation.ServerRecv());
const charge = tracer.letId(root, () => tracer.createChildId());
record(charge, new Annotation.ServiceName('node-zipkin'));
record(charge, new Annotation.Rpc('charge'));
record(charge, new Annotation.BinaryAnnotation('attempt', '2'));
record(charge, new Annotation.ClientSend());
record(charge, new Annotation.Message('card declined'));
setTimeout(async () => {
  record(charge, new Annotation.ClientRecv());
  record(root, new Annotation.ServerSend());
  await answered;
  const spans = sent.map(report);
  console.log(JSON.stringify({ traceId: spans[0].traceId, spans }));
  process.exit(0);
}, 20);
