"""The files of `cluster/` against what reads them: Ray's own schema, the fields of KubeRay that
they use, and each other."""

import json
import re
import shlex
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from physscale.scheduling.machine_file import read_machine
from physscale.scheduling.resources import slots
from tests.paths import ROOT

CLUSTER = ROOT / "cluster"
MACHINE = read_machine(CLUSTER / "gpu_cluster.yaml")
TEXT, WHOLE, YES = {"type": "string"}, {"type": "integer", "minimum": 0}, {"type": "boolean"}


def fields(*required: str, **allowed: Any) -> dict[str, Any]:
    """An object of exactly these fields, written down from the v1 custom resources of KubeRay
    1.5.1 and the core API."""
    return {
        "type": "object",
        "properties": allowed,
        "required": list(required),
        "additionalProperties": False,
    }


def listed(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item, "minItems": 1}


AMOUNTS = {
    "type": "object",
    "additionalProperties": {"type": "string", "pattern": r"^(\d+(\.\d+)?(m|[KMGT]i)?|[A-Z_]+)$"},
}
CONTAINER = fields(
    "name",
    "image",
    "resources",
    name=TEXT,
    image=TEXT,
    ports=listed(fields("containerPort", containerPort=WHOLE, name=TEXT)),
    lifecycle=fields(
        "preStop", preStop=fields("exec", exec=fields("command", command=listed(TEXT)))
    ),
    env=listed(fields("name", "value", name=TEXT, value=TEXT)),
    resources=fields("requests", "limits", requests=AMOUNTS, limits=AMOUNTS),
    securityContext=fields("capabilities", capabilities=fields("add", add=listed(TEXT))),
    volumeMounts=listed(fields("name", "mountPath", name=TEXT, mountPath=TEXT)),
)
POD = fields(
    "containers",
    terminationGracePeriodSeconds=WHOLE,
    containers=listed(CONTAINER),
    volumes=listed(
        fields(
            "name",
            name=TEXT,
            persistentVolumeClaim=fields("claimName", claimName=TEXT),
            emptyDir=fields(medium={"enum": ["", "Memory"]}, sizeLimit=TEXT),
        )
    ),
    nodeSelector={"type": "object", "additionalProperties": TEXT},
    tolerations=listed(
        fields(
            "operator",
            key=TEXT,
            operator={"enum": ["Exists", "Equal"]},
            effect={"enum": ["NoSchedule", "PreferNoSchedule", "NoExecute"]},
        )
    ),
    securityContext=fields(runAsUser=WHOLE, runAsGroup=WHOLE, fsGroup=WHOLE, runAsNonRoot=YES),
)
START = {"type": "object", "additionalProperties": TEXT}
TEMPLATE = fields("spec", spec=POD)
RAY_CLUSTER = fields(
    "headGroupSpec",
    "workerGroupSpecs",
    "authOptions",
    rayVersion=TEXT,
    enableInTreeAutoscaling=YES,
    autoscalerOptions=fields(
        version={"enum": ["v1", "v2"]},
        upscalingMode={"enum": ["Default", "Aggressive", "Conservative"]},
        idleTimeoutSeconds=WHOLE,
    ),
    authOptions=fields("mode", mode={"const": "token"}),
    headGroupSpec=fields(
        "template",
        "rayStartParams",
        rayStartParams=START,
        serviceType={"const": "ClusterIP"},
        template=TEMPLATE,
    ),
    workerGroupSpecs=listed(
        fields(
            "groupName",
            "template",
            "rayStartParams",
            groupName=TEXT,
            replicas=WHOLE,
            minReplicas=WHOLE,
            maxReplicas=WHOLE,
            rayStartParams=START,
            template=TEMPLATE,
        )
    ),
)
METADATA = fields(name=TEXT, generateName=TEXT)
HEADER = {"apiVersion": {"const": "ray.io/v1"}, "metadata": METADATA}
SCHEMAS = {
    "cluster.yaml": fields("spec", kind={"const": "RayCluster"}, spec=RAY_CLUSTER, **HEADER),
    "job.yaml": fields(
        "spec",
        kind={"const": "RayJob"},
        spec=fields(
            "entrypoint",
            "rayClusterSpec",
            entrypoint=TEXT,
            submissionMode={"enum": ["K8sJobMode", "HTTPMode", "InteractiveMode", "SidecarMode"]},
            backoffLimit=WHOLE,
            activeDeadlineSeconds=WHOLE,
            shutdownAfterJobFinishes=YES,
            ttlSecondsAfterFinished=WHOLE,
            runtimeEnvYAML=TEXT,
            rayClusterSpec=RAY_CLUSTER,
        ),
        **HEADER,
    ),
    "storage.yaml": fields(
        "spec",
        apiVersion={"const": "v1"},
        kind={"const": "PersistentVolumeClaim"},
        metadata=METADATA,
        spec=fields(
            "accessModes",
            accessModes={"const": ["ReadWriteMany"]},
            storageClassName=TEXT,
            resources=fields("requests", requests=AMOUNTS),
        ),
    ),
}
SCHEMAS["job_8gpu.yaml"] = SCHEMAS["job.yaml"]


