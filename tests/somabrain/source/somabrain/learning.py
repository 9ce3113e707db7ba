"""How the learner makes a temperature of rewards."""


class Ema:
    """A moving average whose first value is taken as it is."""

    def __init__(self, alpha):
        self.alpha, self.value = alpha, None

    def update(self, x):
        self.value = x if self.value is None else self.alpha * x + (1 - self.alpha) * self.value
        return self.value


def tau_of(ema):
    reward = max(0.0, min(1.0, ema))
    return max(0.1, min(1.0, 0.8 - 0.5 * (reward - 0.5)))
