import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.api.trace.SpanContext;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.api.trace.StatusCode;
import io.opentelemetry.api.trace.TraceFlags;
import io.opentelemetry.api.trace.TraceState;
import io.opentelemetry.context.Context;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.exporter.otlp.trace.OtlpGrpcSpanExporter;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.sdk.testing.exporter.InMemorySpanExporter;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.data.SpanData;
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor;
import io.opentelemetry.sdk.trace.export.SpanExporter;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** Exports one trace with OpenTelemetry's Java SDK and prints what it sent, as OTLP JSON. */
public class Export {
  public static void main(String[] args) {
    SpanExporter exporter =
        args[0].equals("grpc")
            ? OtlpGrpcSpanExporter.builder().setEndpoint(args[1]).build()
            : OtlpHttpSpanExporter.builder().setEndpoint(args[1] + "/v1/traces").setCompression("gzip").build();
    InMemorySpanExporter sent = InMemorySpanExporter.create();
    Resource resource =
        Resource.create(
            Attributes.builder().put("service.name", "java-shop").put("service.version", "1.2.3").build());
    SdkTracerProvider provider =
        SdkTracerProvider.builder()
            .setResource(resource)
            .addSpanProcessor(SimpleSpanProcessor.create(sent))
            .addSpanProcessor(SimpleSpanProcessor.create(exporter))
            .build();
    var tracer = provider.tracerBuilder("checkout").setInstrumentationVersion("0.9").build();
    Span root = tracer.spanBuilder("POST /checkout").setSpanKind(SpanKind.SERVER).setNoParent().startSpan();
    root.setAttribute("http.response.status_code", 500L);
    root.setAttribute(AttributeKey.longArrayKey("retries"), List.of(1L, 2L, 3L));
    root.setAttribute("ratio", 0.25);
    root.setAttribute("cached", false);
    root.setAttribute("customer", "Zoë 🛒");
    SpanContext elsewhere =
        SpanContext.create("0".repeat(29) + "abc", "0".repeat(13) + "def", TraceFlags.getSampled(), TraceState.getDefault());
    Span charge =
        tracer
            .spanBuilder("charge")
            .setParent(Context.root().with(root))
            .setSpanKind(SpanKind.CLIENT)
            .addLink(elsewhere, Attributes.builder().put("why", "retry").build())
            .startSpan();
    charge.addEvent("card declined", Attributes.builder().put("attempt", 2L).build());
    charge.recordException(new IllegalStateException("no funds"));
    charge.setStatus(StatusCode.ERROR, "declined");
    charge.end();
    root.end();
    provider.forceFlush().join(10, java.util.concurrent.TimeUnit.SECONDS);
    List<SpanData> spans = sent.getFinishedSpanItems();
    System.out.println(
        "{\"traceId\":" + text(spans.get(0).getTraceId()) + ",\"spans\":" + list(spans.stream().map(Export::report).toList()) + "}");
    provider.shutdown().join(10, java.util.concurrent.TimeUnit.SECONDS);
    System.exit(0);
  }

  static String report(SpanData span) {
    Map<String, String> fields = new TreeMap<>();
    fields.put("traceId", text(span.getTraceId()));
    fields.put("spanId", text(span.getSpanId()));
    fields.put("parentSpanId", text(span.getParentSpanContext().isValid() ? span.getParentSpanId() : ""));
    fields.put("name", text(span.getName()));
    fields.put("kind", String.valueOf(span.getKind().ordinal() + 1));
    fields.put("startTimeUnixNano", text(String.valueOf(span.getStartEpochNanos())));
    fields.put("endTimeUnixNano", text(String.valueOf(span.getEndEpochNanos())));
    fields.put("attributes", attributes(span.getAttributes()));
    fields.put(
        "events",
        list(
            span.getEvents().stream()
                .map(
                    event ->
                        object(
                            Map.of(
                                "timeUnixNano", text(String.valueOf(event.getEpochNanos())),
                                "name", text(event.getName()),
                                "attributes", attributes(event.getAttributes()))))
                .toList()));
    fields.put(
        "links",
        list(
            span.getLinks().stream()
                .map(
                    link ->
                        object(
                            Map.of(
                                "traceId", text(link.getSpanContext().getTraceId()),
                                "spanId", text(link.getSpanContext().getSpanId()),
                                "attributes", attributes(link.getAttributes()))))
                .toList()));
    String code = String.valueOf(span.getStatus().getStatusCode().ordinal());
    fields.put("status", object(Map.of("code", code, "message", text(span.getStatus().getDescription()))));
    String version = span.getInstrumentationScopeInfo().getVersion();
    fields.put(
        "scope",
        object(
            Map.of(
                "name", text(span.getInstrumentationScopeInfo().getName()),
                "version", text(version == null ? "" : version))));
    fields.put("resource", attributes(span.getResource().getAttributes()));
    return object(fields);
  }

  static String attributes(Attributes attributes) {
    Map<String, String> sorted = new TreeMap<>();
    attributes.forEach((key, value) -> sorted.put(key.getKey(), value(value)));
    return list(
        sorted.entrySet().stream()
            .map(entry -> object(new TreeMap<>(Map.of("key", text(entry.getKey()), "value", entry.getValue()))))
            .toList());
  }

  static String value(Object value) {
    if (value instanceof Boolean) return "{\"boolValue\":" + value + "}";
    if (value instanceof Long) return "{\"intValue\":\"" + value + "\"}";
    if (value instanceof Double) return "{\"doubleValue\":" + value + "}";
    if (value instanceof List<?> items) {
      return "{\"arrayValue\":{\"values\":" + list(items.stream().map(Export::value).toList()) + "}}";
    }
    return "{\"stringValue\":" + text(value.toString()) + "}";
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
    StringBuilder json = new StringBuilder("\"");
    for (char c : text.toCharArray()) {
      if (c == '"' || c == '\\') json.append('\\').append(c);
      else if (c < ' ') json.append(String.format("\\u%04x", (int) c));
      else json.append(c);
    }
    return json.append('"').toString();
  }
}
