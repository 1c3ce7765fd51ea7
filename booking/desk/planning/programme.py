"""The registrar's pages about what the school teaches, asks for, charges and promises."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from booking.desk.planning.programme_forms import (
    AreasForm,
    ConductForm,
    ModuleForm,
    PriceForm,
    RequirementForm,
    SchoolForm,
    TermsForm,
    items,
)
from workshops.clock import current_time, school_day
from workshops.cohorts.checklist import Item, conduct_is_confirmed, setup_checklist
from workshops.people.models import Role
from workshops.programme import changing
from workshops.programme.changing import NotPossible
from workshops.programme.models import (
    ConductText,
    Module,
    PolicyTerm,
    Price,
    Requirement,
    RequirementKind,
    conduct_text,
    school,
    school_terms,
)
from workshops.web.access import SignedInRequest, roles
from workshops.web.forms import form_page, posted, shows_or_takes, whole_number


@roles(Role.REGISTRAR)
@require_safe
def setup(request: SignedInRequest) -> HttpResponse:
    """What must be in place before a cohort can be published, and where to mend it."""
    checklist = setup_checklist()
    context = {
        "rows": [(item, _link(item)) for item in checklist if item.page != "terms"],
        "terms": [(item, _link(item)) for item in checklist if item.page == "terms"],
        "done": sum(item.done for item in checklist),
        "count": len(checklist),
    }
    return TemplateResponse(request, "desk/planning/setup.html", context)


def _link(item: Item) -> str:
    anchor = f"#{item.code}" if item.page == "terms" else ""
    return reverse(f"desk:{item.page}") + anchor


@roles(Role.REGISTRAR)
@shows_or_takes
def terms(request: SignedInRequest) -> HttpResponse:
    """Read, change and confirm the school's terms."""
    known = {row.code: row for row in PolicyTerm.objects.select_related("confirmed_by")}
    form = TermsForm(posted(request), terms=school_terms(), known=known)
    if form.is_valid():
        try:
            changed = changing.confirm_terms(form.decided(), by=request.user, now=current_time())
        except NotPossible as not_possible:
            form.add_error(None, str(not_possible))
        else:
            _say_how_many(request, len(changed), len([row for row in form.rows if not row.confirmed]))
            return redirect("desk:terms")
    return form_page(request, "desk/planning/terms.html", form)


def _say_how_many(request: SignedInRequest, changed: int, were_open: int) -> None:
    if changed:
        messages.success(request, f"{changed} {'term is' if changed == 1 else 'terms are'} confirmed.")
    elif were_open:
        messages.info(request, "Nothing was ticked or changed, so nothing is confirmed yet.")
    else:
        messages.info(request, "Nothing has changed.")


@roles(Role.REGISTRAR)
@shows_or_takes
def prices(request: SignedInRequest) -> HttpResponse:
    """Read the price list, add to it, and take off what has not come into effect."""
    now = current_time()
    if "take-off" in request.POST:
        return _take_off(request)
    form = PriceForm(posted(request))
    if form.is_valid():
        item, day = form.cleaned_data["item"], form.cleaned_data["effective_from"]
        try:
            changing.set_price(item, form.cents, day, by=request.user, now=now)
        except NotPossible as not_possible:
            form.add_error("effective_from", str(not_possible))
        else:
            messages.success(request, "The price is on the list.")
            return redirect("desk:prices")
    return form_page(request, "desk/planning/prices.html", form, {"lists": _price_list(), "today": school_day(now)})


def _take_off(request: SignedInRequest) -> HttpResponse:
    price = get_object_or_404(Price, pk=whole_number(request.POST["take-off"]))
    try:
        changing.take_off_price(price, by=request.user, now=current_time())
    except NotPossible as not_possible:
        messages.error(request, str(not_possible))
    else:
        messages.success(request, "The price is off the list.")
    return redirect("desk:prices")


