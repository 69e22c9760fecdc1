"""`./run bench NAME`: each benchmark is a module's `main(arguments) -> exit status`.

A benchmark prints a table, or with `--json` one document and nothing else on standard output
(docs/bench.md names its fields), and exits with status 1 when a promise is broken.
"""

import difflib
import importlib
import json
import sys

from parley.arguments import CommandParser

BENCHMARKS = {
    "asr": "words and decode time of Whisper in short context against its full context",
    "bargein": "how soon the agent falls silent when it is interrupted, in real rooms",
    "cluster": "two LiveKit nodes and two agent servers, replaced and killed under calls",
    "ears": "recognizers beside one another: words, CPU time, and how soon after the end of speech",
    "dashboards": "the three dashboards, drawn from what Prometheus has of real calls",
    "echo": "whether the agent answers itself where its own voice comes back",
    "experiments": "how often a winner is named between equals that are looked at daily",
    "firstwords": "where the first stretch of a reply is best cut: soon, and without a seam",
    "floor": "who gets the floor: interruptions, murmurs and noises over the agent's speech",
    "history": "what the agent remembers of an interrupted reply, against what was heard",
    "intents": "which intent a sentence is of, and whether any: CLINC150, beside TF-IDF",
    "leaks": "whether memory, tasks, descriptors or files grow with calls and utterances",
    "mind": "the local language models beside one another: 40 questions, tools, speed",
    "memory": "a TTS worker's memory over 2,000 utterances, half of them cancelled",
    "orchestrate": "how many conversations one orchestrator holds, and where their time goes",
    "parts": "how soon health names a part that is gone, and is well when it is back",
    "pauses": "whether the agent speaks into the pauses of a sentence, in a real room",
    "pool": "load and first audio over 1, 2 and 4 workers, with a slow one, and at twice capacity",
    "response": "how long an answer is waited for, stage by stage; with --peers beside others",
    "retrieval": "whether the passage that answers a question is found, beside full text alone",
    "scoreboard": "1,000 calls over 100 workers: status traffic, and what a slow worker gets",
    "sentences": "whether both sentences of two people in one recording are heard",
    "shopping": "whether the shopping app obeys what is asked, and 200 chats at once",
    "start": "a first start on a machine that has nothing yet, by step",
    "stages": "whether the stage that is slow is the stage that the metrics blame",
    "text": "how English text is said, by our rules and by the libraries that there are",
    "tts": "first audio and CPU of Piper in stages against its full graph",
    "turns": "how soon, and how often too soon, a turn is taken for ended",
}


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--json"]:  # before the name it means the same as after it
        arguments = [*arguments[1:2], "--json", *arguments[2:]]
    name, *rest = arguments or ["help"]
    if name == "--json":
        print(json.dumps({"benchmarks": BENCHMARKS}))
        return 0
    if name in ("help", "--help", "-h"):
        print("usage: ./run bench NAME [--json]\n")
        for benchmark, summary in BENCHMARKS.items():
            print(f"  {benchmark:<12} {summary}")
        return 0
    if name not in BENCHMARKS:
        near = difflib.get_close_matches(name, BENCHMARKS, n=1)
        guess = f"; did you mean {near[0]}?" if near else ""
        known = ", ".join(BENCHMARKS)
        print(
            f"parley: no benchmark is called {name!r}{guess} (there are: {known})", file=sys.stderr
        )
        return 2
    status: int = importlib.import_module(f"bench.{name}").main(rest)
    return status


def make_parser() -> CommandParser:
    """Of what stands before a benchmark's own options."""
    parser = CommandParser(
        prog="./run bench",
        description="Measures; without a name, lists what there is. `./run bench NAME --help` has "
        "the options of one.",
    )
    parser.add_argument("name", metavar="NAME", nargs="?", help="the benchmark")
    parser.suggest("name", BENCHMARKS)
    parser.add_argument("--json", action="store_true", help="one JSON document, nothing else")
    return parser
