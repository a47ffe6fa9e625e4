"""Train on workers of Ray, which TorchTrainer connects, whatever the backend of Keras.

``pip install 'ray[train]'`` first; then ``KERAS_BACKEND=jax python on_ray.py --workers 2``. Ray copies the
folder to the workers.
"""

import argparse
import os
from pathlib import Path

import ray
from ray.train import RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer

HERE = Path(__file__).resolve().parent


def work(config: dict) -> None:
    """Train as one rank: TorchTrainer has set RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT."""
    from train import train  # loads Keras, in the worker

    train(config["epochs"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--results", default=str(Path.home() / "ray_results"))
    arguments = parser.parse_args()
    backend = os.environ.get("KERAS_BACKEND", "torch")
    ray.init(runtime_env={"working_dir": str(HERE), "env_vars": {"KERAS_BACKEND": backend}})
    TorchTrainer(
        work,
        train_loop_config={"epochs": arguments.epochs},
        scaling_config=ScalingConfig(num_workers=arguments.workers),
        run_config=RunConfig(storage_path=arguments.results),
    ).fit()
