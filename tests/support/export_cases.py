"""The cases of the export tests: a spec, the backend, the format, and the expected result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

STACK = "in(T,3) -> lstm(4,seq) -> gru(5) -> dense(1)"
BI = "in(T,3) -> bi(lstm(4,seq)) -> td(dense(2))"
IDS = "in(T,int(20)) -> embed(20,5,mask) -> gru(4) -> dense(2)"
ATTENTION = "in(T,6) -> conv1d(6,3,causal) -> res(mha(2,3)) -> gavgpool1d"
STATES = """
enc = in(S,3) -> lstm(4)
dec = in(T,2) -> lstm(4, seq, init=enc.state) -> dense(2)
[dec, enc]
"""
LAST = "in(T,2) -> pad(0,3) -> simple_rnn(4,seq) -> last(3)"
GELU = "in(T,3) -> bi(lstm(4)) -> dense(4,gelu) -> dense(3,celu) -> act(gelu)"
STATEFUL = "in(?,3,batch=2) -> lstm(4,seq,stateful) -> dense(1)"
STEPS: Mapping[str, Any] = {"T": 12}


@dataclass(frozen=True)
class Case:
    """One export. ``want`` is the code of the refusal, or "" where it is to go well."""

    backend: str
    format: str
    spec: str
    dims: Mapping[str, int] = field(default_factory=dict)
    want: str = ""
    step: bool = False
    batch: int | None = None

    @property
    def name(self) -> str:
        """The name of the test."""
        specs = {value: key for key, value in globals().items() if isinstance(value, str)}
        marks = [f"{k}={v}" for k, v in self.dims.items()] + ["step"] * self.step
        marks += [f"batch={self.batch}"] * (self.batch is not None)
        return "-".join((self.backend, self.format, specs[self.spec].lower(), *marks))


CASES = (
    *(Case("tensorflow", "onnx", spec) for spec in (STACK, BI, IDS, ATTENTION, STATES, LAST, GELU)),
    Case("tensorflow", "onnx", STACK, step=True),
    Case("tensorflow", "onnx", STATEFUL, want="ST435"),
    Case("tensorflow", "onnx", STATEFUL, step=True),
    Case("tensorflow", "onnx", BI, step=True, want="ST431"),
    *(Case("tensorflow", "saved_model", spec) for spec in (BI, STATES)),
    Case("tensorflow", "tflite", STACK, want="ST434"),
    *(Case("tensorflow", "tflite", spec, STEPS) for spec in (STACK, BI)),
    Case("tensorflow", "tflite", STATES, {"T": 6, "S": 7}),
    Case("tensorflow", "tflite", STACK, STEPS, batch=3),
    Case("tensorflow", "tflite", ATTENTION),
    *(Case("jax", "onnx", spec) for spec in (STACK, IDS, STATES)),
    Case("jax", "onnx", BI, want="ST431"),
    *(Case("jax", "saved_model", spec) for spec in (BI, STATES)),
    *(Case("torch", "onnx", spec) for spec in (BI, LAST, STATES)),
    Case("torch", "onnx", ATTENTION),
    Case("torch", "onnx", STACK),
    Case("torch", "onnx", IDS, want="ST434"),
    Case("torch", "onnx", IDS, STEPS),
    Case("torch", "pt2", STACK, want="ST434"),
    *(Case("torch", "pt2", spec, STEPS) for spec in (STACK, BI)),
    Case("torch", "pt2", IDS, STEPS, want="ST431"),
    Case("torch", "pt2", STATES, {"T": 6, "S": 7}),
    Case("torch", "pt2", ATTENTION),
)
