"""A metrics page as the official Python client serves it, with families to drop and bring back."""

import threading
import wsgiref.simple_server

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

PATH = "/metrics"


class _QuietHandler(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, *_):
        pass


class MetricsServer:
    """Serves in a thread of this process. `url` is the page."""

    name = "metrics"

    def __init__(self, prefix="app"):
        self.prefix = prefix
        self.registry = CollectorRegistry()
        self.families = {}
        self._server = None
        requests = self.add(Counter, "requests", "Requests served.", ["method", "status"])
        requests.labels("GET", "200").inc(3)
        requests.labels("POST", "500").inc()
        self.add(Gauge, "queue_depth", "Messages that wait.").set(7)
        self.add(Gauge, "temperature", 'With a \\ and a " in a label.', ["place"])
        self.families["temperature"].labels('a "quoted" \\ place').set(-3.5)
        latency = self.add(Histogram, "latency_seconds", "Time to answer.", buckets=(0.1, 0.5, 1))
        for value in (0.05, 0.3, 2):
            latency.observe(value)

    def add(self, kind, name, doc, labels=(), **options):
        """Adds a family PREFIX_NAME and returns the client's object."""
        family = kind(f"{self.prefix}_{name}", doc, labels, registry=self.registry, **options)
        self.families[name] = family
        return family

    def drop(self, name):
        """The family is on the page no more."""
        self.registry.unregister(self.families[name])

    def restore(self, name):
        self.registry.register(self.families[name])

    def launch(self):
        self._server = wsgiref.simple_server.make_server(
            "127.0.0.1", 0, prometheus_client.make_wsgi_app(self.registry), handler_class=_QuietHandler
        )
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}{PATH}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def wait_ready(self):
        return self  # the socket listens since launch()

    def start(self):
        return self.launch().wait_ready()

    def stop(self):
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def addresses(self):
        return {"METRICS_URL": self.url}

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
