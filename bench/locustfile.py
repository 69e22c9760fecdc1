"""Conversations over WS /orchestrate for Locust, which is installed beside Parley and not with it:

    locust -f bench/locustfile.py --host http://127.0.0.1:8004 --users 1000 --spawn-rate 50 \\
        --headless --run-time 5m

Each user is a session: an utterance, its answer, the time it takes to say it, a pause. The times of
the stages are what the orchestrator tells in each response. Needs `locust` and `websocket-client`;
with keys, ORCHESTRATOR_API_KEY.
"""

import json
import os
import random
import time
import uuid

import websocket
from locust import User, between, events, task

QUESTIONS = (
    "What time is it in Rome?",
    "Tell me something about bicycles.",
    "Can you explain that again?",
    "And what did I ask before?",
)
CHARS_PER_S = 15.0
ANSWER_WITHIN_S = 30.0
STAGES = ("intent_ms", "rag_ms", "parallel_ms", "llm_ms", "tts_ms", "total_ms")


class ConversingUser(User):
    """One person who talks, listens and thinks."""

    wait_time = between(2, 8)

    def on_start(self) -> None:
        self.session_id = f"locust-{uuid.uuid4().hex[:12]}"
        address = self.host.replace("http", "ws", 1)
        key = os.environ.get("ORCHESTRATOR_API_KEY", "")
        self.socket = websocket.create_connection(
            f"{address}/orchestrate?session_id={self.session_id}",
            timeout=ANSWER_WITHIN_S,
            header={"X-API-Key": key} if key else {},
        )
        self.until("connected")

    def on_stop(self) -> None:
        self.socket.close()

    def send(self, kind: str, **fields: object) -> None:
        self.socket.send(json.dumps({"type": kind, "session_id": self.session_id, **fields}))

    def until(self, kind: str) -> dict:
        while True:
            frame = json.loads(self.socket.recv())
            if frame["type"] == kind:
                return frame

    @task
    def turn(self) -> None:
        began_s = time.perf_counter()
        error, response = None, {}
        try:
            text = random.choice(QUESTIONS)  # noqa: S311 - spreads load, keeps no secret
            self.send("stt_fragment", text=text, is_final=True, timestamp=time.time())
            self.send("vad_end", confidence=0.9)
            response = self.until("response")
        except (websocket.WebSocketException, OSError, ValueError) as failed:
            error = failed
        self.told("turn", (time.perf_counter() - began_s) * 1000, error)
        if error is not None:
            self.on_start()
            return
        for stage in STAGES:
            self.told(stage, response["latency_breakdown"][stage], None)
        time.sleep(len(response["text"]) / CHARS_PER_S)
        self.send("tts_complete")

    def told(self, name: str, took_ms: float, error: Exception | None) -> None:
        events.request.fire(
            request_type="WS",
            name=name,
            response_time=took_ms,
            response_length=0,
            exception=error,
            context={},
        )
