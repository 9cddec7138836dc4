"""An agent that Leeway can watch: OpenTelemetry's SDK and the gen_ai conventions, nothing of ours.

pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-grpc
python examples/quickstart_python.py
"""

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

# The exporter reads OTEL_EXPORTER_OTLP_ENDPOINT; without it, it sends to http://localhost:4317, where Leeway listens.
provider = TracerProvider(resource=Resource.create({"service.name": "weather-desk", "service.version": "1.0.0"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(insecure=True)))
trace.set_tracer_provider(provider)
tracer = trace.get_tracer("quickstart")

with tracer.start_as_current_span("invoke_agent forecaster") as run:
    run.set_attribute("gen_ai.operation.name", "invoke_agent")
    run.set_attribute("gen_ai.agent.name", "forecaster")
    run.set_attribute("gen_ai.agent.version", "v1")  # what a rollout changes, and what Leeway compares
    run.set_attribute("gen_ai.conversation.id", "conversation-42")
    with tracer.start_as_current_span("chat gpt-4o-mini") as call:
        call.set_attribute("gen_ai.operation.name", "chat")
        call.set_attribute("gen_ai.provider.name", "openai")
        call.set_attribute("gen_ai.request.model", "gpt-4o-mini")
        call.set_attribute("gen_ai.usage.input_tokens", 310)
        call.set_attribute("gen_ai.usage.output_tokens", 24)
        call.set_attribute("gen_ai.response.finish_reasons", ["tool_calls"])
    with tracer.start_as_current_span("execute_tool get_forecast") as tool:
        tool.set_attribute("gen_ai.operation.name", "execute_tool")
        tool.set_attribute("gen_ai.tool.name", "get_forecast")

trace_id = format(run.get_span_context().trace_id, "032x")
provider.shutdown()  # sends what is left
print(f"sent run {trace_id}; find it under Runs at http://127.0.0.1:8501")
