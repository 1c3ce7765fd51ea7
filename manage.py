#!/usr/bin/env python
"""Django's command line for this project."""

import os
import sys
from importlib import import_module

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from environs import EnvError

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "booking.site.settings")
    try:
        import_module(os.environ["DJANGO_SETTINGS_MODULE"])
    except (ImproperlyConfigured, EnvError) as problem:
        sys.exit(f"Settings: {problem}")  # whoever set them wants the sentence, not where it was raised
    execute_from_command_line(sys.argv)
