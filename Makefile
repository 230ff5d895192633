# Two commands need nothing but Python 3.11+ and make: `make demo` and `make test`. Each makes its own virtual
# environment in .venv and installs into it.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
XDIST  ?= -n 2

.PHONY: demo test lint types unit docs wheel bench clean

demo: $(VENV)/.installed
	$(BIN)/dovetail evaluate examples/networks/squeezenet_v1_0.net examples/accelerators/squeezelerator.accel

test: lint types unit wheel

$(VENV)/.installed: pyproject.toml costmodel/mapper/_kernel.c
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.developer: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

lint: $(VENV)/.developer
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.developer
	$(BIN)/mypy

unit: $(VENV)/.developer
	$(BIN)/python -m pytest $(XDIST)

# What people install is the wheel, not the checkout: build it, install it alone, run it elsewhere.
wheel: $(VENV)/.developer
	rm -rf build/wheel && mkdir -p build/wheel
	$(BIN)/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir build/wheel .
	$(PYTHON) -m venv build/wheel/venv
	build/wheel/venv/bin/python -m pip install --quiet --disable-pip-version-check build/wheel/*.whl
	cp -r examples build/wheel/examples
	cd build/wheel && venv/bin/dovetail check examples/networks/*.net examples/accelerators/*.accel > /dev/null
	cd build/wheel && venv/bin/dovetail evaluate --json examples/networks/squeezenet_v1_0.net \
	    examples/accelerators/squeezelerator.accel > squeezenet.json
	cd build/wheel && venv/bin/python -c "import json; assert json.load(open('squeezenet.json'))['total']['macs'] == 861339936"
	@echo "the installed wheel works"

bench: $(VENV)/.developer
	$(BIN)/python benchmarks/language.py
	$(BIN)/python benchmarks/model.py

clean:
	rm -rf $(VENV) build dist *.egg-info
