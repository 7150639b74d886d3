# The two commands of this project are `make demo` and `make test`; both install what is missing.

.PHONY: demo test setup check fix lock bench nightly

demo:
	@tools/setup demo
	@.venv/bin/gatehouse demo $(ARGS)

test:
	@tools/setup test
	@$(MAKE) --no-print-directory check
	@.venv/bin/pytest -n 2 --dist loadgroup -m "not nightly" $(ARGS)

setup:
	@tools/setup test

check:
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	set -e; for tool in lock setup; do .venv/bin/mypy --scripts-are-modules tools/$$tool; done
	.venv/bin/lint-imports

fix:
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench:
	@.venv/bin/gatehouse bench $(ARGS)

lock:
	@tools/lock

nightly:
	@tools/nightly $(PART)
