import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import zipkin2.Endpoint;
import zipkin2.Span;
import zipkin2.reporter.AsyncReporter;
import zipkin2.reporter.Encoding;
import zipkin2.reporter.SpanBytesEncoder;
import zipkin2.reporter.urlconnection.URLConnectionSender;

/** Sends one trace with Zipkin's own reporter for Java and prints what it sent, as OTLP JSON. */
public class Zipkin {
  static final String TRACE = Long.toHexString(System.nanoTime() | 1L << 62) + String.format("%016x", System.nanoTime());

  public static void main(String[] args) throws Exception {
    boolean protobuf = args[0].equals("protobuf");
    URLConnectionSender sender =
        URLConnectionSender.newBuilder()
            .endpoint(args[1] + "/api/v2/spans")
            .encoding(protobuf ? Encoding.PROTO3 : Encoding.JSON)
            .build();
    AsyncReporter<Span> reporter =
        AsyncReporter.builder(sender)
            .messageTimeout(0, TimeUnit.MILLISECONDS)
            .build(protobuf ? SpanBytesEncoder.PROTO3 : SpanBytesEncoder.JSON_V2);
    long now = System.currentTimeMillis() * 1000;
    Endpoint shop = Endpoint.newBuilder().serviceName("java-zipkin").ip("10.1.2.3").port(8080).build();
    Endpoint bank = Endpoint.newBuilder().serviceName("bank").ip("2001:db8::7").port(443).build();
    Span root =
        span("a1", null, Span.Kind.SERVER, "post /checkout", now - 30_123, 30_000)
            .localEndpoint(shop)
            .putTag("http.status_code", "500")
            .putTag("customer", "Zoë 🛒")
            .build();
    Span charge =
        span("b2", "a1", Span.Kind.CLIENT, "charge", now - 20_000, 7_001)
            .localEndpoint(shop)
            .remoteEndpoint(bank)
            .addAnnotation(now - 15_000, "card declined")
            .putTag("attempt", "2")
            .build();
    List<Span> sent = List.of(root, charge);
    sent.forEach(reporter::report);
    reporter.flush();
    reporter.close();
    System.out.println(
        "{\"traceId\":" + text(TRACE) + ",\"spans\":" + list(sent.stream().map(Zipkin::report).toList()) + "}");
    System.exit(0);
  }

  static Span.Builder span(String id, String parent, Span.Kind kind, String name, long start, long micros) {
    Span.Builder span = Span.newBuilder().traceId(TRACE).id(id).kind(kind).name(name);
    return span.parentId(parent).timestamp(start).duration(micros);
  }

  static String report(Span span) {
    List<String> fields = new ArrayList<>();
    fields.add("\"traceId\":" + text(span.traceId()));
    fields.add("\"spanId\":" + text(span.id()));
    fields.add("\"parentSpanId\":" + text(span.parentId() == null ? "" : span.parentId()));
    fields.add("\"name\":" + text(span.name()));
    fields.add("\"kind\":" + (span.kind() == Span.Kind.SERVER ? 2 : 3));
    fields.add("\"startTimeUnixNano\":" + text(nanos(span.timestampAsLong())));
    fields.add("\"endTimeUnixNano\":" + text(nanos(span.timestampAsLong() + span.durationAsLong())));
    Map<String, String> attributes = new TreeMap<>();
    span.tags().forEach((key, value) -> attributes.put(key, attribute(key, value)));
    Endpoint remote = span.remoteEndpoint();
    if (remote != null) {
      attributes.put("net.peer.ip", attribute("net.peer.ip", remote.ipv6()));
      attributes.put("net.peer.port", port("net.peer.port", remote));
      attributes.put("peer.service", attribute("peer.service", remote.serviceName()));
    }
    fields.add("\"attributes\":" + list(List.copyOf(attributes.values())));
    fields.add(
        "\"events\":"
            + list(
                span.annotations().stream()
                    .map(it -> "{\"timeUnixNano\":" + text(nanos(it.timestamp())) + ",\"name\":" + text(it.value()) + ",\"attributes\":[]}")
                    .toList()));
    fields.add("\"links\":[],\"status\":{\"code\":0,\"message\":\"\"},\"scope\":{\"name\":\"\",\"version\":\"\"}");
    Endpoint local = span.localEndpoint();
    String port = port("net.host.port", local);
    fields.add(
        "\"resource\":"
            + list(List.of(attribute("net.host.ip", local.ipv4()), port, attribute("service.name", local.serviceName()))));
    return fields.stream().collect(Collectors.joining(",", "{", "}"));
  }

  static String port(String key, Endpoint endpoint) {
    return "{\"key\":" + text(key) + ",\"value\":{\"intValue\":\"" + endpoint.portAsInt() + "\"}}";
  }

  static String attribute(String key, String value) {
    return "{\"key\":" + text(key) + ",\"value\":{\"stringValue\":" + text(value) + "}}";
  }

  static String nanos(long micros) {
    return String.valueOf(micros * 1000);
  }

  static String list(List<String> items) {
    return items.stream().collect(Collectors.joining(",", "[", "]"));
  }

  static String text(String text) {
    return "\"" + text.replace("\\", "\\\\").replace("\"", "\\\"") + "\"";
  }
}
