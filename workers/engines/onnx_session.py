"""ONNX Runtime on the CPU, as the engines that serve several streams want it."""

from pathlib import Path

import onnxruntime


def open_session(model: Path | bytes, *, threads: int) -> onnxruntime.InferenceSession:
    """A CPU session whose threads sleep while idle, so that streams do not fight for cores."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Every text and sound has a shape of its own: a memory plan kept for each would only grow.
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        str(model) if isinstance(model, Path) else model,
        options,
        providers=["CPUExecutionProvider"],
    )
