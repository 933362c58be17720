"""A node's unloaded latency is measured anew in time, and not more often than is of use."""

from gateway.core.limits.gradient import GradientLimit
from gateway.core.limits.policy import LimitPolicy, Window
from gateway.core.limits.remeasure import EARLY, Phase, Remeasure
from gateway.core.limits.slowdown import Slowdown


def test_a_full_node_is_measured_once_in_every_period() -> None:
    """After `every` seconds without an idle moment one window settles, one measures, and the next period begins."""
    node = Remeasure(60.0, 1.5)
    shares = []
    for second in range(130):
        node.close(float(second), idle=False, too_slow=False)
        shares.append(node.share)
    held = [second for second, share in enumerate(shares) if share < 1]
    assert held == [60, 61, 122, 123]
    assert shares[60] == 0.5


def test_a_node_that_is_idle_now_and_then_is_never_held_back() -> None:
    """An idle window shows the base by itself."""
    node = Remeasure(60.0, 1.5)
    for second in range(300):
        node.close(float(second), idle=second % 50 == 0, too_slow=False)
        assert node.phase is Phase.NORMAL


def test_a_node_that_stays_far_too_slow_is_measured_early() -> None:
    """After some windows in a row that are far too slow the base is doubted at once."""
    node = Remeasure(60.0, 1.5)
    phases = [node.close(second / 10, idle=False, too_slow=True) for second in range(EARLY + 3)]
    assert phases.count(Phase.MEASURING) == 1
    assert phases[EARLY - 1] is Phase.NORMAL


def test_zero_switches_it_off() -> None:
    """With `every` of 0 nothing is ever held back."""
    node = Remeasure(0.0, 1.5)
    for second in range(300):
        node.close(float(second), idle=False, too_slow=True)
    assert node.share == 1.0


def test_a_node_that_became_slow_for_good_gets_its_limit_back() -> None:
    """Service takes ten times as long from now on, under full load: the limit finds the workers again."""
    workers, limit, slowdown, node = 16, GradientLimit(LimitPolicy()), Slowdown(), Remeasure(60.0, 1.5)
    settled = []
    for turn in range(600):
        service = 0.04 if turn < 200 else 0.4
        inflight = max(1, int(limit.limit * node.share))
        for _ in range(20):
            slowdown.note("GET /", service * max(1.0, inflight / workers))
        phase = node.phase
        seen = slowdown.close(idle=inflight < limit.limit / 2, measured=phase is Phase.MEASURING)
        if phase is Phase.NORMAL:
            limit.step(Window(answers=20, failures=0, slowdown=seen, inflight=inflight))
        node.close(turn / 5, idle=False, too_slow=seen > 3.0)
        settled.append(limit.limit)
    assert workers <= settled[190] <= 2.5 * workers
    assert min(settled[200:260]) < workers
    assert workers <= min(settled[-50:])
    assert max(settled) <= 2.5 * workers + 4
