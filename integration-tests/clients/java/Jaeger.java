import io.jaegertracing.internal.JaegerSpan;
import io.jaegertracing.internal.JaegerTracer;
import io.jaegertracing.internal.LogData;
import io.jaegertracing.internal.reporters.CompositeReporter;
import io.jaegertracing.internal.reporters.InMemoryReporter;
import io.jaegertracing.internal.reporters.RemoteReporter;
import io.jaegertracing.internal.samplers.ConstSampler;
import io.jaegertracing.thrift.internal.senders.HttpSender;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Sends one trace with Jaeger's own Java client, as Thrift over HTTP, and prints what it sent, as OTLP
 * JSON.
 */
public class Jaeger {
  static final Map<String, Integer> KINDS = Map.of("server", 2, "client", 3);
  static final Map<String, String> RENAMED =
      Map.of("jaeger.version", "opencensus.exporterversion", "hostname", "host.name");

  public static void main(String[] args) throws Exception {
    InMemoryReporter sent = new InMemoryReporter();
    HttpSender sender = new HttpSender.Builder(args[1] + "/api/traces").build();
    RemoteReporter reporter = new RemoteReporter.Builder().withSender(sender).build();
    JaegerTracer tracer =
        new JaegerTracer.Builder("java-jaeger")
            .withReporter(new CompositeReporter(sent, reporter))
            .withSampler(new ConstSampler(true))
            .withTraceId128Bit()
            .withTag("service.version", "1.2.3")
            .build();
    JaegerSpan root = tracer.buildSpan("POST /checkout").withTag("span.kind", "server").start();
    root.setTag("http.response.status_code", 500);
    root.setTag("ratio", 0.25);
    root.setTag("cached", false);
    root.setTag("customer", "Zoë 🛒");
    JaegerSpan charge = tracer.buildSpan("charge").asChildOf(root).withTag("span.kind", "client").start();
    charge.log(new TreeMap<>(Map.of("event", "card declined", "attempt", 2)));
    charge.setTag("error", true);
    charge.finish();
    root.finish();
    String spans = list(sent.getSpans().stream().map(Jaeger::report).toList());
    String trace = text(root.context().toTraceId());
    tracer.close();
    System.out.println("{\"traceId\":" + trace + ",\"spans\":" + spans + "}");
    System.exit(0);
  }

  static String report(JaegerSpan span) {
    Map<String, Object> tags = new TreeMap<>(span.getTags());
    // The sampler's decision is told with the root.
    Object kind = tags.remove("span.kind");
    boolean error = Boolean.TRUE.equals(tags.remove("error"));
    Map<String, String> fields = new TreeMap<>();
    fields.put("traceId", text(span.context().toTraceId()));
    fields.put("spanId", text(hex(span.context().getSpanId())));
    long parent = span.context().getParentId();
    fields.put("parentSpanId", text(parent == 0 ? "" : hex(parent)));
    fields.put("name", text(span.getOperationName()));
    fields.put("kind", String.valueOf(KINDS.getOrDefault(String.valueOf(kind), 0)));
    fields.put("startTimeUnixNano", text(nanos(span.getStart())));
    fields.put("endTimeUnixNano", text(nanos(span.getStart() + span.getDuration())));
    fields.put("attributes", attributes(tags));
    List<LogData> logs = span.getLogs() == null ? List.of() : span.getLogs();
    fields.put("events", list(logs.stream().map(Jaeger::event).toList()));
    fields.put("links", "[]");
    fields.put("status", "{\"code\":" + (error ? 2 : 0) + ",\"message\":\"\"}");
    fields.put("scope", "{\"name\":\"\",\"version\":\"\"}");
    fields.put("resource", resource(span.getTracer()));
    return object(fields);
  }

  static String event(LogData log) {
    Map<String, Object> rest = new TreeMap<>(log.getFields());
    Object name = rest.remove("event");
    return object(
        Map.of(
            "timeUnixNano", text(nanos(log.getTime())),
            "name", text(String.valueOf(name)),
            "attributes", attributes(rest)));
  }

  static String resource(JaegerTracer tracer) {
    Map<String, Object> all = new TreeMap<>();
    tracer.tags().forEach((key, value) -> all.put(RENAMED.getOrDefault(key, key), value));
    all.computeIfPresent("opencensus.exporterversion", (key, version) -> "Jaeger-" + version);
    all.put("service.name", tracer.getServiceName());
    return attributes(all);
  }

  static String attributes(Map<String, ?> tags) {
    Set<? extends Map.Entry<String, ?>> sorted = new TreeMap<>(tags).entrySet();
    return list(
        sorted.stream()
            .map(tag -> object(Map.of("key", text(tag.getKey()), "value", value(tag.getValue()))))
            .toList());
  }

  static String value(Object value) {
    if (value instanceof Boolean) return "{\"boolValue\":" + value + "}";
    if (value instanceof Integer || value instanceof Long) return "{\"intValue\":\"" + value + "\"}";
    if (value instanceof Double) return "{\"doubleValue\":" + value + "}";
    return "{\"stringValue\":" + text(value.toString()) + "}";
  }

  static String hex(long id) {
    return String.format("%016x", id);
  }

  static String nanos(long micros) {
    return String.valueOf(micros * 1000);
  }

  static String object(Map<String, String> fields) {
    return fields.entrySet().stream()
        .map(field -> text(field.getKey()) + ":" + field.getValue())
        .collect(Collectors.joining(",", "{", "}"));
  }

  static String list(List<String> items) {
    return items.stream().collect(Collectors.joining(",", "[", "]"));
  }

  static String text(String text) {
    return "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"") + "\"";
  }
}
