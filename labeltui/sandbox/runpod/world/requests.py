"""The bodies of REST v2 requests, checked as strictly as the API does: unknown fields are refused."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from labeltui.sandbox.runpod.world.catalog import CUDA_VERSIONS
from labeltui.sandbox.runpod.world.pods import Mount, Spec
from labeltui.sandbox.runpod.world.refusals import Refusal

Text = Annotated[str, StringConstraints(min_length=1)]
Version = Annotated[str, StringConstraints(pattern=r"^\d+\.\d+$")]
PublicKey = Annotated[str, StringConstraints(pattern=r"^(ssh|ecdsa|sk)-[^\s]+ [^\s]+([ \t][^\n\r]*)?$")]
Model = TypeVar("Model", bound=BaseModel)
PUZZLE = "either a template id or pod configuration parameters must be provided"


class Invalid(Exception):
    """The body violates the schema. ``errors`` has one message for each violation."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__("; ".join(errors))
        self.errors = errors


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel)

    @model_validator(mode="before")
    @classmethod
    def _no_nulls(cls, body: Any) -> Any:
        """Refuse null: clients must omit the field. Only ``registry`` may be null, to remove the registry."""
        if isinstance(body, dict) and any(
            value is None and name != "registry" for name, value in body.items()
        ):
            raise ValueError("got null, want a value")
        return body


class _Gpu(_Strict):
    id: str
    count: Annotated[int, Field(ge=1)] = 1
    allowed_cuda_versions: list[Version] = []
    min_cuda_version: Version | None = None


class _Cpu(_Strict):
    id: Text
    vcpu_count: Annotated[int, Field(ge=2)]


class _Persistent(_Strict):
    size: Annotated[int, Field(ge=10)]
    path: str


class _Network(_Strict):
    volume_id: str
    path: str


class _Mounts(_Strict):
    persistent: _Persistent | None = None
    network: Annotated[list[_Network], Field(max_length=1)] | None = None


class _Container(_Strict):
    image: str | None = None
    args: str | None = None
    disk: Annotated[int, Field(ge=1)] | None = None
    env: dict[str, str] | None = None
    ports: list[str] | None = None
    registry: str | None = None
    global_networking: bool = False
    mounts: _Mounts | None = None
    template_id: Text | None = None


class CreatePod(_Container):
    """The body of ``POST /v2/pods``."""

    name: Text
    cloud: Literal["SECURE", "COMMUNITY"] = "SECURE"
    gpu: _Gpu | None = None
    cpu: _Cpu | None = None
    data_center_ids: list[str] = []
    start_ssh: bool = False
    start_jupyter: bool = False


class UpdatePod(_Container):
    """The body of ``PATCH /v2/pods/{id}``. Omitted fields do not change."""

    name: Text | None = None
    locked: bool | None = None


class Action(_Strict):
    """The body of ``POST /v2/pods/{id}/action``."""

    action: Literal["start", "stop", "restart", "terminate"]


class SshKeys(_Strict):
    """The body of ``PUT /v2/account/ssh-keys``."""

    keys: list[PublicKey]


class CreateVolume(_Strict):
    """The body of ``POST /v2/network-volumes``."""

    name: Text
    size: Annotated[int, Field(ge=10, le=4096)]
    data_center: Text
    type: Literal["STANDARD", "HIGH_PERFORMANCE"] | None = None


class UpdateVolume(_Strict):
    """The body of ``PATCH /v2/network-volumes/{id}``."""

    name: Text | None = None
    size: Annotated[int, Field(ge=10, le=4096)] | None = None


def check(model: type[Model], body: Any) -> Model:
    """Parse the body as ``model``; raises :class:`Invalid`."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise Invalid([_error_text(dict(entry)) for entry in error.errors(include_url=False)]) from None


def _error_text(error: dict[str, Any]) -> str:
    path = [str(part) for part in error["loc"]]
    if error["type"] == "extra_forbidden":
        return f"${''.join(f'.{part}' for part in path[:-1])}: additional properties '{path[-1]}' not allowed"
    return f"${''.join(f'.{part}' for part in path)}: {error['msg'][:1].lower()}{error['msg'][1:]}"


def spec_of(body: CreatePod) -> Spec:
    """Convert the body to a specification. Raises :class:`Invalid`, or :class:`Refusal` for rules across fields."""
    if body.template_id is not None:
        raise Refusal(404, "template not found")
    if body.image is None:
        raise Invalid(["$: missing property 'image'"])
    if (body.gpu is None) == (body.cpu is None):
        raise Refusal(400, "exactly one of gpu or cpu must be set")
    if body.disk is None:
        raise Refusal(400, PUZZLE)
    spec = Spec(
        name=body.name,
        image=body.image,
        disk=body.disk,
        args=body.args or "",
        ports=_ports(body.ports or []),
        env=dict(body.env or {}),
        registry=body.registry,
        cloud=body.cloud,
        mount=mount_of(body.mounts),
        centers=tuple(body.data_center_ids),
        global_network=body.global_networking,
        start_ssh=body.start_ssh,
        start_jupyter=body.start_jupyter,
    )
    if len(spec.env) > 50:
        raise Refusal(400, "too many environment variables")
    if body.gpu is not None:
        spec.gpu, spec.gpu_count, spec.cuda = body.gpu.id, body.gpu.count, _cuda(body.gpu)
    if body.cpu is not None:
        spec.cpu, spec.vcpus = body.cpu.id, body.cpu.vcpu_count
        if spec.mount is not None and spec.mount.volume is None:
            raise Refusal(400, "mounts.persistent is not supported on CPU pods")
    return spec


def mount_of(mounts: _Mounts | None) -> Mount | None:
    """Return the only mount. Raises :class:`Refusal` 400 for two mounts or an empty list."""
    if mounts is None:
        return None
    if mounts.network is not None and not mounts.network:
        raise Refusal(400, "mounts.network must not be empty")
    if mounts.persistent is not None and mounts.network is not None:
        raise Refusal(400, "mounts.persistent and mounts.network are mutually exclusive")
    if mounts.network is not None:
        return Mount(mounts.network[0].path, volume=mounts.network[0].volume_id)
    if mounts.persistent is not None:
        return Mount(mounts.persistent.path, mounts.persistent.size)
    return None


def _ports(ports: list[str]) -> list[str]:
    for port in ports:
        found = re.fullmatch(r"(\d{1,5})/(tcp|http)", port)
        if found is None or not 0 < int(found[1]) < 70100:
            raise Refusal(400, f"invalid port {port!r}: expected port/protocol")
    if sum(port.endswith("/http") for port in ports) > 10:
        raise Refusal(400, "at most 10 http ports")
    return list(ports)


def _cuda(gpu: _Gpu) -> tuple[str, ...] | None:
    if gpu.allowed_cuda_versions and gpu.min_cuda_version:
        raise Refusal(400, "allowedCudaVersions and minCudaVersion are mutually exclusive")
    if gpu.allowed_cuda_versions:
        return tuple(gpu.allowed_cuda_versions)
    return at_least(gpu.min_cuda_version) if gpu.min_cuda_version else None


def at_least(floor: str) -> tuple[str, ...]:
    """Return the CUDA versions from ``floor`` upwards, compared as numbers."""
    low = [int(part) for part in floor.split(".")]
    return tuple(one for one in CUDA_VERSIONS if [int(part) for part in one.split(".")][: len(low)] >= low)
