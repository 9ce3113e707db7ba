"""A segment lasts as long as its leader."""


class Segmenter:
    def __init__(self):
        self._leader, self._since = {}, {}

    def observe(self, frame, now):
        """The boundary that a frame makes, if any; now in seconds."""
        tenant, leader = frame["frame"].get("tenant", "public"), frame["leader"]
        before = self._leader.get(tenant)
        if before == leader:
            return None
        since = self._since.get(tenant, now)
        self._leader[tenant], self._since[tenant] = leader, now
        if before is None:
            return None
        dwell = int((now - since) * 1000)
        evidence = "leader_change"
        return {"tenant": tenant, "domain": leader, "boundary_ts": frame["ts"], "dwell_ms": dwell, "evidence": evidence}
