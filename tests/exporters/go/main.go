// Sends two runs of three spans, two log records or a metric through an official exporter, its retries on.
// Arguments: "grpc" or "http", host:port, a name for the service, and "traces", "logs" or "metrics".
// The environment variables of OpenTelemetry count. Exits with 1 when the exporter gave up.
package main

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

var gaveUp atomic.Bool

func main() {
	transport, endpoint, service, signal := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	otel.SetErrorHandler(otel.ErrorHandlerFunc(failed))
	ctx := context.Background()
	res := resource.NewSchemaless(attribute.String("service.name", service), attribute.String("service.version", "7"))
	switch signal {
	case "traces":
		traces(ctx, transport, endpoint, res)
	case "logs":
		logs(ctx, transport, endpoint, res)
	case "metrics":
		metrics(ctx, transport, endpoint, res)
	}
	if gaveUp.Load() {
		os.Exit(1)
	}
}

func failed(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		gaveUp.Store(true)
	}
}

func traces(ctx context.Context, transport, endpoint string, res *resource.Resource) {
	var exporter sdktrace.SpanExporter
	var err error
	if transport == "grpc" {
		exporter, err = otlptracegrpc.New(ctx, otlptracegrpc.WithInsecure(), otlptracegrpc.WithEndpoint(endpoint))
	} else {
		exporter, err = otlptracehttp.New(ctx, otlptracehttp.WithInsecure(), otlptracehttp.WithEndpoint(endpoint))
	}
	failed(err)
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(exporter, sdktrace.WithExportTimeout(2*time.Minute)), sdktrace.WithResource(res))
	tracer := provider.Tracer("leeway-test")
	for run := 0; run < 2; run++ {
		inside, root := tracer.Start(ctx, "invoke_agent planner")
		root.SetAttributes(attribute.String("gen_ai.operation.name", "invoke_agent"))
		for _, name := range []string{"chat", "execute_tool"} {
			_, span := tracer.Start(inside, name)
			span.SetAttributes(attribute.String("gen_ai.operation.name", name))
			span.End()
		}
		root.End()
		fmt.Println(root.SpanContext().TraceID())
	}
	failed(provider.ForceFlush(ctx))
	failed(provider.Shutdown(ctx))
}

func logs(ctx context.Context, transport, endpoint string, res *resource.Resource) {
	var exporter sdklog.Exporter
	var err error
	if transport == "grpc" {
		exporter, err = otlploggrpc.New(ctx, otlploggrpc.WithInsecure(), otlploggrpc.WithEndpoint(endpoint))
	} else {
		exporter, err = otlploghttp.New(ctx, otlploghttp.WithInsecure(), otlploghttp.WithEndpoint(endpoint))
	}
	failed(err)
	provider := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(exporter)), sdklog.WithResource(res))
	for _, body := range []string{"first", "second"} {
		var record log.Record
		record.SetBody(attribute.StringValue(body))
		record.SetTimestamp(time.Now())
		provider.Logger("leeway-test").Emit(ctx, record)
	}
	failed(provider.Shutdown(ctx))
}

func metrics(ctx context.Context, transport, endpoint string, res *resource.Resource) {
	var exporter sdkmetric.Exporter
	var err error
	if transport == "grpc" {
		exporter, err = otlpmetricgrpc.New(ctx, otlpmetricgrpc.WithInsecure(), otlpmetricgrpc.WithEndpoint(endpoint))
	} else {
		exporter, err = otlpmetrichttp.New(ctx, otlpmetrichttp.WithInsecure(), otlpmetrichttp.WithEndpoint(endpoint))
	}
	failed(err)
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewPeriodicReader(exporter)), sdkmetric.WithResource(res))
	counter, err := provider.Meter("leeway-test").Int64Counter("calls")
	failed(err)
	counter.Add(ctx, 3)
	failed(provider.Shutdown(ctx))
}
