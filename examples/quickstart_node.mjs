// An agent that Leeway can watch: OpenTelemetry's SDK and the gen_ai conventions, nothing of ours.
//
//   npm install @opentelemetry/api @opentelemetry/sdk-trace-node @opentelemetry/resources @opentelemetry/exporter-trace-otlp-proto
//   node quickstart_node.mjs
import { trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

// The exporter reads OTEL_EXPORTER_OTLP_ENDPOINT; without it, it sends to http://localhost:4318, where Leeway listens.
const provider = new NodeTracerProvider({
  resource: resourceFromAttributes({ "service.name": "weather-desk", "service.version": "1.0.0" }),
  spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
});
provider.register();
const tracer = trace.getTracer("quickstart");

const step = (name, attributes, work) =>
  tracer.startActiveSpan(name, { attributes }, async (span) => {
    try {
      return await work(span);
    } finally {
      span.end();
    }
  });

const agent = {
  "gen_ai.operation.name": "invoke_agent",
  "gen_ai.agent.name": "forecaster",
  "gen_ai.agent.version": "v1", // what a rollout changes, and what Leeway compares
  "gen_ai.conversation.id": "conversation-42",
};
const call = {
  "gen_ai.operation.name": "chat",
  "gen_ai.provider.name": "openai",
  "gen_ai.request.model": "gpt-4o-mini",
  "gen_ai.usage.input_tokens": 310,
  "gen_ai.usage.output_tokens": 24,
  "gen_ai.response.finish_reasons": ["tool_calls"],
};
const tool = { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "get_forecast" };

const traceId = await step("invoke_agent forecaster", agent, async (run) => {
  await step("chat gpt-4o-mini", call, async () => {});
  await step("execute_tool get_forecast", tool, async () => {});
  return run.spanContext().traceId;
});
await provider.shutdown(); // sends what is left
console.log(`sent run ${traceId}; find it under Runs at http://127.0.0.1:8501`);
