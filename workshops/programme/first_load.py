"""Puts the published programme into a new database. The first migration calls it, once."""

import tomllib
from datetime import date, datetime, time
from importlib.resources import files
from typing import Any

from workshops.clock import SCHOOL_ZONE

PUBLISHED = date(2026, 1, 1)


def load_programme(apps: Any, _schema_editor: Any) -> None:
    """Write the school, its modules, requirements, prices, areas and conduct text from programme.toml."""
    facts = tomllib.loads(files("workshops.programme").joinpath("programme.toml").read_text(encoding="utf-8"))

    def model(name: str) -> Any:
        return apps.get_model("workshops", name).objects

    model("School").create(pk=1, **facts["school"])
    model("ProgrammeRevision").create(pk=1)
    for row in (1, 2, 3):
        model("CalendarRevision").create(pk=row)
    modules = {
        item["code"]: model("Module").create(position=position, **item)
        for position, item in enumerate(facts["module"], start=1)
    }
    for item in facts["requirement"]:
        module, needs = modules[item.pop("module")], modules.get(item.pop("needs_module", ""))
        model("Requirement").create(module=module, needs_module=needs, **item)
    for item in facts["price"]:
        model("Price").create(effective_from=PUBLISHED, **item)
    for position, title in enumerate(facts["training_areas"]["titles"], start=1):
        model("TrainingArea").create(title=title, position=position)
    model("ConductText").create(
        version=facts["conduct"]["version"],
        body=facts["conduct"]["body"].strip(),
        published_at=datetime.combine(PUBLISHED, time(), SCHOOL_ZONE),
    )
