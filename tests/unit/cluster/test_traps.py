"""The files of `cluster/` against what stops or slows runs on GPUs though each schema is met."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from physscale.scheduling.machine_file import read_machine
from tests.paths import ROOT

CLUSTER = ROOT / "cluster"
IMAGE = (CLUSTER / "Dockerfile").read_text()
KUBERAY, RAY_UP = ("cluster.yaml", "job.yaml", "job_8gpu.yaml"), ("aws.yaml", "aws_8gpu.yaml")
EIGHT = read_machine(CLUSTER / "a100x32.yaml")
DRIVERS = {"12": "525", "13": "580"}
"""The oldest NVIDIA driver for each major release of CUDA (its release notes, table 2)."""


def read(*parts: str) -> dict[str, Any]:
    return dict(yaml.safe_load(CLUSTER.joinpath(*parts).read_text()))


def cluster_spec(name: str) -> dict[str, Any]:
    spec = read("kuberay", name)["spec"]
    return dict(spec.get("rayClusterSpec", spec))


def container(group: dict[str, Any]) -> dict[str, Any]:
    (only,) = group["template"]["spec"]["containers"]
    return dict(only)


def installed_packages() -> set[str]:
    (line,) = re.findall(r"apt-get install (.*?)&&", IMAGE, re.S)
    return set(line.replace("\\", " ").split())


def environment_of_the_image() -> dict[str, str]:
    lines = re.findall(r"^ENV (.*)$", IMAGE, re.M)
    return dict(pair.split("=", 1) for line in lines for pair in line.split())


def test_the_image_has_a_c_compiler_and_proves_it_when_it_is_built() -> None:
    assert {"g++"} <= installed_packages(), "torch.compile and Triton call one"
    assert re.search(r"^\s*(RUN)?.*python -c '.*torch\.compile\(", IMAGE, re.M)


def test_the_image_has_every_part_and_the_files_that_its_metadata_name() -> None:
    """The core alone, without extras, has neither torch's companions nor Ray nor W&B."""
    assert "-e '.[all]'" in IMAGE
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = {project["readme"], *project["license-files"], "pyproject.toml"}
    copied = " ".join(re.findall(r"^COPY (.*)$", IMAGE, re.M)).split()
    assert named <= set(copied)


def test_the_image_has_the_libraries_by_which_nccl_finds_infiniband() -> None:
    assert {"libibverbs1", "ibverbs-providers", "librdmacm1"} <= installed_packages()


def test_the_container_toolkit_and_gke_mount_the_driver_where_the_image_looks() -> None:
    variables = environment_of_the_image()
    assert variables["NVIDIA_VISIBLE_DEVICES"] == "all"
    assert {"compute", "utility"} <= set(variables["NVIDIA_DRIVER_CAPABILITIES"].split(","))
    assert "/usr/local/nvidia/lib64" in variables["LD_LIBRARY_PATH"].split(":")
    assert "/usr/local/nvidia/bin" in variables["PATH"].split(":")


@pytest.mark.parametrize(
    "name", ["Dockerfile", "README.md", "slurm/study.sbatch", *(f"ray_up/{up}" for up in RAY_UP)]
)
def test_the_driver_that_torch_needs_is_said(name: str) -> None:
    if torch.version.cuda is None:
        pytest.skip("this torch is a CPU build")
    oldest = DRIVERS[torch.version.cuda.split(".")[0]]
    said = set(re.findall(r"driver[^.]{0,40}?\b(\d{3}) or newer", (CLUSTER / name).read_text()))
    assert said == {oldest}


@pytest.mark.parametrize("name", RAY_UP)
def test_every_machine_that_is_rented_boots_with_docker(name: str) -> None:
    document = read("ray_up", name)
    assert document["docker"]["image"]
    kinds = document["available_node_types"].values()
    assert {kind["node_config"]["ImageId"] for kind in kinds} == {"DEEP_LEARNING_BASE_AMI"}
    assert "Docker" in (CLUSTER / "ray_up" / name).read_text().partition("cluster_name")[0]


