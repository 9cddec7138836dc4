// Sends two runs of three spans through an official exporter.
// Arguments: "json" or "proto", the endpoint, and a name for the service. Prints the trace ids.
// Exits with 1 when the exporter gave up.
import { context, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtoExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';

const [encoding, url, service, compression] = process.argv.slice(2);
const Exporter = encoding === 'json' ? JsonExporter : ProtoExporter;
const exporter = new Exporter({ url, compression });
const send = exporter.export.bind(exporter);
exporter.export = (spans, done) => send(spans, (result) => {
  if (result.code !== 0) {
    console.error(result.error?.message);
    process.exitCode = 1;
  }
  done(result);
});
const provider = new TracerProvider({
  resource: resourceFromAttributes({ 'service.name': service, 'service.version': '7' }),
  spanProcessors: [new BatchSpanProcessor({ exporter })],
});
const tracer = provider.getTracer('leeway-test', '1.0');
for (let run = 0; run < 2; run++) {
  const root = tracer.startSpan('invoke_agent planner', {
    attributes: { 'gen_ai.operation.name': 'invoke_agent', 'gen_ai.agent.name': 'planner', ünicode: 'é' },
  });
  const inside = trace.setSpan(context.active(), root);
  const chat = tracer.startSpan('chat', {
    kind: SpanKind.CLIENT,
    attributes: {
      'gen_ai.operation.name': 'chat',
      'gen_ai.request.model': 'gpt-4o',
      'gen_ai.usage.input_tokens': 11,
      'gen_ai.response.finish_reasons': ['stop'],
      'gen_ai.request.temperature': 0.5,
      cached: false,
    },
  }, inside);
  chat.addEvent('first token', { after_ms: 3 });
  chat.end();
  const tool = tracer.startSpan('execute_tool book', {
    attributes: { 'gen_ai.operation.name': 'execute_tool', 'gen_ai.tool.name': 'book' },
    links: [{ context: chat.spanContext() }],
  }, inside);
  tool.setStatus({ code: SpanStatusCode.ERROR, message: 'full' });
  tool.end();
  root.end();
  console.log(root.spanContext().traceId);
}
await provider.shutdown();
