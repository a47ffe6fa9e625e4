# Each target sets itself up: all they need is Python 3.11 or later. The work is in ci/, one script a job.

.PHONY: help demo test lint packaging docs nightly clean

help:
	@echo "make demo       build a small model, train it, show what it learned (its own venv; under two minutes)"
	@echo "make test       the whole test suite, on JAX, PyTorch and TensorFlow"
	@echo "make lint       ruff and mypy"
	@echo "make packaging  wheel, sdist, editable install and bare checkout, each tried in a fresh venv"
	@echo "make docs       are the generated pages up to date?"
	@echo "make nightly    the long run: many more drawn specs on each backend"
	@echo "make clean      remove the venvs and what was built"

demo:
	@ci/demo

test:
	@ci/test

lint:
	@ci/lint

packaging:
	@ci/packaging

docs:
	@ci/docs

nightly:
	@ci/nightly

clean:
	rm -rf .venv .venv-demo .venv-next dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
