"""Read this process' rank and the address of the others from the environment.

torchrun and Ray set ``RANK``, ``WORLD_SIZE``, ``MASTER_ADDR`` and ``MASTER_PORT``; ``srun`` of SLURM sets
``SLURM_PROCID`` and ``SLURM_NTASKS``; TensorFlow's own way is ``TF_CONFIG``. Nothing here loads Keras.
"""

from __future__ import annotations

import errno
import json
import os
import re
import socket
import struct
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass

PORT = 29500
"""The default port of rank 0, which is torchrun's."""


SIOCGIFADDR = 0x8915
"""Linux' number of the request for an interface's address."""


LAUNCHED = "SEQTOPO_LAUNCHED"
"""The environment variable that a rank has which ``seqtopo fit --processes`` has started."""
LOST = 75
"""The exit code of such a rank whose connection to another one broke: the launcher says why it ended."""


class DistributionError(ValueError):
    """Raised where several processes cannot train one model, or no longer do.

    Attributes:
        reason: Why.
        help: What to do.
    """

    def __init__(self, reason: str, help: str) -> None:
        super().__init__(f"{reason}: {help}")
        self.reason, self.help = reason, help


class LostRankError(DistributionError):
    """Raised where the connection to another rank broke, as a rule because that one has ended."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"the connection to another rank broke ({reason})",
            "see what the others printed; to go on, start all of them again",
        )


@dataclass(frozen=True)
class Ranks:
    """The place of this process among those that train one model.

    Attributes:
        rank: The number of this process, from 0.
        world: The number of processes.
        address: The host of rank 0.
        port: The port of rank 0.
        local: The number of this process among those of its machine, from 0.
    """

    rank: int = 0
    world: int = 1
    address: str = "127.0.0.1"
    port: int = PORT
    local: int = 0


def ranks_of(environment: Mapping[str, str] | None = None) -> Ranks:
    """Return the place of this process; that of a single process if the environment names no others.

    Raises:
        DistributionError: the environment contradicts itself.

    >>> ranks_of({"RANK": "1", "WORLD_SIZE": "4", "MASTER_ADDR": "10.0.0.7", "MASTER_PORT": "29501"})
    Ranks(rank=1, world=4, address='10.0.0.7', port=29501, local=0)
    >>> ranks_of({"SLURM_PROCID": "2", "SLURM_NTASKS": "3", "SLURM_NODELIST": "gpu[03-05]",
    ...           "SLURM_JOB_ID": "70012"}).address
    'gpu03'
    >>> ranks_of({})
    Ranks(rank=0, world=1, address='127.0.0.1', port=29500, local=0)
    """
    found = os.environ if environment is None else environment
    if "WORLD_SIZE" in found:
        made = Ranks(
            _number(found, "RANK"),
            _number(found, "WORLD_SIZE"),
            found.get("MASTER_ADDR") or "127.0.0.1",
            _number(found, "MASTER_PORT", PORT),
            _number(found, "LOCAL_RANK", 0),
        )
    elif "SLURM_PROCID" in found and "SLURM_NTASKS" in found:
        # SLURM names no port: jobs on one machine get different ones by their numbers.
        port = PORT + _number(found, "SLURM_JOB_ID", 0) % 10_000
        made = Ranks(
            _number(found, "SLURM_PROCID"),
            _number(found, "SLURM_NTASKS"),
            found.get("MASTER_ADDR") or _first_host(found.get("SLURM_NODELIST", "")),
            _number(found, "MASTER_PORT", port),
            _number(found, "SLURM_LOCALID", 0),
        )
    elif found.get("TF_CONFIG"):
        made = _of_cluster(found["TF_CONFIG"])
    else:
        return Ranks()
    if not 0 <= made.rank < made.world:
        raise DistributionError(
            f"this process is rank {made.rank} of {made.world}, but ranks are numbered from 0",
            "set RANK and WORLD_SIZE, as torchrun does",
        )
    return made


def _of_cluster(text: str) -> Ranks:
    """Return the place that ``TF_CONFIG`` names, as Ray's TensorflowTrainer sets it."""
    try:
        config = json.loads(text)
        task, cluster = config["task"], config["cluster"]
        chief, workers = cluster.get("chief", []), cluster["worker"]
        rank = {"chief": 0, "worker": len(chief)}[task["type"]] + int(task["index"])
        workers = [*chief, *workers]
        address, _, port = workers[0].rpartition(":")
        return Ranks(rank, len(workers), address, int(port))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DistributionError(
            f"TF_CONFIG is {text[:60]!r} in the environment, which names no worker of a cluster",
            'set it to {"cluster": {"worker": ["host0:port", ...]}, "task": {"type": "worker", "index": 0}}',
        ) from None


