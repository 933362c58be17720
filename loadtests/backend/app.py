"""The simulated booking backend over HTTP, as one aiohttp application."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from time import time
from typing import Any

import orjson
from aiohttp import web

from loadtests.backend import pages
from loadtests.backend.faults import FaultKind, fault_from
from loadtests.backend.inventory import Booking, BookingState, SlotTaken
from loadtests.backend.pool import BacklogFull
from loadtests.backend.state import BackendState

STATE: web.AppKey[BackendState] = web.AppKey("backend_state", BackendState)
REQUESTS_PER_VISIT = 4
SLOTS_SHOWN = 20
_BODY_LIMIT = 64 * 1024
_VISIT_END = {"Talon-Visit": "end"}

Handler = Callable[[web.Request, BackendState], Awaitable[web.StreamResponse]]


def build_app(state: BackendState) -> web.Application:
    """The application; closing it closes the pool and the inventory."""
    app = web.Application(client_max_size=_BODY_LIMIT)
    app[STATE] = state
    app.router.add_get("/", _free(_home), allow_head=True)
    app.router.add_get("/healthz", _health)
    app.router.add_get("/doctors", _worked(_doctors))
    app.router.add_get(r"/doctors/{doctor:\d{1,6}}/slots", _worked(_slots))
    app.router.add_post("/bookings", _worked(_book))
    app.router.add_post("/bookings/{id}/confirm", _worked(_confirm))
    app.router.add_post("/bookings/{id}/cancel", _worked(_cancel))
    app.router.add_delete("/bookings/{id}", _worked(_cancel))
    app.router.add_get("/_sim/stats", _stats)
    app.router.add_post("/_sim/fault", _fault)
    app.router.add_post("/_sim/reset", _reset)
    app.on_cleanup.append(_close)
    return app


def _worked(handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """A request that costs a worker; it takes its turn and its worker even if its visitor leaves."""

    async def work(request: web.Request, state: BackendState) -> web.StreamResponse:
        counters = state.counters
        counters.count("offered", time())
        struck = state.struck()
        if (failed := await _suffer(request, state, struck)) is not None:
            return failed
        await request.read()
        try:
            await state.pool.serve(state.fault.factor if struck is FaultKind.SLOW else 1.0)
        except BacklogFull:
            counters.count("refused", time())
            return _problem(request, 503, "The portal is overloaded. Please try again.")
        counters.count("served" if request.transport is not None else "wasted", time())
        try:
            return await handler(request, state)
        except sqlite3.OperationalError:
            return _problem(request, 503, "The bookings are busy. Please try again.")

    async def handle(request: web.Request) -> web.StreamResponse:
        return await asyncio.shield(request.app[STATE].keep(work(request, request.app[STATE])))

    return handle


def _free(handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """A request that costs nothing but can be struck by a fault."""

    async def handle(request: web.Request) -> web.StreamResponse:
        state = request.app[STATE]
        failed = await _suffer(request, state, state.struck())
        return failed if failed is not None else await handler(request, state)

    return handle


async def _suffer(request: web.Request, state: BackendState, struck: FaultKind) -> web.Response | None:
    """What a struck request gets instead of an answer; None when it is served as usual."""
    if struck is FaultKind.ERROR:
        return _problem(request, 500, "A fault was asked for.")
    if struck is FaultKind.HANG:
        try:
            await asyncio.wait_for(state.fault_over.wait(), state.fault_left())
        except TimeoutError:
            return _problem(request, 503, "The request hung until its fault ended.")
        return None
    if struck is FaultKind.REFUSE:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=503)
    return None


async def _home(request: web.Request, state: BackendState) -> web.Response:
    return _answer(request, {"portal": "doctor booking", "doctors": "/doctors"}, pages.home)


async def _doctors(request: web.Request, state: BackendState) -> web.Response:
    count = state.inventory.doctors
    return _answer(request, {"doctors": list(range(1, count + 1))}, lambda: pages.doctors(count))


async def _slots(request: web.Request, state: BackendState) -> web.Response:
    doctor = int(request.match_info["doctor"])
    if not 1 <= doctor <= state.inventory.doctors:
        return _problem(request, 404, f"There is no doctor {doctor}.")
    start = state.random.randrange(state.inventory.slots_per_doctor)
    free = state.inventory.free_slots(doctor - 1, start=start, limit=SLOTS_SHOWN, now=time())
    return _answer(request, {"doctor": doctor, "slots": free}, lambda: pages.slots(doctor, free, state.new_id()))


async def _book(request: web.Request, state: BackendState) -> web.Response:
    try:
        slot, person, form_key = await _wish(request)
        booking = state.inventory.hold(
            slot,
            person,
            booking_id=state.new_id(),
            key=request.headers.get("Idempotency-Key") or form_key,
            now=time(),
        )
    except ValueError as error:
        return _problem(request, 400, f"{error}.")
    if isinstance(booking, SlotTaken):
        state.counters.count("taken", time())
        doctor = slot // state.inventory.slots_per_doctor + 1
        if _wants_html(request):
            return _html(pages.taken(doctor), status=409)
        return _json({"error": f"slot {slot} is taken", "slot": slot}, status=409)
    location = {"Location": f"/bookings/{booking.id}"}
    return _answer(request, _facts(booking), lambda: pages.held(booking), status=201, headers=location)


async def _wish(request: web.Request) -> tuple[int, str, str | None]:
    """Slot, person and form key from a form or a JSON object; ValueError says what is missing."""
    fields: Any
    if request.content_type == "application/json":
        fields = orjson.loads(await request.read())
        if not isinstance(fields, dict):
            raise ValueError("Expected a JSON object with slot and person")
    else:
        fields = await request.post()
    slot, person, key = str(fields.get("slot", "")), str(fields.get("person", "")).strip(), fields.get("key")
    if not slot.isascii() or not slot.isdigit() or len(slot) > 12:
        raise ValueError("Expected slot as a whole number")
    if not person or len(person) > 200:
        raise ValueError("Expected person, a name of at most 200 characters")
    return int(slot), person, str(key)[:200] if key else None


async def _confirm(request: web.Request, state: BackendState) -> web.Response:
    booking, confirmed_now = state.inventory.confirm(request.match_info["id"])
    if booking is None:
        return _problem(request, 404, "There is no such booking.")
    if confirmed_now:
        state.counters.count("confirmed", time())
    if booking.state is BookingState.CANCELLED:
        return _problem(request, 410, "The booking was cancelled.")
    return _answer(request, _facts(booking), lambda: pages.settled(booking), headers=_VISIT_END)


async def _cancel(request: web.Request, state: BackendState) -> web.Response:
    booking, _ = state.inventory.cancel(request.match_info["id"])
    if booking is None:
        return _problem(request, 404, "There is no such booking.")
    return _answer(request, _facts(booking), lambda: pages.settled(booking), headers=_VISIT_END)


async def _health(request: web.Request) -> web.Response:
    state = request.app[STATE]
    struck = state.struck() if state.fault.reaches_health else FaultKind.NONE
    failed = await _suffer(request, state, struck)
    return failed if failed is not None else _json({"status": "ok"})


async def _stats(request: web.Request) -> web.Response:
    return _json(request.app[STATE].stats())


async def _fault(request: web.Request) -> web.Response:
    try:
        fields = orjson.loads(await request.read())
        fault = fault_from(fields if isinstance(fields, dict) else {})
    except ValueError as error:
        return _json({"error": str(error)}, status=400)
    request.app[STATE].set_fault(fault)
    return _json({"kind": fault.kind, "share": fault.share, "factor": fault.factor, "seconds": fault.seconds})


async def _reset(request: web.Request) -> web.Response:
    request.app[STATE].reset()
    return _json({"status": "reset"})


async def _close(app: web.Application) -> None:
    await app[STATE].close()


def _facts(booking: Booking) -> dict[str, object]:
    return {"id": booking.id, "slot": booking.slot, "person": booking.person, "state": booking.state.value}


def _wants_html(request: web.Request) -> bool:
    return "text/html" in request.headers.get("Accept", "")


def _answer(
    request: web.Request,
    facts: dict[str, object],
    page: Callable[[], str],
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> web.Response:
    if _wants_html(request):
        return _html(page(), status=status, headers=headers)
    return _json(facts, status=status, headers=headers)


def _problem(request: web.Request, status: int, sentence: str) -> web.Response:
    if _wants_html(request):
        return _html(pages.problem(sentence), status=status)
    return _json({"error": sentence}, status=status)


def _html(page: str, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(text=page, status=status, headers=headers, content_type="text/html", charset="utf-8")


def _json(facts: object, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(body=orjson.dumps(facts), status=status, headers=headers, content_type="application/json")
