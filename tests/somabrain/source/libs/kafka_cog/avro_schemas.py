"""Finds the system's Avro schemas: proto/cog of the folder that holds this package."""

import json
from pathlib import Path

REQUIRED = ("belief_update", "global_frame", "segment_boundary", "reward_event", "next_event", "config_update")


def load_schema(name):
    here = Path(__file__).resolve()
    root = next((folder for folder in here.parents if (folder / "proto").is_dir()), here.parents[2])
    path = root / "proto" / "cog" / f"{name}.avsc"
    if not path.exists():
        raise FileNotFoundError(f"Avro schema not found: {path}")
    return json.loads(path.read_text(encoding="utf-8"))


def load_all():
    return {name: load_schema(name) for name in REQUIRED}
