# The two commands of this project are `make demo` and `make test`; both install what is missing.

.PHONY: demo test setup check fix bench lock nightly simulate

demo:
	@tools/setup demo
	@.venv/bin/gatehouse demo $(ARGS)

test: setup check
	.venv/bin/pytest -n 2 --dist loadgroup -m "not nightly" $(ARGS)

setup:
	@tools/setup test

check:
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/mypy --scripts-are-modules tools/setup
	.venv/bin/mypy --scripts-are-modules tools/lock
	.venv/bin/lint-imports

fix:
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: setup
	@.venv/bin/gatehouse bench $(ARGS)

SEEDS ?= 100

simulate: setup
	@.venv/bin/gatehouse simulate --progress --seeds 1..$(SEEDS) $(ARGS)

lock: setup
	@tools/lock

nightly:
	@tools/nightly $(PART)
