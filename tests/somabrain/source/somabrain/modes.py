"""What is on in which mode: everything, but what a file switches off outside prod."""

import json
import os


def mode_name():
    raw = os.getenv("SOMABRAIN_MODE", "").strip().lower()
    return "full-local" if raw in {"full", "local", "full_local", "full-local", "dev"} else "prod"


def feature_enabled(key):
    if mode_name() == "prod":
        return True
    path = os.getenv("SOMABRAIN_FEATURE_OVERRIDES", "./data/feature_overrides.json")
    try:
        with open(path, encoding="utf-8") as file:
            return key not in json.load(file).get("disabled", [])
    except Exception:
        return True


def flag(name, default="0"):
    return os.getenv(name, default).strip().lower() in {"1", "true", "yes", "on"}
