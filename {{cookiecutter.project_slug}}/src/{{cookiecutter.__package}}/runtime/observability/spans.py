# The template's: later versions change this file. Yours are listed in pyproject.toml.
"""What happens to spans in the SDK. Imported only where tracing is on."""

from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from . import metrics


class CountedBatches(BatchSpanProcessor):
    """Sends spans in batches, and counts those that are lost."""

    def __init__(self, exporter: SpanExporter) -> None:
        super().__init__(_CountedExporter(exporter))
        # What the SDK itself counts with, when OpenTelemetry's own metrics are on: they are not, ours are Prometheus'.
        self._batch_processor._metrics = _Dropped()


class _CountedExporter(SpanExporter):
    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        if result is not SpanExportResult.SUCCESS:
            metrics.SPANS_DROPPED.labels("export_failed").inc(len(spans))
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


class _Dropped:
    """The SDK's `ProcessorMetricsT`."""

    def register_queue_size(self, get_queue_size: object) -> None:
        """Not counted here."""

    def drop_items(self, count: int, error_type: str = "queue_full") -> None:
        metrics.SPANS_DROPPED.labels(error_type).inc(count)

    def finish_items(self, count: int) -> None:
        """Not lost, only handed to the exporter."""
