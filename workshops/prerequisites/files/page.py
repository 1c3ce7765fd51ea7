"""What a page needs to show the files of a record."""

from collections.abc import Sequence
from typing import Any

from workshops.prerequisites.files.audits import open_audit
from workshops.prerequisites.files.uploading import LARGEST_FILE, MEGABYTE, MOST_FILES
from workshops.prerequisites.records.models import OnSetRecord
from workshops.programme.in_force import programme_now

ACCEPTED = ".pdf,.jpg,.jpeg,.png,.heic,application/pdf,image/jpeg,image/png,image/heic"


def files_context(record: OnSetRecord, errors: Sequence[str] = ()) -> dict[str, Any]:
    """The context of `prerequisites/_files.html` and `prerequisites/_proof.html`."""
    files = list(record.files.kept())
    return {
        "record": record,
        "files": files,
        "file_errors": errors,
        "files_deleted": 0 if files else record.files.gone_by_the_clock().count(),
        "files_left": MOST_FILES - len(files),
        "most_files": MOST_FILES,
        "largest_file": LARGEST_FILE,
        "largest_megabytes": LARGEST_FILE // MEGABYTE,
        "files_accepted": ACCEPTED,
        "is_audited": open_audit(record.user) is not None,
        "proof_kept_days": programme_now().terms.proof_kept_days,
    }
