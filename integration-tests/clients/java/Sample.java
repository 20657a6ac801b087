import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.Attributes;
import io.opentelemetry.api.trace.Span;
import io.opentelemetry.exporter.otlp.http.trace.OtlpHttpSpanExporter;
import io.opentelemetry.sdk.extension.trace.jaeger.sampler.JaegerRemoteSampler;
import io.opentelemetry.sdk.resources.Resource;
import io.opentelemetry.sdk.trace.SdkTracerProvider;
import io.opentelemetry.sdk.trace.export.BatchSpanProcessor;
import io.opentelemetry.sdk.trace.samplers.Sampler;
import java.time.Duration;

/**
 * Begins traces at a steady rate with OpenTelemetry's Java SDK, samples as Jaeger's remote sampler is
 * told, and prints each second how many it sampled. Ends when it is killed.
 *
 * <p>Sample OTLP_ENDPOINT SAMPLING_ENDPOINT TRACES_PER_SECOND
 */
public class Sample {
  public static void main(String[] args) throws InterruptedException {
    JaegerRemoteSampler sampler =
        JaegerRemoteSampler.builder()
            .setEndpoint(args[1])
            .setServiceName("java-shop")
            .setPollingInterval(Duration.ofMillis(500))
            .setInitialSampler(Sampler.alwaysOff())
            .build();
    OtlpHttpSpanExporter exporter =
        OtlpHttpSpanExporter.builder().setEndpoint(args[0] + "/v1/traces").build();
    SdkTracerProvider provider =
        SdkTracerProvider.builder()
            .setResource(Resource.create(Attributes.of(AttributeKey.stringKey("service.name"), "java-shop")))
            .setSampler(sampler)
            .addSpanProcessor(
                BatchSpanProcessor.builder(exporter).setScheduleDelay(Duration.ofMillis(200)).build())
            .build();
    var tracer = provider.get("checkout");
    long perSecond = Long.parseLong(args[2]);
    long begin = System.nanoTime();
    int sampled = 0;
    for (long n = 1; ; n++) {
      Span span = tracer.spanBuilder("POST /checkout").setNoParent().startSpan();
      if (span.getSpanContext().isSampled()) sampled++;
      span.end();
      long due = begin + n * 1_000_000_000L / perSecond;
      long early = (due - System.nanoTime()) / 1_000_000;
      if (early > 0) Thread.sleep(early);
      if (n % perSecond == 0) {
        System.out.println(sampled);
        sampled = 0;
      }
    }
  }
}
