"""The operations of a step are those that PyTorch counts when it computes one."""

from __future__ import annotations

import json

import pytest

from seqtopo.graph.counting import work
from seqtopo.report.analyse import analyse
from tests.support.children import run_module

pytestmark = pytest.mark.xdist_group("flops_agree")  # its fixture counts all of them: once

SPECS = {
    "lstm": "in(20,8) -> lstm(16,seq) -> lstm(12) -> dense(1)",
    "gru": "in(20,8) -> gru(16,seq) -> gru(12) -> dense(1)",
    "dense": "in(20,16) -> dense(32,relu) -> dense(4)",
    "conv1d": "in(30,8) -> conv1d(16,3,same,relu) -> conv1d(8,5,strides=2) -> flatten -> dense(1)",
    "transposed": "in(10,8) -> conv1d_transpose(4,3,2) -> gavgpool1d -> dense(1)",
    # With values of another width PyTorch runs no fused kernel, which its counter does not see on a CPU.
    "mha": "in(20,16) -> dense(16) -> mha(4,8,value_dim=6) -> gavgpool1d -> dense(1)",
    "attention": "a = in(20,16) -> dense(16)\n[a, a] -> attention -> gavgpool1d -> dense(1)",
    "embedding": "in(20,int) -> embed(50,8) -> lstm(4) -> dense(1)",
    "both ways": "in(20,8) -> bi(lstm(6,seq)) -> td(dense(3))",
    "a flow a step": "in(6,8,8,2) -> td(conv2d(4,3,relu) -> flatten) -> gru(3)",
    "einsum_dense": "in(20,64) -> einsum_dense('abc,cde->abde',(none,8,16)) -> flatten -> dense(1)",
    "frozen": "in(20,8) -> lstm(16,seq,frozen) -> lstm(12) -> dense(1)",
    "matmul": "x = in(20,8) -> dense(8)\n[x, x -> swap] -> matmul -> flatten -> dense(1)",
    "einsum": "[in(20,8), in(9,8)] -> einsum('btf,bsf->bts') -> flatten -> dense(2)",
}
BATCH = 2
"""The samples that are counted."""
FORWARD, STEP = 0.001, 0.02
"""The tolerance of the numbers: PyTorch computes no gradient of the initial states, which are zeros."""


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, int]]:
    """The operations of a batch of each spec as PyTorch counts them: forwards, and both ways."""
    file = tmp_path_factory.mktemp("flops") / "counted.json"
    run_module("torch", "tests.support.count_flops", str(file), *SPECS.values())
    found = json.loads(file.read_text(encoding="utf-8"))
    return dict(zip(SPECS, found, strict=True))


@pytest.mark.parametrize("name", SPECS)
def test_the_operations_are_those_that_pytorch_counts(name: str, counted: dict[str, tuple[int, int]]) -> None:
    resolved = analyse(SPECS[name]).resolved
    assert resolved is not None
    ours = work(resolved.graph)
    forward, step = counted[name]
    assert ours.unknown == ()
    assert ours.forward * BATCH == pytest.approx(forward, rel=FORWARD)
    assert ours.both * BATCH == pytest.approx(step, rel=STEP)
