"""A program that tells what it was given, run by a test as those are that open strangers' files."""

import os
import resource

from workshops.prerequisites.files.confinement import answer


def told() -> dict[str, object]:
    """Its environment, and how long it may run."""
    return {"environment": sorted(os.environ), "cpu": resource.getrlimit(resource.RLIMIT_CPU)[1]}


if __name__ == "__main__":
    answer(told)
