"""Settings of the audit trail."""

from typing import Annotated

from pydantic import Field

from entrypoints.settings.areas import Area, setting


class AuditSettings(Area):
    """How long the audit trail keeps personal values."""

    audit_personal_days: Annotated[int, Field(ge=1, le=36_500)] | None = setting(
        None,
        "a number of days from 1 to 36500",
        "Age at which names, addresses and free text in audit entries are erased; the entries stay and still verify. "
        "Unset: they are kept until the person is deleted.",
    )
