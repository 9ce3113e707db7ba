"""What the three predictors send: an update of their domain and the event they expect next."""

import time

import numpy


def records(domain, tenant):
    """(update, next event), for ever. The confidences wander, so that the leader changes now and then."""
    while True:
        ts = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        error = float(numpy.random.random())
        update = {
            "domain": domain,
            "ts": ts,
            "delta_error": error,
            "confidence": 1 - error,
            "evidence": {"tenant": tenant, "source": f"predictor-{domain}"},
            "posterior": {},
            "model_ver": "v1",
            "latency_ms": 7,
        }
        yield (
            update,
            {
                "frame_id": f"{domain}:{ts}",
                "predicted_state": "intent:browse",
                "confidence": 1 - error,
                "ts": ts,
                "tenant": tenant,
                "domain": domain,
                "regret": error,
            },
        )
