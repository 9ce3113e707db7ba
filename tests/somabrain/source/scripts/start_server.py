"""Starts the API."""

import os

import uvicorn

uvicorn.run(
    "somabrain.app:app",
    host=os.getenv("SOMABRAIN_HOST", "0.0.0.0"),
    port=int(os.getenv("SOMABRAIN_PORT", "9696")),
    log_level="warning",
)
