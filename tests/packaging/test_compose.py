"""docker-compose.yml is valid, and as closed as the documentation says."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from configuration.settings import settings_without_file
from storage.nodes import EngineName
from storage.work import NodeRole
from tests.packaging.here import ROOT, answer

COMPOSE = ROOT / "docker-compose.yml"
NODES = ("crawl-1", "crawl-2", "match")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(COMPOSE)
    return loaded


def test_it_is_valid_by_the_compose_specification() -> None:
    """It matches the schema that check-jsonschema ships, so nothing is downloaded."""
    validator = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec")

    found = answer(*validator, COMPOSE)

    assert found.returncode == 0, found.stdout


def test_docker_compose_reads_it_where_it_is_at_hand() -> None:
    """`docker compose config` resolves every reference, on machines that have it."""
    docker = shutil.which("docker")
    if not docker or answer(docker, "compose", "version").returncode:
        return

    found = answer(docker, "compose", "--file", COMPOSE, "config", "--quiet")

    assert found.returncode == 0, found.stderr


def test_no_container_can_gain_rights_or_write_outside_its_volumes(compose: dict[str, Any]) -> None:
    """Each of them has a read-only root, no capabilities and no new privileges."""
    services = compose["services"]

    assert set(services) == {"spillwatch", "postgres", "tor", *NODES, "store"}
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "ports" not in service, name
        assert "privileged" not in service, name


def test_the_database_is_reached_from_the_inside_network_only(compose: dict[str, Any]) -> None:
    """Its network is `internal`: no connection leads out of it or into it. So is the object store's."""
    assert compose["services"]["postgres"]["networks"] == ["inside"]
    assert compose["services"]["store"]["networks"] == ["inside"]
    assert compose["networks"]["inside"] == {"internal": True}


def test_the_daemon_has_no_way_out_but_tor_unless_somebody_opens_one(compose: dict[str, Any]) -> None:
    """Its networks are internal; only Tor is in one that leads out. One variable opens the daemon's."""
    services, networks = compose["services"], compose["networks"]
    leading_out = {name for name, network in networks.items() if not network.get("internal")}

    assert leading_out == {"outside"}
    assert [name for name, service in services.items() if "outside" in service["networks"]] == ["tor"]
    assert networks["direct"] == {"internal": "${TOR_ONLY:-true}"}
    for name in ("spillwatch", *NODES):
        assert services[name]["networks"] == ["inside", "direct"]
        assert services[name]["environment"]["SPILLWATCH_CRAWLER__TOR_PROXY"] == "socks5://tor:9050"


def test_the_profile_has_nodes_for_every_role_that_share_no_folder(
    compose: dict[str, Any], tmp_path: Path
) -> None:
    """Its settings are accepted as they are; every role has a node, crawling has two, and each node has a
    volume of its own.
    """
    services = compose["services"]
    roles: list[str] = []
    for name in NODES:
        environment = services[name]["environment"]
        variables = {key: value.replace("/run/secrets", str(tmp_path)) for key, value in environment.items()}
        for variable, value in variables.items():
            if variable.endswith("_FILE"):
                Path(value).write_text("postgresql://spillwatch@postgres/spillwatch\n")
                Path(value).chmod(0o600)
        settings = settings_without_file(variables)
        assert settings.daemon.engine is EngineName.PROCRASTINATE
        assert settings.daemon.node_name == name
        roles += settings.daemon.roles

    assert set(roles) == set(NodeRole)
    assert roles.count("crawl") == 2
    volumes = [volume for name in NODES for volume in services[name]["volumes"] if not volume.startswith(".")]
    assert len(volumes) == len(set(volumes)) == len(NODES)
    of_profile = {name for name, service in services.items() if service.get("profiles") == ["nodes"]}
    assert of_profile == {*NODES, "store"}


def test_no_secret_is_in_an_environment_variable(compose: dict[str, Any]) -> None:
    """Secrets are files, which `docker inspect` does not show."""
    for name, service in compose["services"].items():
        for variable, value in service.get("environment", {}).items():
            secret = any(word in variable for word in ("PASSWORD", "SECRET", "DATABASE_URL", "_KEY"))
            assert not secret or value.startswith("/run/secrets/"), f"{name}: {variable}"


def test_every_named_thing_is_declared(compose: dict[str, Any]) -> None:
    """A misspelt volume, network or secret is found before the first start."""
    for service in compose["services"].values():
        volumes = {volume.partition(":")[0] for volume in service.get("volumes", [])}

        assert {volume for volume in volumes if not volume.startswith(".")} <= set(compose["volumes"])
        assert set(service["networks"]) <= set(compose["networks"])
        assert set(service.get("secrets", [])) <= set(compose["secrets"])


def test_the_secrets_are_made_once_and_never_overwritten(tmp_path: Path) -> None:
    """deploy/make-secrets.sh writes the files that the Compose file names; a second call changes nothing."""
    script = shutil.copy(ROOT / "deploy/make-secrets.sh", tmp_path)
    names = ("database_url", "database_password", "store_key", "store_key_id", "store_config")
    written = [tmp_path / "secrets" / name for name in names]

    answer(script)
    first = [path.read_text() for path in written]
    answer(script)

    assert [path.read_text() for path in written] == first
    assert first[1].strip() in first[0]
    identity = json.loads(first[4])["identities"][0]["credentials"][0]
    assert identity == {"accessKey": first[3].strip(), "secretKey": first[2].strip()}
    assert (tmp_path / "secrets").stat().st_mode & 0o077 == 0
