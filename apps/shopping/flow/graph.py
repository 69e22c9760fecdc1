"""The graph of the workflow: ten nodes with its start and its end."""

from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from apps.shopping.flow.nodes import FlowContext, Nodes
from apps.shopping.flow.state import ShoppingState

Graph = CompiledStateGraph[ShoppingState, FlowContext, Any, Any]


def build_graph(nodes: Nodes, checkpoints: BaseCheckpointSaver[Any]) -> Graph:
    """START → ParseInput → ⟨media?⟩ → TranscribeAudio, ExtractImageAttrs → BuildRequirementSpec →
    ⟨clarify?⟩ → AskClarifyingQ (and back) or SearchMarketplaces → RankAndCompose → Done → END."""
    graph = StateGraph(ShoppingState, context_schema=FlowContext)
    graph.add_node("ParseInput", nodes.parse_input)
    graph.add_node("TranscribeAudio", nodes.transcribe_audio)
    graph.add_node("ExtractImageAttrs", nodes.extract_image_attrs)
    graph.add_node("BuildRequirementSpec", nodes.build_requirement_spec)
    graph.add_node("AskClarifyingQ", nodes.ask_clarifying_q)
    graph.add_node("SearchMarketplaces", nodes.search_marketplaces)
    graph.add_node("RankAndCompose", nodes.rank_and_compose)
    graph.add_node("Done", nodes.done)
    graph.add_edge(START, "ParseInput")
    graph.add_conditional_edges(
        "ParseInput", _media, ["TranscribeAudio", "ExtractImageAttrs", "BuildRequirementSpec"]
    )
    graph.add_edge("TranscribeAudio", "BuildRequirementSpec")
    graph.add_edge("ExtractImageAttrs", "BuildRequirementSpec")
    graph.add_conditional_edges(
        "BuildRequirementSpec", _clarify, ["AskClarifyingQ", "SearchMarketplaces"]
    )
    graph.add_edge("AskClarifyingQ", "BuildRequirementSpec")
    graph.add_edge("SearchMarketplaces", "RankAndCompose")
    graph.add_edge("RankAndCompose", "Done")
    graph.add_edge("Done", END)
    return graph.compile(checkpointer=checkpoints)


def _media(state: ShoppingState) -> list[str]:
    kinds = {each["media_type"] for each in state["media"]}
    nodes = {"audio": "TranscribeAudio", "image": "ExtractImageAttrs"}
    return [node for kind, node in nodes.items() if kind in kinds] or ["BuildRequirementSpec"]


def _clarify(state: ShoppingState) -> str:
    return "AskClarifyingQ" if state["asked"] else "SearchMarketplaces"
