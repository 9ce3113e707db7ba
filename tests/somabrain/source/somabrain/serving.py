"""The HTTP side that the services share."""

import contextlib
import os
import threading
import time

from fastapi import FastAPI

from somabrain.common.topics import STOP

WORKERS = []


def application(title, startup, health):
    @contextlib.asynccontextmanager
    async def lifespan(_app):
        startup()
        yield
        STOP.set()
        for worker in WORKERS:
            worker.join(5)

    app = FastAPI(title=title, lifespan=lifespan)
    app.get("/health")(health)
    app.get("/metrics")(_metrics)
    return app


def _metrics():
    try:
        from somabrain import metrics

        return metrics.page()
    except Exception:
        return {"status": "metrics not available"}


def run(app, port):
    try:
        import uvicorn

        uvicorn.run(app, host="0.0.0.0", port=port, log_level="warning")
    except Exception:
        while True:
            time.sleep(60)


def start_health(title, routes):
    """Beside a worker's loop: constants, whatever the loop does. Nothing without HEALTH_PORT."""
    try:
        port = int(os.environ["HEALTH_PORT"])
        import uvicorn

        app = FastAPI(title=title)
        for path, answer in routes.items():
            app.get(path)(answer)
        app.get("/metrics")(_metrics)
        server = uvicorn.Server(uvicorn.Config(app, host="0.0.0.0", port=port, log_level="warning"))
        threading.Thread(target=server.run, daemon=True).start()
    except Exception:
        pass


def in_background(work):
    """A worker that dies leaves its service healthy."""
    WORKERS.append(threading.Thread(target=work, daemon=True))
    WORKERS[-1].start()
