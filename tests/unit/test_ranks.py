"""The place of a process among others, as the environment says it."""

from __future__ import annotations

import json
import socket
import sys
import types

import pytest

from seqtopo.distributing.ranks import DistributionError, Ranks, check_ray, exchange, ranks_of


def cluster(kind: str, index: int, **groups: list[str]) -> dict[str, str]:
    return {"TF_CONFIG": json.dumps({"cluster": groups, "task": {"type": kind, "index": index}})}


def test_a_cluster_of_tensorflow_is_read() -> None:
    workers = ["10.0.0.1:7000", "10.0.0.2:7000"]
    assert ranks_of(cluster("worker", 1, worker=workers)) == Ranks(1, 2, "10.0.0.1", 7000)
    with_chief = cluster("worker", 0, chief=["10.0.0.9:7000"], worker=workers)
    assert ranks_of(with_chief) == Ranks(1, 3, "10.0.0.9", 7000)
    # What torchrun sets wins: seqtopo sets TF_CONFIG itself for a moment.
    both = {**with_chief, "RANK": "0", "WORLD_SIZE": "2"}
    assert ranks_of(both).world == 2


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"cluster": {}}', '{"cluster": {"worker": ["a:1"]}, "task": {"type": "ps"}}']
)
def test_a_cluster_that_names_no_worker_is_refused(text: str) -> None:
    with pytest.raises(DistributionError, match="TF_CONFIG"):
        ranks_of({"TF_CONFIG": text})


def test_workers_of_ray_that_nothing_connects_do_not_train_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = types.ModuleType("ray.train")
    world = {"size": 2}
    context = types.SimpleNamespace(get_world_size=lambda: world["size"])
    monkeypatch.setattr(ray, "get_context", lambda: context, raising=False)
    monkeypatch.setitem(sys.modules, "ray.train", ray)
    with pytest.raises(DistributionError, match="Ray has started 2 workers"):
        check_ray()
    world["size"] = 1
    check_ray()


def test_a_port_that_another_program_has_is_named() -> None:
    with socket.create_server(("", 0)) as other:
        taken = other.getsockname()[1]
        with pytest.raises(DistributionError, match=f"cannot listen on port {taken}: another program does"):
            exchange(Ranks(0, 2, port=taken - 1), "here")
