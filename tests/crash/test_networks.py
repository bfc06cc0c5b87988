"""P6 on every network: a kill at each step of publishing leaves at most one post there, and exactly one where it can be asked;
and what is on record to be taken down is gone there in the end.

The small size takes each network and each way once, on one database or the other, at some of its steps; the long one all.
"""

from pathlib import Path

import pytest

from tests.crash.harness import Operation, Prepared, enumerate_crashes
from tests.crash.networks import TARGETS, operations
from tests.size import Size

pytestmark = pytest.mark.promise("P6")
OPERATIONS = [operation for target in TARGETS.values() for operation in operations(target)]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("number", range(len(OPERATIONS)), ids=[operation.id for operation in OPERATIONS])
def test_a_kill_at_any_step_leaves_what_was_acknowledged_on_every_network(
    number: int, network_house: Prepared, tmp_path: Path, size: Size
) -> None:
    operation: Operation = OPERATIONS[number]
    if size.every_nth == 1:
        enumerate_crashes(operation, network_house, tmp_path, 1)
    elif (number % 2 == 0) == (network_house.database_url == ""):
        enumerate_crashes(operation, network_house, tmp_path, size.every_nth * 3)
