"""What a tool of an MCP server answered is told to the model once, and as text."""

import pytest
from mcp_types import CallToolResult, ImageContent, TextContent

from dialogue.mcp.content import result_text


@pytest.mark.parametrize(
    ("texts", "structured", "said"),
    [
        (["5"], {"result": "5"}, "5"),
        (["5"], {"result": 5}, "5"),
        (["a", "b"], {"result": ["a", "b"]}, "a\nb"),
        (['{"x": 1}'], {"x": 1}, '{"x": 1}'),
        (["Done."], {"x": "ä"}, 'Done.\n{"x": "ä"}'),
        ([], {"x": 1}, '{"x": 1}'),
        ([], None, ""),
    ],
)
def test_what_is_structured_is_said_once(texts: list[str], structured: object, said: str) -> None:
    content = [TextContent(text=text) for text in texts]
    assert result_text(CallToolResult(content=content, structured_content=structured)) == said


def test_what_is_no_text_is_named() -> None:
    image = ImageContent(data="aGVsbG8=", mime_type="image/png")
    assert result_text(CallToolResult(content=[image])) == "[image omitted: image/png]"
