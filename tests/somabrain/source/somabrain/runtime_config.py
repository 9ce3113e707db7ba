"""Settings with defaults; outside prod a file beside the code may say otherwise."""

import json
import os

from somabrain.modes import mode_name

OVERRIDES = os.path.join(os.path.dirname(__file__), "..", "data", "runtime_overrides.json")
DEFAULTS = {
    "learner_strict_avro": True,
    "learner_ema_alpha": 0.2,
    "learner_emit_period_s": 30.0,
    "learner_keepalive_tau": 0.7,
    "update_period": 0.5,
}


def get(key):
    if mode_name() != "prod":
        try:
            with open(OVERRIDES, encoding="utf-8") as file:
                return json.load(file).get(key, DEFAULTS[key])
        except Exception:
            pass
    return DEFAULTS[key]
