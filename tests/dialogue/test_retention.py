"""Processes whose calls have processes of theirs forget what is old, as they start."""

import asyncio
import logging
import time
from pathlib import Path

import pytest
from pydantic import SecretStr

from dialogue.approvals.approval import ApprovalDecision, ApprovalRequest
from dialogue.approvals.sql import SqlApprovals
from dialogue.retention import forgetting_calls
from dialogue.sessions.sql import SqlStore
from parley.retention import DAY_S
from parley.settings.approvals import ApprovalsSection
from parley.settings.orchestrator import OrchestratorSettings, SessionsSection
from tests.dialogue.sessions.spoken import record

WITHIN_S = 60.0


@pytest.mark.parametrize("sessions_fail", [False, True])
async def test_old_talks_and_approvals_go_as_the_process_starts(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, sessions_fail: bool
) -> None:
    old_s = time.time() - 8 * DAY_S
    sessions, approvals = tmp_path / "sessions.db", tmp_path / "operations.db"
    if sessions_fail:
        sessions.mkdir()
    talks = SqlStore(sessions)
    if not sessions_fail:
        await talks.create(record("old", began_at_s=old_s))
    decided = SqlApprovals(approvals, now=lambda: old_s)
    asked = await decided.request(ApprovalRequest(orchestration_id="old", proposed_action="pay"))
    await decided.decide(asked.id, ApprovalDecision(approved=False, approver_id="ann"))
    settings = OrchestratorSettings(
        sessions=SessionsSection(url=SecretStr(f"sqlite:///{sessions}"), keep_days=7),
        approvals=ApprovalsSection(url=SecretStr(f"sqlite:///{approvals}")),
    )
    with caplog.at_level(logging.INFO):
        async with forgetting_calls(settings), asyncio.timeout(WITHIN_S):
            while await decided.load(asked.id) is not None:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    if sessions_fail:
        assert "old sessions cannot be forgotten now" in caplog.text
    else:
        assert await talks.load("old") is None
    await talks.aclose()
    await decided.aclose()
