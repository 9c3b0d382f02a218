"""Every failure code, and how labeltui reacts to it by itself."""

from __future__ import annotations

from enum import StrEnum


class Code(StrEnum):
    """The code of a failure. Scripts compare the values, so the values never change."""

    AGENT_GARBLED = "agent_garbled"
    AGENT_LOST = "agent_lost"
    AGENT_SEND = "agent_send"
    AGENT_SLOW = "agent_slow"
    AGENT_START = "agent_start"
    ALREADY_INFERRING = "already_inferring"
    ALREADY_RUNNING = "already_running"
    ALREADY_SCORING = "already_scoring"
    ALREADY_TRAINING = "already_training"
    APP_BROKEN = "app_broken"
    APP_MISSING = "app_missing"
    BAD_ADDRESS = "bad_address"
    BAD_CONFIG = "bad_config"
    BAD_FILTER = "bad_filter"
    BAD_KEY = "bad_key"
    BAD_LABELS = "bad_labels"
    BAD_LIMIT = "bad_limit"
    BAD_MINUTES = "bad_minutes"
    BAD_NAME = "bad_name"
    BAD_PARAMETER = "bad_parameter"
    BAD_REQUEST = "bad_request"
    BAD_SIZE = "bad_size"
    BAD_SSH_KEY = "bad_ssh_key"
    BAD_TIME = "bad_time"
    BAD_URL = "bad_url"
    BAD_VOLUME = "bad_volume"
    BROKEN_DOWNLOAD = "broken_download"
    BUNDLE_PRETRAINED = "bundle_pretrained"
    CERTIFICATE = "certificate"
    CHANNEL_CLOSED = "channel_closed"
    CHANNEL_REFUSED = "channel_refused"
    CHANNELS = "channels"
    CHECKSUM = "checksum"
    CONNECTION_LOST = "connection_lost"
    COPY_FAILED = "copy_failed"
    CORRUPT_VOLUME = "corrupt_volume"
    CRASHED = "crashed"
    CROP_SIZE = "crop_size"
    DATASTORE_BROKEN = "datastore_broken"
    DCMQI = "dcmqi"
    DEMO_FAILED = "demo_failed"
    DEMO_NO_ACCOUNT = "demo_no_account"
    DEPENDENCIES = "dependencies"
    DICOMWEB = "dicomweb"
    DICOMWEB_LOGIN = "dicomweb_login"
    DICOMWEB_UNLISTED = "dicomweb_unlisted"
    DISK_FULL = "disk_full"
    DISK_SPACE = "disk_space"
    DNS = "dns"
    DOWNLOAD_FAILED = "download_failed"
    DRIVER_OLD = "driver_old"
    ENDED = "ended"
    EXISTS = "exists"
    FILE_CHANGED = "file_changed"
    FOLDER_UNWRITABLE = "folder_unwritable"
    FORWARDING_REFUSED = "forwarding_refused"
    GPU = "gpu"
    GPU_MEMORY = "gpu_memory"
    GUARD_DEAD = "guard_dead"
    GUARD_ELSEWHERE = "guard_elsewhere"
    GUARD_SILENT = "guard_silent"
    GUARD_STUCK = "guard_stuck"
    HOST_KEY_CHANGED = "host_key_changed"
    HOST_KEY_REVOKED = "host_key_revoked"
    HOST_KEY_UNKNOWN = "host_key_unknown"
    IMPORT_FAILED = "import_failed"
    INFO_FAILED = "info_failed"
    INTERNAL = "internal"
    INTERRUPTED = "interrupted"
    IO_ERROR = "io_error"
    JUMP_LOOP = "jump_loop"
    KEY_EXCHANGE = "key_exchange"
    KEY_EXISTS = "key_exists"
    KILLED = "killed"
    KNOWN_HOSTS = "known_hosts"
    LABEL_CHANGED = "label_changed"
    LABEL_INDEX = "label_index"
    LABELS_CHANGED = "labels_changed"
    LABELS_DIFFER = "labels_differ"
    LABELS_DAMAGED = "labels_damaged"
    LABELS_NOT_BOXES = "labels_not_boxes"
    LABELS_NOT_COPIED = "labels_not_copied"
    LABELS_UNKNOWN = "labels_unknown"
    LABELS_UNREAD = "labels_unread"
    LEASE_HELD = "lease_held"
    LOCKED = "locked"
    LOGIN_FAILED = "login_failed"
    LOGIN_NEEDED = "login_needed"
    LOGIN_SHELL = "login_shell"
    LOST = "lost"
    MEMORY = "memory"
    METRICS = "metrics"
    MISSING_APP = "missing_app"
    NETWORK = "network"
    NO_ADDRESS = "no_address"
    NO_CLIENT_ID = "no_client_id"
    NO_COMPILER = "no_compiler"
    NO_CONFIG = "no_config"
    NO_DATA_CENTRE = "no_data_centre"
    NO_DISPLAY = "no_display"
    NO_DISTRIBUTION = "no_distribution"
    NO_PROXY_SHELL = "no_door"
    NO_FILE = "no_file"
    NO_FOLDER = "no_folder"
    NO_GPU_NAMED = "no_gpu_named"
    NO_GUARD = "no_guard"
    NO_KEY_FILE = "no_key_file"
    NO_LABELS = "no_labels"
    NO_LOG = "no_log"
    NO_MODEL = "no_model"
    NO_NETWORK = "no_network"
    NO_OUTPUT = "no_output"
    NO_PASSWORD = "no_password"  # noqa: S105 - a code, not a password
    NO_POD = "no_pod"
    NO_POD_NAMED = "no_pod_named"
    NO_PROFILE = "no_profile"
    NO_PYTHON = "no_python"
    NO_QUEUE = "no_queue"
    NO_SSH = "no_ssh"
    NO_SSH_KEY = "no_ssh_key"
    NO_SSHD = "no_sshd"
    NO_STUDIES = "no_studies"
    NO_TERMINAL = "no_terminal"
    NO_SLICER = "no_slicer"
    NO_SLICER_EXTENSION = "no_slicer_extension"
    NO_TUNNEL = "no_tunnel"
    NO_WORKLIST = "no_worklist"
    NO_VOLUMES_THERE = "no_volumes_there"
    NOT_ALLOWED = "not_allowed"
    NOT_AS_AGREED = "not_as_agreed"
    NOT_COMPARED = "not_compared"
    NOT_COPIED = "not_copied"
    NOT_CONNECTED = "not_connected"
    NOT_EDITED = "not_edited"
    NOT_FETCHED = "not_fetched"
    NOT_FOUND = "not_found"
    NOT_READ_TWICE = "not_read_twice"
    NOT_REVIEWED = "not_reviewed"
    NOT_INSTALLED = "not_installed"
    NOT_OFFERED = "not_offered"
    NOT_ON_WINDOWS = "not_on_windows"
    NOT_ORPHANED = "not_orphaned"
    NOT_OURS = "not_ours"
    NOT_PERMITTED = "not_permitted"
    NOT_WRITTEN = "not_written"
    NOTHING_LEFT = "nothing_left"
    NOTHING_TRAINED = "nothing_trained"
    NOTHING_TRAINS = "nothing_trains"
    ODD_NAME = "odd_name"
    ORPHANED = "orphaned"
    OTHER_DATA_CENTRE = "other_data_centre"
    OTHER_PYTHON = "other_python"
    OUT_OF_MEMORY = "out_of_memory"
    PERMISSION = "permission"
    POD = "pod"
    POD_AMBIGUOUS = "pod_ambiguous"
    POD_EXISTS = "pod_exists"
    POD_KEY_UNSEEN = "pod_key_unseen"
    POD_LOCKED = "pod_locked"
    POD_NO_ADDRESS = "pod_no_address"
    POD_NOT_NAMED = "pod_not_named"
    POD_SLOW = "pod_slow"
    POD_STARTING = "pod_starting"
    POD_STATE = "pod_state"
    POD_STILL_UP = "pod_still_up"
    POD_STOPPED = "pod_stopped"
    POD_STOPPED_EARLY = "pod_stopped_early"
    PORT_REFUSED = "port_refused"
    PORT_TAKEN = "port_taken"
    PRICE_NOT_AGREED = "price_not_agreed"
    PRIVATE_KEY = "private_key"
    PROBE_FAILED = "probe_failed"
    PROGRAM_FAILED = "program_failed"
    PROGRAM_MEMORY = "program_memory"
    PROGRAM_SLOW = "program_slow"
    PROGRAM_STOPPED = "program_stopped"
    PROXY = "proxy"
    PROXY_COMMAND = "proxy_command"
    PYTHON_VERSION = "python_version"
    READ_ONLY = "read_only"
    REFUSED = "refused"
    RUNPOD_ANSWER = "runpod_answer"
    RUNPOD_API_OFF = "runpod_api_off"
    RUNPOD_BAD_API = "runpod_bad_api"
    RUNPOD_BAD_CONFIG = "runpod_bad_config"
    RUNPOD_BAD_KEY = "runpod_bad_key"
    RUNPOD_BAD_REQUEST = "runpod_bad_request"
    RUNPOD_BAD_URL = "runpod_bad_url"
    RUNPOD_BALANCE_EMPTY = "runpod_balance_empty"
    RUNPOD_BALANCE_LOW = "runpod_balance_low"
    RUNPOD_CREATE_UNCLEAR = "runpod_create_unclear"
    RUNPOD_DROPPED = "runpod_dropped"
    RUNPOD_EDGE_BLOCKED = "runpod_edge_blocked"
    RUNPOD_EDGE_ERROR = "runpod_edge_error"
    RUNPOD_EDGE_TIMEOUT = "runpod_edge_timeout"
    RUNPOD_EXITED_BY_RUNPOD = "runpod_exited_by_runpod"
    RUNPOD_GRAPHQL_CHANGED = "runpod_graphql_changed"
    RUNPOD_HOST_FULL = "runpod_host_full"
    RUNPOD_IMAGE_FAILED = "runpod_image_failed"
    RUNPOD_IN_CLUSTER = "runpod_in_cluster"
    RUNPOD_INVALID = "runpod_invalid"
    RUNPOD_KEY_COMMAND = "runpod_key_command"
    RUNPOD_KEY_REFUSED = "runpod_key_refused"
    RUNPOD_KEY_SCOPE = "runpod_key_scope"
    RUNPOD_KEYS_LOST = "runpod_keys_lost"
    RUNPOD_KEYS_UNREAD = "runpod_keys_unread"
    RUNPOD_LOCKED = "runpod_locked"
    RUNPOD_NEEDS_V2 = "runpod_needs_v2"
    RUNPOD_NO_CANDIDATE = "runpod_no_candidate"
    RUNPOD_NO_CAPACITY = "runpod_no_capacity"
    RUNPOD_NO_CREDIT = "runpod_no_credit"
    RUNPOD_NO_GPU = "runpod_no_gpu"
    RUNPOD_NO_KEY = "runpod_no_key"
    RUNPOD_NOT_FOUND = "runpod_not_found"
    RUNPOD_NOT_NOW = "runpod_not_now"
    RUNPOD_OUTBID = "runpod_outbid"
    RUNPOD_OUTCOME_UNCLEAR = "runpod_outcome_unclear"
    RUNPOD_POD_ERROR = "runpod_pod_error"
    RUNPOD_POD_GONE = "runpod_pod_gone"
    RUNPOD_POOL_FORBIDDEN = "runpod_pool_forbidden"
    RUNPOD_PUBLIC_PORT = "runpod_public_port"
    RUNPOD_RATE_LIMITED = "runpod_rate_limited"
    RUNPOD_SDK_FAILED = "runpod_sdk_failed"
    RUNPOD_SDK_MISSING = "runpod_sdk_missing"
    RUNPOD_SERVER_ERROR = "runpod_server_error"
    RUNPOD_SPEND_LIMIT = "runpod_spend_limit"
    RUNPOD_START_SLOW = "runpod_start_slow"
    RUNPOD_STILL_THERE = "runpod_still_there"
    RUNPOD_TIMEOUT = "runpod_timeout"
    RUNPOD_TOO_LARGE = "runpod_too_large"
    RUNPOD_UNREACHABLE = "runpod_unreachable"
    SCORING_CALLBACK = "scoring_callback"
    SECURE_ONLY = "secure_only"
    SERVER_ANSWER = "server_answer"
    SERVER_BUSY = "server_busy"
    SERVER_DOWN = "server_down"
    SERVER_ERROR = "server_error"
    SERVER_GONE = "server_gone"
    SERVER_UNREACHABLE = "server_unreachable"
    SHARED_MEMORY = "shared_memory"
    SILENT = "silent"
    SLICER_ENDED = "slicer_ended"
    SPAWN_FAILED = "spawn_failed"
    SSH_CONFIG = "ssh_config"
    SSH_CONFIG_VALUE = "ssh_config_value"
    START_FAILED = "start_failed"
    STILL_ALIVE = "still_alive"
    STEP_FAILED = "step_failed"
    STOPPED = "stopped"
    STUDIES_LEFT_OUT = "studies_left_out"
    STUDIES_MISSING = "studies_missing"
    TIMEOUT = "timeout"
    TOO_DEAR = "too_dear"
    TOO_MUCH_OUTPUT = "too_much_output"
    TRACKING = "tracking"
    TRAINING_FORGOTTEN = "training_forgotten"
    TRAIN_FAILED = "train_failed"
    UNCONFIRMED = "unconfirmed"
    UNKNOWN = "unknown"
    UNKNOWN_GPU = "unknown_gpu"
    UNKNOWN_MODEL = "unknown_model"
    UNKNOWN_PROFILE = "unknown_profile"
    UNKNOWN_SCENARIO = "unknown_scenario"
    UNKNOWN_STRATEGY = "unknown_strategy"
    UNKNOWN_STUDY = "unknown_study"
    UNKNOWN_VOLUME = "unknown_volume"
    UNREACHABLE = "unreachable"
    UNREADABLE = "unreadable"
    USAGE = "usage"
    VENV_MISSING = "venv_missing"
    WEIGHTS = "weights"

    @classmethod
    def reported(cls, text: object) -> Code:
        """Read a code from an agent's answer. Returns ``UNKNOWN`` for a code that this version does not know."""
        try:
            return cls(str(text))
        except ValueError:
            return cls.UNKNOWN

    @property
    def worth_retry(self) -> bool:
        """True if the same request may succeed later, when RunPod has recovered or a GPU is free."""
        return self in _WORTH_RETRY

    @property
    def unclear(self) -> bool:
        """True if the request may have been carried out although it failed."""
        return self in _UNCLEAR

    @property
    def next_gpu_may_do(self) -> bool:
        """True if RunPod refuses this GPU, but may rent the pod with another GPU."""
        return self in (Code.RUNPOD_NO_CAPACITY, Code.RUNPOD_BAD_REQUEST)

    @property
    def pod_is_lost(self) -> bool:
        """True if the pod's container will never run, so that waiting longer only costs money."""
        return self in _POD_IS_LOST

    @property
    def same_again_fails(self) -> bool:
        """True if the same request to rent would find the existing pod, and fail again because of it."""
        return self in _SAME_AGAIN_FAILS

    @property
    def needs_person(self) -> bool:
        """True if the operator must decide how to continue. The console then opens the list of choices."""
        return self in _NEEDS_PERSON

    @property
    def nothing_configured(self) -> bool:
        """True if no profile exists yet. The console then shows the welcome screen instead of a failure."""
        return self in (Code.NO_PROFILE, Code.NO_CONFIG)

    @property
    def api_is_off(self) -> bool:
        """True if RunPod has switched off the API that answered. Only valid for a request whose path names no pod."""
        return self in (Code.RUNPOD_API_OFF, Code.RUNPOD_NOT_FOUND)

    @property
    def no_single_pod(self) -> bool:
        """True if the profile's pod does not exist, or several pods have its name."""
        return self in (Code.NO_POD, Code.POD_AMBIGUOUS)


