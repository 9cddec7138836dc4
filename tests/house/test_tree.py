"""What the tree promises to whoever installs, deploys or reads it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml

from leeway.runtime.doctor import CLICKHOUSE_OLDEST

ROOT = Path(__file__).parents[2]
LINES_MAX = 400
PINS = sorted((ROOT / "requirements").glob("*.txt"))
COMPONENTS = ("collector", "detectors", "alerts", "dashboards")


def compose() -> dict:
    parsed: dict = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    return parsed


@pytest.mark.parametrize("path", PINS, ids=lambda p: p.name)
def test_every_requirement_is_pinned_with_hashes_and_without_addresses(path: Path) -> None:
    text = path.read_text("utf-8")
    assert "://" not in text
    requirements = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
    assert requirements
    assert not [line for line in requirements if not re.match(r"^[a-z0-9.\-]+(\[[a-z,]+\])?==[^ ]+ (; .* )?\\$", line)]
    for block in re.split(r"\n(?=[a-z])", text.strip()):
        assert "--hash=sha256:" in block, block.splitlines()[0]


def test_files_stay_readable() -> None:
    python = [p for folder in ("leeway", "benchmarks", "examples") for p in (ROOT / folder).rglob("*.py")]
    long = {str(p.relative_to(ROOT)): n for p in python if (n := len(p.read_text("utf-8").splitlines())) > LINES_MAX}
    assert not long
    nameless = [str(p) for p in python if re.fullmatch(r"(utils?|helpers?|common|misc)(\.py)?", p.name)]
    assert not nameless


def test_the_compose_file_runs_the_four_components_of_one_image() -> None:
    services = {name: s for name, s in compose()["services"].items() if "profiles" not in s}
    assert set(services) == {"clickhouse", *COMPONENTS}
    for name in COMPONENTS:
        service = services[name]
        assert service["build"] == "."
        assert service["command"] == [name]
        assert service["depends_on"] == {"clickhouse": {"condition": "service_healthy"}}
        assert service["environment"]["HEALTH_URL"].startswith("http://127.0.0.1:")
        assert "LEEWAY_CLICKHOUSE_URL" in service["environment"]
    assert services["clickhouse"]["image"] == f"clickhouse/clickhouse-server:{'.'.join(map(str, CLICKHOUSE_OLDEST))}"
    assert "ports" not in services["clickhouse"], "the database is for the components only"


def test_the_cluster_profile_is_two_shards_of_two_replicas_with_three_keepers() -> None:
    services = compose()["services"]
    root = ET.parse(ROOT / "deploy" / "clickhouse" / "leeway.xml").getroot()  # noqa: S314 - ours
    shards = [
        [host.text for host in shard.iter("host")] for shard in root.iter("shard") if shard.find("replica") is not None
    ]
    assert [len(hosts) for hosts in shards] == [2, 2]
    for number, hosts in enumerate(shards, 1):
        for replica, host in enumerate(hosts, 1):
            said = services[host]["environment"]
            assert (said["SHARD"], said["REPLICA"]) == (str(number), str(replica))
            assert services[host]["image"] == services["clickhouse"]["image"]
            assert ("profiles" in services[host]) == (host != "clickhouse")
    keepers = [node.findtext("host") for node in root.iter("node")]
    quorum = ET.parse(ROOT / "deploy" / "clickhouse" / "keeper.xml").getroot().iter("server")  # noqa: S314
    assert keepers == [server.findtext("hostname") for server in quorum]
    assert [services[keeper]["environment"]["KEEPER_ID"] for keeper in keepers] == ["1", "2", "3"]
    nodes = {host for shard in shards for host in shard}
    in_profile = {name for name, s in services.items() if s.get("profiles") == ["cluster"]}
    assert in_profile == nodes - {"clickhouse"} | set(keepers)


def test_the_compose_file_holds_no_secret_and_opens_no_port_to_the_network() -> None:
    text = (ROOT / "docker-compose.yml").read_text("utf-8")
    for line in text.splitlines():
        if "PASSWORD" in line and not line.lstrip().startswith("#"):
            assert "${LEEWAY_CLICKHOUSE_PASSWORD:?" in line, line
    for name, service in compose()["services"].items():
        for port in service.get("ports", ()):
            assert port.startswith(("127.0.0.1:", "${LEEWAY_PUBLISH:-127.0.0.1}:")), f"{name} publishes {port}"


@pytest.mark.parametrize("profile", [{}, {"COMPOSE_PROFILES": "cluster", "LEEWAY_CLUSTER": "leeway"}], ids=str)
def test_docker_accepts_every_profile_of_the_compose_file(profile: dict[str, str]) -> None:
    ours = {name: text for name, text in os.environ.items() if name in {"PATH", "HOME", "DOCKER_CONFIG"}}
    environment = {**ours, "LEEWAY_CLICKHOUSE_PASSWORD": "for-the-test", **profile}
    command = [*docker_compose(), "--file", str(ROOT / "docker-compose.yml"), "config", "--format", "json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    services = json.loads(done.stdout)["services"]
    in_profile = {n for n, s in compose()["services"].items() if set(s.get("profiles", ())) <= set(profile.values())}
    assert set(services) == in_profile
    mounts = [mount for service in services.values() for mount in service.get("volumes", ())]
    missing = [m["source"] for m in mounts if m["type"] == "bind" and not Path(m["source"]).is_file()]
    assert not missing, "docker would make folders of them"


def docker_compose() -> list[str]:
    """Docker Compose 2 or newer, as docker's plugin or on its own; the first version was another program."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]):
            said = subprocess.run([*command, "version", "--short"], capture_output=True, text=True, check=False)
            if said.returncode == 0 and int(re.match(r"v?(\d+)", said.stdout + "0")[1]) >= 2:  # type: ignore[index]
                return command
    pytest.skip(
        "Docker Compose 2 is not on the PATH: install docker's compose plugin, or with Go build ./cmd of the module "
        "github.com/docker/compose/v2 as docker-compose; no engine is needed"
    )


def test_the_image_does_not_run_as_root_and_knows_its_health() -> None:
    lines = (ROOT / "Dockerfile").read_text("utf-8").splitlines()
    last_stage = lines[max(i for i, line in enumerate(lines) if line.startswith("FROM")) :]
    assert "USER leeway" in last_stage
    assert any(line.startswith("HEALTHCHECK") for line in last_stage)
    assert any("--require-hashes" in line for line in lines)


def test_what_runs_in_continuous_integration_is_what_a_person_runs() -> None:
    text = (ROOT / ".ci" / "run").read_text("utf-8")
    assert text.rstrip().endswith("make check\nmake test")
