"""Where the card processor tells us what has happened."""

import logging

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from booking.payments.inbox import receiving
from workshops.clock import current_time
from workshops.transactions import Busy
from workshops.web.access import anyone
from workshops.web.problems import Problem, problem_response

log = logging.getLogger(__name__)

LARGEST = 256 * 1024
"""Bytes. An event is a few kilobytes."""


@csrf_exempt
@anyone
@require_POST
def webhook(request: HttpRequest) -> HttpResponse:
    """Store what Stripe tells, and answer: the worker sees to it in its next round, a moment later.

    Stripe is asked nothing here: it takes slow answers for failures, and stops telling whoever fails too often. Who
    waits for the money on a page of ours is answered by that page, which asks by itself. The signature stands for the
    session: no cookie is read, and no user. Anything but 200 has Stripe repeat it for three days.
    """
    # Stripe's own code takes a while to read, and only who is told by Stripe waits for it.
    from booking.payments.gateways.stripe import events

    announced = request.META.get("CONTENT_LENGTH") or "0"
    if (int(announced) if announced.isascii() and announced.isdigit() else 0) > LARGEST:
        return problem_response(Problem("too-large"))
    now = current_time()
    try:
        told = events.read(request.body, request.headers.get("Stripe-Signature", ""), now=now)
    except events.NotBelieved as why:
        log.warning("A webhook was refused: %s", why)
        return problem_response(Problem("bad-request", str(why)))
    try:
        receiving.receive(told, now=now)
    except (Busy, DatabaseError):
        log.exception("Event %s could not be stored; Stripe repeats it.", told.event_id)
        return problem_response(Problem("busy", retry_after=Busy.seconds))
    return JsonResponse({"received": True})