def read(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text()))


def cluster_spec(name: str) -> dict[str, Any]:
    spec = read(CLUSTER / "kuberay" / name)["spec"]
    return dict(spec.get("rayClusterSpec", spec))


def faults(document: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    for error in jsonschema.Draft7Validator(schema).iter_errors(document):
        yield f"{'.'.join(map(str, error.absolute_path))}: {error.message}"


@pytest.mark.parametrize("name", SCHEMAS)
def test_kuberay_files_have_the_fields_that_kuberay_reads(name: str) -> None:
    assert list(faults(read(CLUSTER / "kuberay" / name), SCHEMAS[name])) == []


def test_a_misspelt_field_of_kuberay_is_found() -> None:
    document = read(CLUSTER / "kuberay" / "cluster.yaml")
    document["spec"]["workerGroupSpecs"][0]["minReplica"] = 1
    assert "minReplica" in next(faults(document, SCHEMAS["cluster.yaml"]))


def ray_schema() -> dict[str, Any]:
    import ray

    return dict(
        json.loads((Path(ray.__file__).parent / "autoscaler" / "ray-schema.json").read_text())
    )


@pytest.mark.parametrize("name", ["aws.yaml", "aws_8gpu.yaml"])
def test_the_autoscaling_file_is_what_ray_up_reads(name: str) -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    document = read(CLUSTER / "ray_up" / name)
    assert list(faults(document, ray_schema())) == []
    validate_config(prepare_config(document))
    assert list(faults(document | {"max_worker": 4}, ray_schema()))


def test_the_machine_file_counts_the_nodes_that_the_clusters_bring() -> None:
    node = read(CLUSTER / "ray_up" / "aws.yaml")["available_node_types"]["gpu_spot"]
    assert (node["max_workers"], node["resources"]) == (
        MACHINE.nodes,
        {"CPU": MACHINE.node_cpus, "GPU": MACHINE.node_gpus},
    )
    for name in ("cluster.yaml", "job.yaml"):
        (group,) = cluster_spec(name)["workerGroupSpecs"]
        (container,) = group["template"]["spec"]["containers"]
        assert group["maxReplicas"] == MACHINE.nodes
        assert container["resources"]["limits"]["cpu"] == f"{MACHINE.node_cpus:g}"
        assert container["resources"]["limits"]["nvidia.com/gpu"] == f"{MACHINE.node_gpus:g}"
    assert (
        slots(MACHINE, nodes=[]).arithmetic
        == "16 at a time x (1 CPU + 1 CPU for data) = 32 of 32 CPU, 4 of 4 GPU"
    )


def test_both_kuberay_files_describe_the_same_cluster_of_this_ray() -> None:
    assert cluster_spec("job.yaml") == cluster_spec("cluster.yaml")
    assert cluster_spec("job.yaml")["rayVersion"] == version("ray")


def test_a_pod_that_must_go_has_longer_to_go_than_its_runs_have_to_save() -> None:
    from ray._private import ray_constants

    (group,) = cluster_spec("cluster.yaml")["workerGroupSpecs"]
    (container,) = group["template"]["spec"]["containers"]
    (drain,) = container["env"]
    assert hasattr(ray_constants, drain["name"]), "Ray reads it"
    assert int(drain["value"]) < group["template"]["spec"]["terminationGracePeriodSeconds"]


def test_the_job_runs_a_command_that_there_is() -> None:
    words = shlex.split(read(CLUSTER / "kuberay" / "job.yaml")["spec"]["entrypoint"])
    assert words[:3] == ["physscale", "run", "quickstart"]
    assert (
        ROOT / Path(words[words.index("--machine") + 1]).relative_to("/home/ray/physscale")
    ).is_file()
    claimed = cluster_spec("job.yaml")["headGroupSpec"]["template"]["spec"]["volumes"][0][
        "persistentVolumeClaim"
    ]["claimName"]
    assert claimed == read(CLUSTER / "kuberay" / "storage.yaml")["metadata"]["name"]


def test_the_image_is_built_from_files_that_there_are_and_that_reach_the_builder() -> None:
    copied = [
        word
        for line in re.findall(
            r"^COPY --chown=ray (.*)$", (CLUSTER / "Dockerfile").read_text(), re.M
        )
        for word in line.split()[:-1]
    ]
    sent = {
        line.removeprefix("!")
        for line in (CLUSTER / "Dockerfile.dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    assert set(copied) == sent
    assert all((ROOT / name).exists() for name in copied)
