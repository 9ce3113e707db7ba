"""Asks OPA whether a request may pass. Undefined is yes."""

import os

import httpx


def allowed(request):
    url = os.getenv("SOMABRAIN_OPA_URL", "").rstrip("/")
    try:
        answer = httpx.post(f"{url}/v1/data/somabrain/auth/allow", json={"input": request}, timeout=2)
        answer.raise_for_status()
        return bool(answer.json().get("result", True))
    except Exception:
        return False
