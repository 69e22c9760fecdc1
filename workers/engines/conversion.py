"""`python -m workers.engines.conversion ENGINE FOLDER`: makes of a model's files what its engine
loads, once per machine, and prints the folder it is in.

A worker would do it when it first loads the model; done before, it does not count against the time
in which a worker has to be ready. Nothing is printed where there is nothing to be kept.
"""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from parley.errors import FetchError
from parley.program import EXIT_FAILED
from workers.engines.engine import EngineError


def _kokoro(folder: Path) -> Path:
    from workers.engines.kokoro.cutting import cut_graphs  # noqa: PLC0415 - one engine alone

    return cut_graphs(folder / "model.onnx")


def _moonshine(folder: Path) -> Path:
    from workers.engines.moonshine.conversion import converted  # noqa: PLC0415 - one engine alone

    return converted(folder)


def _piper(folder: Path) -> Path | None:
    from workers.engines.piper.cutting import cut_voice  # noqa: PLC0415 - one engine alone
    from workers.engines.piper.phonemes import Phonemizer  # noqa: PLC0415 - the same

    try:
        cut = cut_voice(folder / "model.onnx", Phonemizer(folder / "config.json"))
    except FetchError:  # the voice speaks from its full graph, and its worker says why
        return None
    return None if isinstance(cut, str) else cut.folder


CONVERSIONS: Mapping[str, Callable[[Path], Path | None]] = MappingProxyType(
    {"kokoro": _kokoro, "moonshine": _moonshine, "piper": _piper}
)
"""By engine; each raises EngineError, and makes nothing a second time."""


def main() -> int:
    engine, folder = sys.argv[1:]
    try:
        made = CONVERSIONS[engine](Path(folder))
    except EngineError as error:
        print(error, file=sys.stderr)
        return EXIT_FAILED
    if made is not None:
        print(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
