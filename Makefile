# make demo    renders the sample apps into build/ and says what to look at
# make test    installs what the tests need, and runs them
# make e2e     as root: runs sessions on a real one-node Slurm, with a real Jupyter, and asks a real Kubernetes
# make bench   measures speed against named peers
# make docs    writes the pages of docs/ that come from the sources, and the man page
# make docs-site  builds the documentation into build/site; a warning is an error
# Everything goes into .venv and build/ in this directory; ruby and shellcheck come from Debian.
# Slurm and what else `make e2e` needs does too; it keeps Jupyter in /var/cache/ood-appgen-e2e, and Kubernetes,
# which it builds there with Go (once, some ten minutes) unless KUBEBUILDER_ASSETS names a folder that has it.

PYTHON ?= python3
VENV := .venv
APPGEN := $(VENV)/bin/appgen

.PHONY: demo test e2e bench golden docs docs-site clean

demo: $(VENV)/installed
	@$(APPGEN) render --site sample_apps/site.yml --output build/osc > build/osc.log
	@$(APPGEN) render sample_apps/apps/* --site sample_apps/sites/arc/site.yml --output build/arc > build/arc.log
	@$(APPGEN) render sample_apps/apps/* --site sample_apps/sites/cloud/site.yml --output build/cloud > build/cloud.log
	@$(VENV)/bin/python tools/describe_demo.py build/osc build/arc build/cloud

test: $(VENV)/installed-for-tests
	@tools/install-programs ruby shellcheck procps fish zsh mandoc groff
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/pytest

# Who asks for these tests wants them run: what is missing is a failure, as in CI.
# Where Kubernetes cannot be built, the tests that need it fail and the others run.
e2e: $(VENV)/installed-for-tests
	@tools/install-programs ruby slurm-wlm munge environment-modules netcat-openbsd procps passwd \
	  python3-venv openssl gettext-base git curl
	-@tools/kubernetes/build
	CI=$${CI:-true} $(VENV)/bin/pytest tests/e2e

bench: $(VENV)/installed-for-tests
	$(VENV)/bin/python benchmarks/run.py

golden: $(VENV)/installed-for-tests
	APPGEN_UPDATE_GOLDEN=1 $(VENV)/bin/pytest tests/test_golden.py tests/test_errors.py

docs: $(VENV)/installed
	$(VENV)/bin/python tools/make_docs.py

docs-site: $(VENV)/installed-for-tests
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict --site-dir build/site

clean:
	rm -rf $(VENV) build

$(VENV)/installed: pyproject.toml
	@mkdir -p build
	@$(PYTHON) tools/make_venv.py $(VENV)
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check -e .
	@touch $@

$(VENV)/installed-for-tests: pyproject.toml
	@mkdir -p build
	@$(PYTHON) tools/make_venv.py $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check -e '.[test,docs,bench]'
	@touch $(VENV)/installed $@
