"""The JSON documents that REST v2 sends, as pydantic models.

RunPod adds, omits and retypes fields without notice. Unknown fields are dropped. A field of an unexpected type
gets its default, so that one bad field does not make the whole document unusable.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _flag(value: object) -> bool:
    return value is True


def decimal(value: object) -> Decimal | None:
    """Convert a number to Decimal without rounding. Returns None for any other value."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < 10**12 else None


def _whole(value: object) -> int | None:
    number = decimal(value)
    return None if number is None else int(number)


def _number(value: object) -> float | None:
    number = decimal(value)
    return None if number is None else float(number)


def moment(value: object) -> datetime | None:
    """Parse an RFC 3339 time to UTC. Returns None for any other value."""
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value.strip())
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _mapping(value: object) -> dict[str, Any]:
    return {str(k): v for k, v in value.items()} if isinstance(value, dict) else {}


def _object(value: object) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None


def _texts(value: object) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _of_texts(value: object) -> dict[str, str]:
    return {k: v for k, v in _mapping(value).items() if isinstance(v, str)}


def _read(how: Callable[[object], Any]) -> BeforeValidator:
    return BeforeValidator(how)


Text = Annotated[str, _read(_text)]
Texts = Annotated[tuple[str, ...], _read(_texts)]
Flag = Annotated[bool, _read(_flag)]
Whole = Annotated[int | None, _read(_whole)]
Number = Annotated[float | None, _read(_number)]
Money = Annotated[Decimal | None, _read(decimal)]
Moment = Annotated[datetime | None, _read(moment)]
OfTexts = Annotated[dict[str, str], _read(_of_texts)]


mapping = _read(_mapping)
objects = _read(_objects)
maybe_object = _read(_object)
maybe_objects = _read(lambda value: _objects(value) if isinstance(value, list) else None)
maybe_flag = _read(lambda value: value if isinstance(value, bool) else None)


class Wire(BaseModel):
    """The base of all models of RunPod's JSON objects."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Gpu(Wire):
    """The ``gpu`` of a pod. RunPod sends ``vcpuCount`` and ``memory``, although its published contract lacks them."""

    id: Text = ""
    count: Whole = None
    vcpuCount: Number = None
    memory: Number = None


class Cpu(Wire):
    """The ``cpu`` of a pod without a GPU."""

    id: Text = ""
    vcpuCount: Number = None
    memory: Number = None


class NetworkMount(Wire):
    """One entry of ``mounts.network``."""

    volumeId: Text = ""
    path: Text = ""


class PersistentMount(Wire):
    """The ``mounts.persistent`` of a pod."""

    size: Whole = None
    path: Text = ""


class Mounts(Wire):
    """The ``mounts`` of a pod."""

    persistent: Annotated[PersistentMount | None, maybe_object] = None
    network: Annotated[tuple[NetworkMount, ...], objects] = ()


class Endpoint(Wire):
    """One ssh address of a pod."""

    host: Text = ""
    port: Whole = None
    username: Text = ""


class Ssh(Wire):
    """The ``ssh`` of a pod."""

    proxy: Annotated[Endpoint | None, maybe_object] = None
    direct: Annotated[Endpoint | None, maybe_object] = None


class Utilisation(Wire):
    """Utilisation in percent; only GPUs have ``memoryUtil``."""

    util: Number = None
    memoryUtil: Number = None


class MappedPort(Wire):
    """One entry of ``runtime.ports``."""

    private: Whole = None
    public: Whole = None
    type: Text = ""
    ip: Text = ""


class Runtime(Wire):
    """The ``runtime`` of a pod. ``gpus`` is None if RunPod left the field out."""

    uptime: Whole = None
    gpus: Annotated[tuple[Utilisation, ...] | None, maybe_objects] = None
    cpu: Annotated[Utilisation, mapping] = Utilisation()
    memory: Annotated[Utilisation, mapping] = Utilisation()
    ports: Annotated[tuple[MappedPort, ...], objects] = ()


class Cluster(Wire):
    """The ``cluster`` of a pod that belongs to one."""

    id: Text = ""


class WirePod(Wire):
    """A pod of REST v2."""

    id: Text = ""
    name: Text = ""
    status: Text = ""
    actions: Texts = ()
    image: Text = ""
    args: Text = ""
    disk: Whole = None
    ports: Texts = ()
    env: OfTexts = Field(default_factory=dict)
    mounts: Annotated[Mounts, mapping] = Mounts()
    gpu: Annotated[Gpu | None, maybe_object] = None
    cpu: Annotated[Cpu | None, maybe_object] = None
    cloud: Text = ""
    dataCenterId: Text = ""
    cudaVersion: Text = ""
    ssh: Annotated[Ssh, mapping] = Ssh()
    template: Text = ""
    cost: Money = None
    locked: Flag = False
    runtime: Annotated[Runtime | None, maybe_object] = None
    cluster: Annotated[Cluster | None, maybe_object] = None
    createdAt: Moment = None
    startedAt: Moment = None


class ByCloud(Wire):
    """A price ($/h) for each cloud."""

    secure: Money = None
    community: Money = None


class Stocked(Wire):
    """A GPU or data centre and its stock: NONE, LOW, MEDIUM or HIGH."""

    id: Text = ""
    name: Text = ""
    availability: Text = ""


class Cuda(Wire):
    """A CUDA version and whether a machine with it is free."""

    version: Text = ""
    available: Flag = False


class WireGpuType(Wire):
    """An entry of the GPU catalogue."""

    id: Text = ""
    name: Text = ""
    manufacturer: Text = ""
    memory: Whole = None
    secure: Flag = False
    community: Flag = False
    price: Annotated[ByCloud, mapping] = ByCloud()
    availability: Text = ""
    dataCenters: Annotated[tuple[Stocked, ...], objects] = ()
    cudaVersions: Annotated[tuple[Cuda, ...], objects] = ()


class WireDataCentre(Wire):
    """An entry of the catalogue of data centres."""

    id: Text = ""
    name: Text = ""
    region: Text = ""
    networkVolumeTypes: Texts = ()
    compliance: Texts = ()
    gpuAvailability: Annotated[tuple[Stocked, ...], objects] = ()


class WireVolume(Wire):
    """A network volume."""

    id: Text = ""
    name: Text = ""
    size: Whole = None
    dataCenter: Text = ""
    type: Text = ""


class WireBill(Wire):
    """One record of the bill."""

    podId: Text = ""
    startTime: Moment = None
    endTime: Moment = None
    totalAmount: Money = None
    gpuAmount: Money = None
    cpuAmount: Money = None
    diskAmount: Money = None
