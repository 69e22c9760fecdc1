"""What a tool of an MCP server answered, as text for the model."""

import json
from typing import Any

from mcp_types import CallToolResult, EmbeddedResource, TextContent, TextResourceContents


def result_text(result: CallToolResult) -> str:
    """Its text, then its structured content as JSON where the text does not say the same.

    Images and whatever else cannot be read out are named as omitted.
    """
    texts: list[str] = []
    omitted: list[str] = []
    for block in result.content:
        if isinstance(block, TextContent):
            texts.append(block.text)
        elif isinstance(block, EmbeddedResource) and isinstance(
            block.resource, TextResourceContents
        ):
            texts.append(block.resource.text)
        else:
            kind = getattr(block, "mime_type", None)
            omitted.append(f"[{block.type} omitted{f': {kind}' if kind else ''}]")
    structured = result.structured_content
    parts = list(texts)
    if structured is not None and not _says(texts, structured):
        parts.append(json.dumps(structured, ensure_ascii=False))
    return "\n".join([*parts, *omitted])


def _says(texts: list[str], structured: Any) -> bool:
    """Whether the text is the structured content again, as the protocol asks servers to have it.

    The SDK's servers wrap what is no object in {"result": ...}, and give a list a block an item.
    """
    values = [_parsed(text) for text in texts]
    readings: list[Any] = [values, texts]
    if len(texts) == 1:
        readings += [values[0], texts[0]]
    wrapped = isinstance(structured, dict) and structured.keys() == {"result"}
    return structured in readings or (wrapped and structured["result"] in readings)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