def check_ray() -> None:
    """Refuse to train alone in one of several workers of Ray that are not connected.

    Raises:
        DistributionError: this is one, as those of a JaxTrainer on CPUs are: each would train by itself.
    """
    ray = sys.modules.get("ray.train")
    try:
        workers = ray.get_context().get_world_size() if ray is not None else 1
    except Exception:  # outside of a worker there is no context; which error says it depends on Ray
        return
    if workers is not None and workers > 1:
        raise DistributionError(
            f"Ray has started {workers} workers, but nothing connects them",
            "use TorchTrainer, on any backend: it sets RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT",
        )


def _number(found: Mapping[str, str], name: str, default: int | None = None) -> int:
    text = found.get(name, "" if default is None else str(default))
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise DistributionError(f"{name} is {text[:40]!r} in the environment", "set it to a whole number")
    return int(text)


def _first_host(hosts: str) -> str:
    """Return the first host of a SLURM list: ``gpu[03-05,9],other`` begins with ``gpu03``."""
    found = re.match(r"([\w.-]+)(?:\[(\w+))?", hosts)
    return (found[1] + (found[2] or "")) if found else "127.0.0.1"


def exchange(ranks: Ranks, text: str, timeout: float = 300.0) -> list[str]:
    """Return the texts of all ranks, by rank; each rank calls it once, with its own text.

    Rank 0 listens on the port after its own, which torchrun leaves free; the others connect to it. A text is
    one line. Nothing that is received is executed.

    Raises:
        DistributionError: not all ranks were there within ``timeout`` seconds.
    """
    if ranks.world == 1:
        return [text]
    try:
        if ranks.rank == 0:
            return _listen(ranks, text, timeout)
        return _connect(ranks, text, timeout)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise DistributionError(
                f"rank 0 cannot listen on port {ranks.port + 1}: another program does",
                "set MASTER_PORT to another port on all ranks; it and the next one must be free",
            ) from None
        raise DistributionError(
            f"the {ranks.world} ranks did not meet at {ranks.address}:{ranks.port + 1} within {timeout:g} "
            f"seconds ({error})",
            "start all of them, and see that rank 0 is reached there",
        ) from None


def _listen(ranks: Ranks, text: str, timeout: float) -> list[str]:
    texts = {0: text}
    with socket.create_server(("", ranks.port + 1), backlog=ranks.world) as server:
        server.settimeout(timeout)
        waiting = []
        while len(texts) < ranks.world:
            connection, _ = server.accept()
            connection.settimeout(10)
            file = connection.makefile("rw", encoding="utf-8")
            number, _, line = file.readline(4096).strip().partition(" ")
            if not re.fullmatch(r"[0-9]{1,9}", number) or not 0 < int(number) < ranks.world:
                connection.close()  # it is none of ours
                continue
            texts[int(number)] = line
            waiting.append((connection, file))
        answer = [texts[i] for i in range(ranks.world)]
        for connection, file in waiting:
            file.write("\n".join([*answer, ""]))
            file.flush()
            connection.close()
    return answer


def _connect(ranks: Ranks, text: str, timeout: float) -> list[str]:
    until = time.monotonic() + timeout
    while True:
        try:
            connection = socket.create_connection((ranks.address, ranks.port + 1), timeout=5)
            break
        except OSError:
            # Rank 0 may not listen yet.
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
    with connection:
        connection.settimeout(timeout)
        file = connection.makefile("rw", encoding="utf-8")
        file.write(f"{ranks.rank} {text}\n")
        file.flush()
        lines = [file.readline(4096).rstrip("\n") for _ in range(ranks.world)]
    if not all(lines):
        raise OSError("rank 0 closed the connection")
    return lines


def free_port() -> int:
    """Return a port that is now free on this machine."""
    with socket.create_server(("", 0)) as server:
        return int(server.getsockname()[1])


def name_is_local() -> bool:
    """Return whether this machine's own name leads to itself alone, as Debian writes it into /etc/hosts.

    Gloo, which PyTorch and JAX use, tells the other ranks the address that this name has.
    """
    try:
        return socket.gethostbyname(socket.gethostname()).startswith("127.")
    except OSError:
        return True


def interface_of(address: str) -> str:
    """Return the name of the network interface that has an address; "" where it cannot be told."""
    try:
        import fcntl  # Linux and macOS have it

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            for _, name in socket.if_nameindex():
                try:
                    found = fcntl.ioctl(probe.fileno(), SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
                except OSError:
                    continue  # it has no address
                if socket.inet_ntoa(found[20:24]) == address:
                    return name
    except (ImportError, OSError):
        pass
    return ""


def own_address(ranks: Ranks) -> str:
    """Return the address of this machine that rank 0 reaches."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # No packet is sent: the system chooses the address that it would send from.
            probe.connect((ranks.address, ranks.port))
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"