@pytest.mark.parametrize("name", KUBERAY)
def test_the_first_kuberay_with_these_fields_is_said(name: str) -> None:
    assert "authOptions" in cluster_spec(name)
    assert "KubeRay 1.5.1 or" in (CLUSTER / "kuberay" / name).read_text()


@pytest.mark.parametrize("name", [name for name in KUBERAY if name.startswith("job")])
def test_a_job_has_no_deadline(name: str) -> None:
    """A study takes weeks; KubeRay would end it, and its cluster, in the middle."""
    assert read("kuberay", name)["kind"] == "RayJob"
    assert "activeDeadlineSeconds" not in (CLUSTER / "kuberay" / name).read_text()


@pytest.mark.parametrize("name", KUBERAY)
def test_the_head_sees_no_gpus(name: str) -> None:
    head = container(cluster_spec(name)["headGroupSpec"])
    assert {"name": "NVIDIA_VISIBLE_DEVICES", "value": "none"} in head["env"]


def of_kubernetes() -> tuple[int, float, float]:
    (group,) = cluster_spec("job_8gpu.yaml")["workerGroupSpecs"]
    assert group["replicas"] == group["minReplicas"] == group["maxReplicas"]
    limits = container(group)["resources"]["limits"]
    return group["replicas"], float(limits["cpu"]), float(limits["nvidia.com/gpu"])


def of_ray_up() -> tuple[int, float, float]:
    kind = read("ray_up", "aws_8gpu.yaml")["available_node_types"]["gpu8"]
    assert kind["min_workers"] == kind["max_workers"]
    return kind["max_workers"], kind["resources"]["CPU"], kind["resources"]["GPU"]


def of_slurm() -> tuple[int, float, float]:
    script = (CLUSTER / "slurm" / "study.sbatch").read_text()
    asked = dict(re.findall(r"^#SBATCH --([a-z-]+)=(\S+)$", script, re.M))
    return int(asked["nodes"]), float(asked["cpus-per-task"]), float(asked["gpus-per-node"])


@pytest.mark.parametrize("asked", [of_kubernetes, of_ray_up, of_slurm])
def test_nodes_of_eight_gpus_are_those_that_the_plan_counts_with(asked: Any) -> None:
    assert asked() == (EIGHT.nodes, EIGHT.node_cpus, EIGHT.node_gpus)


def test_nodes_of_eight_gpus_talk_by_rdma() -> None:
    """Adapters, memory that may be pinned, and room for what NCCL shares within a node."""
    (group,) = cluster_spec("job_8gpu.yaml")["workerGroupSpecs"]
    pod = container(group)
    assert pod["securityContext"]["capabilities"]["add"] == ["IPC_LOCK"]
    assert "RDMA_RESOURCE" in pod["resources"]["limits"]
    memory = group["template"]["spec"]["volumes"][1]["emptyDir"]
    assert memory["medium"] == "Memory"

    document = read("ray_up", "aws_8gpu.yaml")
    kind = document["available_node_types"]["gpu8"]["node_config"]
    assert {card["InterfaceType"] for card in kind["NetworkInterfaces"]} == {"efa"}
    assert kind["Placement"]["GroupName"]
    options = " ".join(document["docker"]["worker_run_options"])
    assert "--device=/dev/infiniband" in options
    assert "memlock=-1" in options
    assert "/usr/local/nvidia/lib64" in options, "what the image itself looks for stays"

    assert "ulimit -l unlimited" in (CLUSTER / "slurm" / "study.sbatch").read_text()


@pytest.mark.parametrize("path", sorted(CLUSTER.rglob("*.yaml")), ids=lambda path: path.name)
def test_a_file_names_no_secret(path: Path) -> None:
    assert not re.search(r"(AKIA|hf_|wandb_v1_|ghp_)\w{8}", path.read_text())
