"""The image, as its Dockerfile describes it (no container engine is needed)."""

from __future__ import annotations

import re
import tomllib

from tests.packaging.dockerfile import copied, stages
from tests.packaging.here import ROOT

DOCKERFILE = ROOT / "Dockerfile"
BUILD, IMAGE = stages(DOCKERFILE)


def test_the_image_is_installed_by_the_steps_that_make_uses() -> None:
    """Both install with setup/install.sh and the runtime lock; the compiler stays out of the image."""
    runs = [step.rest for step in BUILD if step.word == "RUN"]
    recipe = re.search(r"^\.venv/runtime:.*\n\t@?(.*)", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert recipe
    assert recipe[1] == "setup/install.sh .venv requirements.lock --editable ."
    assert runs == [
        "setup/apt-install.sh gcc libc6-dev",
        "setup/install.sh /opt/spillwatch requirements.lock",
        "setup/install.sh /opt/spillwatch requirements.lock .",
    ]
    installed = [step.rest for step in IMAGE if step.word == "RUN" and re.search(r"pip|apt", step.rest)]
    assert [re.findall(r"recommends (.+?) \S*&&", rest) for rest in installed] == [["libarchive13t64"]]


def test_every_package_is_copied_into_the_image() -> None:
    """A package that the Dockerfile forgets would be missing only in the image."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]

    assert set(packages) <= set(copied(BUILD))


def test_the_build_context_lets_in_what_is_copied_and_nothing_else() -> None:
    """.dockerignore starts from nothing, so that secrets and databases in a clone stay out of every layer."""
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if not line.startswith("#")]

    assert lines[0] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == set(copied(BUILD))


def test_the_image_runs_unprivileged_and_says_whether_it_is_healthy() -> None:
    """It has a numeric user (orchestrators check that it is not 0), a volume for data and a health check."""
    by_word = {step.word: step.rest for step in IMAGE}

    assert by_word["USER"] == "10001:10001"
    assert by_word["VOLUME"] == by_word["WORKDIR"] == "/var/lib/spillwatch"
    assert by_word["HEALTHCHECK"].endswith('CMD ["spillwatch", "doctor", "--only", "daemon"]')
    assert by_word["ENTRYPOINT"] == '["spillwatch"]'


def test_the_base_images_are_pinned() -> None:
    """`latest` would be another image each month."""
    bases = [stage[0].rest for path in (DOCKERFILE, ROOT / "deploy/tor/Dockerfile") for stage in stages(path)]

    assert all(re.match(r"[a-z]+:[0-9a-z.]+-", base) for base in bases), bases