def _price_list() -> list[tuple[str, list[tuple[Price, bool]]]]:
    """What is asked for each item: the prices to come and past, and which one holds today."""
    today = school_day(current_time())
    by_item: dict[str, list[Price]] = {}
    for price in Price.objects.order_by("-effective_from"):
        by_item.setdefault(price.item, []).append(price)
    listed = []
    for code, title in items().items():
        known = by_item.pop(code, [])
        holds = next((price for price in known if price.effective_from <= today), None)
        listed.append((title, [(price, price == holds) for price in known]))
    return listed


@roles(Role.REGISTRAR)
@shows_or_takes
def conduct(request: SignedInRequest) -> HttpResponse:
    """Read the conduct text, confirm it, or publish a new version."""
    now, current = current_time(), conduct_text()
    if "confirm" in request.POST:
        return _confirm_conduct(request)
    form = ConductForm(posted(request), initial={"body": current.body})
    if form.is_valid():
        text = changing.publish_conduct(form.cleaned_data["body"], by=request.user, now=now)
        messages.success(request, f"Version {text.version} is in force.")
        return redirect("desk:conduct")
    context = {
        "current": current,
        "is_confirmed": conduct_is_confirmed(current),
        "versions": ConductText.objects.exclude(pk=current.pk),
    }
    return form_page(request, "desk/planning/conduct.html", form, context)


def _confirm_conduct(request: SignedInRequest) -> HttpResponse:
    number = whole_number(request.POST["confirm"])
    try:
        changing.confirm_conduct(get_object_or_404(ConductText, version=number), by=request.user, now=current_time())
    except NotPossible as not_possible:
        messages.error(request, str(not_possible))
    else:
        messages.success(request, f"Version {number} is confirmed.")
    return redirect("desk:conduct")


@roles(Role.REGISTRAR)
@shows_or_takes
def the_school(request: SignedInRequest) -> HttpResponse:
    """Change what the school says about itself."""
    form = SchoolForm(posted(request), instance=school())
    if form.is_valid():
        changing.change_school(form.cleaned_data, by=request.user, now=current_time())
        messages.success(request, "The school is saved.")
        return redirect("desk:school")
    return form_page(request, "desk/planning/school.html", form)


@roles(Role.REGISTRAR)
@shows_or_takes
def programme(request: SignedInRequest) -> HttpResponse:
    """Change the modules, what they ask for, and the training areas, each by itself."""
    part = request.POST.get("part", "")
    parts = _parts(posted(request), part)
    asked = parts.get(part)
    if asked is not None and asked.is_valid():
        _save_part(request, asked)
        messages.success(request, "The programme is saved.")
        return redirect("desk:programme")
    context = {
        "modules": [(form.instance, form) for code, form in parts.items() if isinstance(form, ModuleForm)],
        "requirements": [(form.instance, form) for code, form in parts.items() if isinstance(form, RequirementForm)],
        "chain": Requirement.objects.select_related("module", "needs_module"),
        "areas": parts["areas"],
        "open": part,
        "form": asked,
    }
    status = 422 if request.method == "POST" else 200
    return TemplateResponse(request, "desk/planning/programme.html", context, status=status)


def _parts(data: Any, part: str) -> dict[str, forms.BaseForm]:
    """Every form of the page by its name; only the one that was sent reads what was typed."""
    sent = {part: data}
    parts: dict[str, forms.BaseForm] = {}
    for module in Module.objects.all():
        parts[module.code] = ModuleForm(sent.get(module.code), instance=module, prefix=module.code)
    for requirement in Requirement.objects.filter(kind=RequirementKind.ON_SET_DAYS).select_related("module"):
        name = f"{requirement.module.code}:{requirement.code}"
        parts[name] = RequirementForm(sent.get(name), instance=requirement, prefix=name.replace(":", "-"))
    parts["areas"] = AreasForm(data) if part == "areas" and data is not None else AreasForm.of_now()
    return parts


def _save_part(request: SignedInRequest, form: forms.BaseForm) -> None:
    now = current_time()
    if isinstance(form, ModuleForm):
        changing.change_module(form.instance, form.cleaned_data, by=request.user, now=now)
    elif isinstance(form, RequirementForm):
        changing.change_requirement(form.instance, form.cleaned_data, by=request.user, now=now)
    else:
        changing.set_areas(form.cleaned_data["areas"], by=request.user, now=now)
