"""Settings of what one person may use in an hour or a day."""

from pydantic import Field

from parley.settings.source import Section


class BudgetsSection(Section):
    """Of each identity: who has signed in (server.user_header), else a client address. All at
    once, and what was used comes back evenly."""

    calls_per_hour: int = Field(
        0, ge=0, description="calls that one identity may begin; 0: as many as there is room for"
    )
    call_minutes_per_day: int = Field(
        0, ge=0, description="minutes that its calls may last together; 0: no limit"
    )
    voice_changes_per_hour: int = Field(
        0, ge=0, description="times it may choose another voice than the default; 0: no limit"
    )
    messages_per_hour: int = Field(
        0, ge=0, description="messages it may type, in calls and chats; 0: no limit"
    )
