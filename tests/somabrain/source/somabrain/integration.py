"""What the integrator of both commits does with updates: the most confident domain leads, if the policy lets it."""

import math
import os
import time


class Integrator:
    def __init__(self):
        self.tau = 1.0
        self._confidence = {}
        self._opa_url = os.getenv("SOMABRAIN_OPA_URL", "").strip().rstrip("/")
        self._opa_policy = os.getenv("SOMABRAIN_OPA_POLICY", "").strip()
        self._cache = None
        if os.getenv("SOMABRAIN_REDIS_URL"):
            try:
                from common.utils.cache import RedisCache

                self._cache = RedisCache(os.environ["SOMABRAIN_REDIS_URL"], namespace="cog")
            except Exception:
                self._cache = None

    def frame_of(self, update):
        """The global frame after an update; None where the policy denies it."""
        tenant = update["evidence"].get("tenant", "public")
        self._confidence[update["domain"]] = update["confidence"]
        powers = {d: math.exp(c / max(self.tau, 1e-6)) for d, c in self._confidence.items()}
        weights = {d: p / sum(powers.values()) for d, p in powers.items()}
        leader = max(weights, key=weights.get)
        if self._opa_url and self._opa_policy and not self._allowed(tenant, leader, weights):
            return None
        frame = {
            "ts": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "leader": leader,
            "weights": weights,
            "frame": {"tenant": tenant},
            "rationale": "softmax",
        }
        if self._cache is not None:
            try:
                self._cache.put(f"global_frame:{tenant}", frame, 120)
            except Exception:
                pass
        return frame

    def _allowed(self, tenant, leader, weights):
        """The whole document of the package is asked for; undefined is yes."""
        question = {"input": {"tenant": tenant, "candidate": {"leader": leader, "weights": weights}, "event": {}}}
        try:
            import requests

            answer = requests.post(f"{self._opa_url}/v1/data/{self._opa_policy.replace('.', '/')}", json=question, timeout=1.5)
            if answer.status_code >= 400:
                return False
            result = answer.json().get("result")
            return bool(result.get("allow", True)) if isinstance(result, dict) else True
        except Exception:
            return False

    def health_routes(self):
        return {"/healthz": lambda: {"ok": True, "service": "integrator_hub"}, "/tau": lambda: {"tau": self.tau}}
