"""The pages about vouchers and scholarships: registrar and bookkeeper read them, the registrar makes and ends them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.views.decorators.http import require_POST, require_safe

from booking.desk.discounts.forms import DiscountForm, EndForm
from booking.payments.discounts import making
from booking.payments.discounts.counting import Use, how_many_count, uses_of
from booking.payments.discounts.models import Discount
from booking.payments.discounts.rules import worth
from workshops.clock import current_time, school_day
from workshops.history.record import history_of
from workshops.history.words import told
from workshops.people.models import Role
from workshops.prerequisites.deciding import BadFact
from workshops.web.access import SignedInRequest, roles
from workshops.web.forms import form_page, posted, shows_or_takes

A_PAGE = 50


@dataclass(frozen=True)
class Listed:
    """One discount as the pages show it, as of a day."""

    discount: Discount
    uses: Sequence[Use]
    today: date

    @property
    def worth(self) -> str:
        """What it takes off, in words."""
        return worth(self.discount)

    @property
    def counting(self) -> int:
        """How many uses count."""
        return how_many_count(self.uses)

    @property
    def left(self) -> int:
        """How often it can still be used; late money may have exceeded the limit by one."""
        return max(self.discount.limit - self.counting, 0)

    @property
    def status(self) -> tuple[str, str]:
        """The pill: its colour and its words."""
        if self.discount.ended_at is not None:
            return "stop", "Ended"
        if self.today > self.discount.valid_until:
            return "stop", "Over"
        if not self.left:
            return "wait", "Used up"
        return ("wait", "Not yet") if self.today < self.discount.valid_from else ("good", "In use")


def listed(discounts: Iterable[Discount], now: datetime) -> list[Listed]:
    """These discounts with their uses. Two statements, however many, and two for each use that has moved."""
    rows = list(discounts)
    uses = uses_of([each.pk for each in rows], now)
    return [Listed(each, uses[each.pk], school_day(now)) for each in rows]


@roles(Role.REGISTRAR, Role.BOOKKEEPER)
@require_safe
def discounts(request: SignedInRequest) -> HttpResponse:
    """Every discount, the newest first, with how often it can still be used."""
    rows = Discount.objects.select_related("person", "cohort")
    shown = Paginator(rows, A_PAGE).get_page(request.GET.get("page"))
    page = {"page": shown, "rows": listed(shown, current_time())}
    return TemplateResponse(request, "desk/discounts/discounts.html", page)


@roles(Role.REGISTRAR)
@shows_or_takes
def new(request: SignedInRequest) -> HttpResponse:
    """Make a discount."""
    now = current_time()
    form = DiscountForm(posted(request), today=school_day(now))
    if form.is_valid():
        try:
            made = making.make(form.asked, by=request.user, now=now)
        except BadFact as refused:
            form.add_error("email", str(refused))
        except making.CodeTaken:
            form.add_error("code", "There is a discount with this code already, in use or ended. Choose another code.")
        else:
            messages.success(request, f"The code is {made.code}." if made.code else f"{made} is made.")
            return redirect("desk:discount", made.public_id)
    return form_page(request, "desk/discounts/new.html", form)


@roles(Role.REGISTRAR, Role.BOOKKEEPER)
@require_safe
def discount(request: SignedInRequest, public_id: str) -> HttpResponse:
    """One discount, who has used it, and its history."""
    return _page(request, _find(public_id), EndForm())


@roles(Role.REGISTRAR)
@require_POST
def end(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Let nobody use it any more, for a reason."""
    found, form = _find(public_id), EndForm(request.POST)
    if form.is_valid():
        try:
            ended = making.end(found, why=form.cleaned_data["why"], by=request.user, now=current_time())
        except BadFact as refused:
            form.add_error(None, str(refused))
        else:
            said = "It has ended. Seats that have it keep their price."
            messages.success(request, said if ended else "It had ended before. Nothing has changed.")
            return redirect("desk:discount", found.public_id)
    return _page(request, found, form, status=422)


def _find(public_id: str) -> Discount:
    return get_object_or_404(Discount.objects.select_related("person", "cohort", "created_by"), public_id=public_id)


def _page(request: SignedInRequest, found: Discount, form: EndForm, *, status: int = 200) -> HttpResponse:
    now = current_time()
    history = history_of("discount", found.public_id)
    page = {
        "discount": found,
        "listed": listed([found], now)[0],
        "form": form,
        "may_end": found.ended_at is None and request.user.is_registrar and found.person_id != request.user.pk,
        "history": [told(line, request.user) for line in history],
    }
    return TemplateResponse(request, "desk/discounts/discount.html", page, status=status)
