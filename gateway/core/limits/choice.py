"""The algorithm that a policy names."""

from gateway.core.limits.aimd import AimdLimit
from gateway.core.limits.gradient import GradientLimit
from gateway.core.limits.policy import FixedLimit, Limit, LimitPolicy


def make_limit(policy: LimitPolicy) -> Limit:
    """Return a fresh limit of the policy's algorithm."""
    match policy.algorithm:
        case "gradient":
            return GradientLimit(policy)
        case "aimd":
            return AimdLimit(policy)
        case "fixed":
            return FixedLimit(policy)
