"""A tool for agents that may end the conversation by themselves."""

from parley.app.tool import ToolContext, tool


@tool
def hang_up(context: ToolContext) -> str:
    """End the conversation. Use it when the person says goodbye or asks you to hang up."""
    context.hang_up()
    return "The conversation ends after what you say now: say goodbye in one short sentence."
