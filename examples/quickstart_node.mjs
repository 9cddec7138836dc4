// An agent that Leeway can watch: OpenTelemetry's SDK and the gen_ai conventions, nothing of ours.
//
//   npm install @opentelemetry/api @opentelemetry/sdk-trace @opentelemetry/resources @opentelemetry/exporter-trace-otlp-proto
//   node quickstart_node.mjs
import { context, trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";

// The exporter reads OTEL_EXPORTER_OTLP_ENDPOINT; without it, it sends to http://localhost:4318, where Leeway listens.
const provider = new TracerProvider({
  resource: resourceFromAttributes({ "service.name": "weather-desk", "service.version": "1.0.0" }),
  spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })],
});
const tracer = provider.getTracer("quickstart");

const run = tracer.startSpan("invoke_agent forecaster", {
  attributes: {
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.agent.name": "forecaster",
    "gen_ai.agent.version": "v1", // what a rollout changes, and what Leeway compares
    "gen_ai.conversation.id": "conversation-42",
  },
});
const within = trace.setSpan(context.active(), run);

const call = tracer.startSpan("chat gpt-4o-mini", {}, within);
call.setAttributes({
  "gen_ai.operation.name": "chat",
  "gen_ai.provider.name": "openai",
  "gen_ai.request.model": "gpt-4o-mini",
  "gen_ai.usage.input_tokens": 310,
  "gen_ai.usage.output_tokens": 24,
  "gen_ai.response.finish_reasons": ["tool_calls"],
});
call.end();

const tool = tracer.startSpan("execute_tool get_forecast", {}, within);
tool.setAttributes({ "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "get_forecast" });
tool.end();

run.end();
await provider.shutdown(); // sends what is left
console.log(`sent run ${run.spanContext().traceId}; find it under Runs at http://127.0.0.1:8501`);