_NO_GPU_FREE = frozenset({Code.RUNPOD_HOST_FULL, Code.RUNPOD_NO_GPU, Code.RUNPOD_NO_CAPACITY})
_NO_ANSWER = frozenset({Code.RUNPOD_TIMEOUT, Code.RUNPOD_SERVER_ERROR, Code.RUNPOD_EDGE_ERROR})
_UNCLEAR = _NO_ANSWER | {Code.RUNPOD_EDGE_TIMEOUT, Code.RUNPOD_ANSWER, Code.RUNPOD_DROPPED}
_WORTH_RETRY = _NO_GPU_FREE | _NO_ANSWER | {
    Code.RUNPOD_RATE_LIMITED, Code.RUNPOD_UNREACHABLE,
    Code.RUNPOD_CREATE_UNCLEAR,  # the next request first checks whether this one rented the pod
}  # fmt: skip
_POD_IS_LOST = frozenset({
    Code.RUNPOD_IMAGE_FAILED, Code.RUNPOD_EXITED_BY_RUNPOD, Code.RUNPOD_POD_ERROR, Code.RUNPOD_POD_GONE,
    Code.RUNPOD_OUTBID,
})  # fmt: skip
_SAME_AGAIN_FAILS = frozenset({
    Code.NOT_AS_AGREED, Code.RUNPOD_NO_GPU, Code.RUNPOD_IMAGE_FAILED, Code.RUNPOD_POD_ERROR,
    Code.RUNPOD_EXITED_BY_RUNPOD,
})  # fmt: skip
_NEEDS_PERSON = _NO_GPU_FREE | {Code.POD_SLOW, Code.POD_NO_ADDRESS}
