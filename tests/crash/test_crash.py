"""A kill at each I/O step of delete-post, recall, unlink, upload, take-down and of what is put off. Publishing is P6's."""

from pathlib import Path

import pytest

from tests.crash.harness import Operation, Prepared, enumerate_crashes
from tests.crash.operations import DEFERRALS, DELETES, RECALLS, TAKE_DOWNS, UNLINKS, UPLOADS
from tests.size import Size


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    "operation", [*DELETES, *RECALLS, *DEFERRALS, *UNLINKS, *UPLOADS, *TAKE_DOWNS], ids=lambda operation: operation.id
)
def test_a_kill_at_any_step_leaves_what_was_acknowledged(
    operation: Operation, crash_house: Prepared, tmp_path: Path, size: Size
) -> None:
    enumerate_crashes(operation, crash_house, tmp_path, size.every_nth)
