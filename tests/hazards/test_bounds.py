"""Numbers that are advised."""

from __future__ import annotations

import re

from paramedic.check.checklist_items import CHECKLIST
from paramedic.hazards.catalogue import page_of
from paramedic.hazards.session_limit import HAZARD
from paramedic.hazards.session_limit.runtime import SESSIONS


def test_a_bound_leaves_room_for_sessions_that_the_server_still_counts() -> None:
    # sshd handles a close and the next open in one go: until it has swept up, both count
    (item,) = [i for i in CHECKLIST if i.name == "bounded"]
    after = page_of(HAZARD).partition("## After")[2]
    for text in (HAZARD.change, after, item.settles):
        bounds = [int(n) for found in re.findall(r"Semaphore\((\d+)\)|max_workers=(\d+)", text) for n in found if n]
        assert bounds
        assert max(bounds) <= SESSIONS // 2
