"""Settings of the audit trail."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from entrypoints.settings.areas import Area, setting


class AuditSettings(Area):
    """How long the audit trail keeps personal values, and where its signed heads are copied to."""

    audit_personal_days: Annotated[int, Field(ge=1, le=36_500)] | None = setting(
        None,
        "a number of days from 1 to 36500",
        "Age at which names, addresses and free text in audit entries are erased; the entries stay and still verify. "
        "Unset: they are kept until the person is deleted.",
    )
    audit_checkpoints_dir: Path | None = setting(
        None,
        "a folder",
        "Where each service copies the signed heads of the audit trail to, so that nobody who rules the database can "
        "cut or rewrite it unseen: best a folder on another machine. Unset: `audit` in DATA_DIR.",
    )
