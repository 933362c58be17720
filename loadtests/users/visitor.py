"""A locust user that makes visits; importing this module starts gevent's monkey patching with locust."""

from time import time

import gevent
from locust import FastHttpUser, task
from locust.exception import StopUser

from loadtests.users.client import VisitorClient
from loadtests.users.journey import Ask, Dialogue, Journey, Pause, Reply, Verdict
from loadtests.users.reading import Answer
from loadtests.users.run import Run, Tally


class RequestFailed(Exception):
    """Why a request counts as failed in locust's statistics."""


class Visitor(FastHttpUser):
    """Visits one after another, each as a new person; the run is found as `environment.talon_run`."""

    abstract = True
    once = False

    @task
    def visit(self) -> None:
        """Make one whole visit and record it, also when it is cut off."""
        run: Run = self.environment.talon_run
        journey = run.begin(time())
        client = VisitorClient(self.host or self.environment.host, timeout=run.habits.timeout)
        try:
            self._perform(run, journey, client)
        finally:
            client.close()
            run.end(journey.record)
        if self.once:
            raise StopUser
        gevent.sleep(run.habits.think[1])

    def _perform(self, run: Run, journey: Journey, client: VisitorClient) -> None:
        dialogue = journey.dialogue()
        in_room = False
        try:
            command = next(dialogue, None)
            while command is not None:
                if isinstance(command, Pause):
                    gevent.sleep(command.seconds)
                    command = next(dialogue, None)
                    continue
                asked, reply = command, client.perform(command)
                command = _following(dialogue, reply)
                waits = journey.verdict is Verdict.WAIT and command is not None
                run.tally.waiting += waits - in_room
                in_room = waits
                self._count(run.tally, asked, reply, journey.verdict, again=command is not None)
        finally:
            run.tally.waiting -= in_room

    def _count(self, tally: Tally, asked: Ask, reply: Reply, verdict: Verdict, *, again: bool) -> None:
        tally.requests += 1
        failure = None
        if verdict is Verdict.ERROR:
            tally.errors += 1
            tally.reloads += again
            failure = RequestFailed(_why(reply))
        self.environment.events.request.fire(
            request_type=asked.method,
            name=asked.step if verdict is not Verdict.WAIT else "waiting room",
            response_time=reply.elapsed * 1000,
            response_length=len(reply.body) if isinstance(reply, Answer) else 0,
            exception=failure,
            context={},
        )


class OneVisit(Visitor):
    """Makes one visit and is gone; what an open-loop run starts for each arrival."""

    once = True


def _following(dialogue: Dialogue, reply: Reply) -> Ask | Pause | None:
    try:
        return dialogue.send(reply)
    except StopIteration:
        return None


def _why(reply: Reply) -> str:
    if isinstance(reply, Answer):
        return f"status {reply.status}"
    return "no answer in time" if reply.timed_out else "connection failed"
