from __future__ import annotations

import json
from pathlib import Path

import pytest

from labeltui.config.load import effective_values, find_config_path, load, select
from labeltui.config.model import ConfigFile
from labeltui.config.secrets import has_url_password, looks_secret
from labeltui.config.starter import starter_text
from labeltui.domain.problems import ExitCode, Misused

EXAMPLE = """\
default = "liver"

[profiles.liver]
host = "ssh"                        # runpod | ssh | local
theme = "labeltui-dark"

[profiles.liver.ssh]
address = "root@203.0.113.7:40022"  # or a Host of ~/.ssh/config
key = "~/.ssh/id_ed25519"           # optional; also jump, known_hosts

[profiles.liver.runpod]
pod = "annot-a5000"                 # id or name

[profiles.liver.server]
folder = "/workspace/labeltui"      # venv, apps, logs and the agent's state on the host
app = "radiology"
models = ["deepedit"]
studies = "/workspace/studies"      # or a DICOMweb URL
port = 8000
expose = "tunnel"                   # tunnel | public
conf = { use_pretrained_model = "false" }
env = { }
torch = "reuse"                     # reuse | cuda | cpu
pip_args = []
"""


@pytest.fixture
def write(tmp_path: Path):
    def write_(text: str | bytes) -> Path:
        path = tmp_path / "config.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write_


def complaint(path: Path) -> str:
    with pytest.raises(Misused) as caught:
        load(path)
    assert caught.value.exit_code is ExitCode.USAGE
    assert caught.value.problem.hint
    return caught.value.problem.message


def test_the_example_of_the_design_loads(write):
    name, profile = select(load(write(EXAMPLE)), None)
    assert name == "liver"
    assert profile.ssh is not None
    assert profile.ssh.address == "root@203.0.113.7:40022"
    assert profile.server.conf == {"use_pretrained_model": "false"}
    assert profile.server.models == ("deepedit",)


P = "[profiles.a]\n"
S = "[profiles.a.server]\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # unknown keys, and the nearest right one
        (P + 'thme = "x"\n', "2: profiles.a.thme: unknown key; did you mean `theme`?"),
        (P + 'Theme = "x"\n', "2: profiles.a.Theme: unknown key; did you mean `theme`?"),
        ("defualt = 'a'\n[profiles.a]\n", "1: defualt: unknown key; did you mean `default`?"),
        ("\n\n[profile.a]\n", "3: profile: unknown key; did you mean `profiles`?"),
        (P + "port = 8000\n", "2: profiles.a.port: unknown key; did you mean `server.port`?"),
        (S + 'address = "h"\n', "2: profiles.a.server.address: unknown key; did you mean `profiles.NAME.ssh.address`?"),
        (P + "zzzzzz = 1\n", "2: profiles.a.zzzzzz: unknown key"),
        ("[profiles.a.srver]\nport = 1\n", "1: profiles.a.srver: unknown key; did you mean `server`?"),
        ("[profiles.a]\nserver = { prot = 1 }\n", "2: profiles.a.server.prot: unknown key; did you mean `port`?"),
        ("[profiles.a]\nserver.x = 1\n", "2: profiles.a.server.x: unknown key"),
        ('[profiles."my liver"]\n"thme" = 1\n', '2: profiles."my liver".thme: unknown key; did you mean `theme`?'),
        # wrong types
        (S + 'port = "8000"\n', '2: profiles.a.server.port: must be a whole number, not "8000"'),
        (S + "port = 80.5\n", "2: profiles.a.server.port: must be a whole number, not 80.5"),
        (P + 'read_only = "yes"\n', '2: profiles.a.read_only: must be true or false, not "yes"'),
        (P + "read_only = 1\n", "2: profiles.a.read_only: must be true or false, not 1"),
        (S + 'models = "deepedit"\n', '2: profiles.a.server.models: must be a list, not "deepedit"'),
        (S + 'models = [\n  "a", # x\n  3,\n]\n', '4: profiles.a.server.models[1]: must be a string, not 3; write "3"'),
        (S + "conf = { p = false }\n", '2: profiles.a.server.conf.p: must be a string, not false; write "false"'),
        (S + "conf = { p = 1979-05-27 }\n", "2: profiles.a.server.conf.p: must be a string, not 1979-05-27"),
        (P + 'ssh = "root@h"\n', '2: profiles.a.ssh: must be a table, not "root@h"'),
        ("profiles = 3\n", "1: profiles: must be a table, not 3"),
        (P + "theme = { }\n", "2: profiles.a.theme: must be a string, not a table"),
        # wrong values
        (S + "port = 0\n", "2: profiles.a.server.port: can't be 0; it must be at least 1"),
        (S + "port = 65536\n", "2: profiles.a.server.port: can't be 65536; it must be at most 65535"),
        (S + 'torch = "reuze"\n', '2: profiles.a.server.torch: can\'t be "reuze"; it is one of reuse, cuda, cpu;'
         " did you mean `reuse`?"),
        (P + 'host = "docker"\n', '2: profiles.a.host: can\'t be "docker"; it is one of runpod, ssh, local'),
        # what is missing
        ("[profiles.a]\nhost = 'ssh'\n[profiles.a.ssh]\nkey = 'k'\n", "3: profiles.a.ssh.address: is missing"),
        (P + "\nhost = 'ssh'\n", '3: profiles.a.host: "ssh" needs the table [profiles.a.ssh] with `address`'),
        ("default = 'livr'\n[profiles.liver]\n", '1: default: there is no profile "livr"; did you mean `liver`?'),
        # secrets
        (P + 'password = "p"\n', "2: profiles.a.password: a secret does not belong in this file; put the password"
         " into an environment variable and name the variable in `dicomweb_password_env`"),
        (S + 'env = { ORTHANC_PASSWORD = "p" }\n', "2: profiles.a.server.env.ORTHANC_PASSWORD: a secret does not"
         " belong in this file; put the password into an environment variable and name the variable in"
         " `dicomweb_password_env`"),
        (S + 'studies = "https://u:p@h/dicom-web"\n', "2: profiles.a.server.studies: a password does not belong in this"
         " file; use `dicomweb_user` and `dicomweb_password_env`"),
        # not TOML at all
        ("a = \n", "1: the file is not valid TOML: Invalid value."),
        ("[profiles.a]\nhost = ssh\n", "2: the file is not valid TOML: Invalid value."),
        ("a = 1\n\na = 2\n", "3: the file is not valid TOML: Cannot overwrite a value."),
        (b"a = 1\r\nb = \xff\r\n", "2: the file is not UTF-8."),
        (P + 'theme = "x"\r\nthme = 1\r\n', "3: profiles.a.thme: unknown key; did you mean `theme`?"),
    ],
)  # fmt: skip
def test_a_mistake_names_file_line_key_and_the_nearest_right_key(write, text, expected):
    path = write(text)
    assert complaint(path) == f"{path}:{expected}"


def test_several_mistakes_are_all_reported_in_the_order_of_the_lines(write):
    path = write('[profiles.a]\nthme = 1\n[profiles.a.server]\nport = "1"\nmodels = ["x", 1]\n')
    assert complaint(path).splitlines() == [
        f"{path} has 3 errors:",
        f"{path}:2: profiles.a.thme: unknown key; did you mean `theme`?",
        f'{path}:4: profiles.a.server.port: must be a whole number, not "1"',
        f'{path}:5: profiles.a.server.models[1]: must be a string, not 1; write "1"',
    ]


def test_a_secret_is_never_repeated(write):
    assert "hunter2" not in complaint(
        write(P + 'password = "hunter2"\n[profiles.a.server.env]\nX_TOKEN = "hunter2"\n')
    )


def test_a_missing_file_says_how_to_get_one(tmp_path):
    with pytest.raises(Misused) as caught:
        load(tmp_path / "none.toml")
    assert str(tmp_path / "none.toml") in caught.value.problem.message
    assert "labeltui config init" in caught.value.problem.hint
    assert "labeltui demo" in caught.value.problem.hint


def test_a_folder_in_place_of_the_file(tmp_path):
    assert "can't be read" in complaint(tmp_path)


@pytest.mark.parametrize(
    ("text", "asked", "chosen"),
    [
        ("default = 'b'\n[profiles.a]\n[profiles.b]\n", None, "b"),
        ("default = 'b'\n[profiles.a]\n[profiles.b]\n", "a", "a"),
        ("[profiles.only]\n", None, "only"),
    ],
)
def test_which_profile_is_chosen(write, text, asked, chosen):
    assert select(load(write(text)), asked)[0] == chosen


@pytest.mark.parametrize(
    ("text", "asked", "words"),
    [
        ("[profiles.a]\n[profiles.b]\n", None, ["--profile", "a, b"]),
        ("", None, ["--profile", "none"]),
        ("[profiles.liver]\n", "livr", ["Did you mean 'liver'?"]),
        ("[profiles.liver]\n", "zzz", ["Its profiles: liver."]),
    ],
)
def test_no_such_profile(write, text, asked, words):
    with pytest.raises(Misused) as caught:
        select(load(write(text)), asked)
    assert all(word in caught.value.problem.hint for word in words)


def test_every_value_knows_where_it_comes_from(write):
    path = write('[profiles.a]\nhost = "local"\nserver.port = 9000\n[profiles.b]\n')
    values = {value.key: value for value in effective_values(load(path), "a")}
    assert (values["profiles.a.host"].value, values["profiles.a.host"].origin) == ("local", f"{path}:2")
    assert (values["profiles.a.server.port"].value, values["profiles.a.server.port"].origin) == (
        9000,
        f"{path}:3",
    )
    assert (values["profiles.a.server.app"].value, values["profiles.a.server.app"].origin) == (
        "radiology",
        "default",
    )
    assert not any(key.startswith("profiles.b") for key in values)


def test_where_the_file_is(monkeypatch, tmp_path):
    monkeypatch.setenv("LABELTUI_CONFIG", str(tmp_path / "env.toml"))
    assert find_config_path(str(tmp_path / "flag.toml")) == tmp_path / "flag.toml"
    assert find_config_path(None) == tmp_path / "env.toml"
    monkeypatch.delenv("LABELTUI_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert find_config_path(None).parts[-2:] == ("labeltui", "config.toml")


@pytest.mark.parametrize(
    ("key", "secret"),
    [
        ("password", True), ("DICOMWEB_PASSWORD", True), ("dicomwebPassword", True), ("HF_TOKEN", True),
        ("api_key", True), ("AWS_SECRET_ACCESS_KEY", True), ("passphrase", True), ("client-secret", True),
        ("dicomweb_password_env", False), ("tokenizer", False), ("key", False), ("keys", False), ("", False),
        ("max_tokens", False), ("theme", False),
    ],
)  # fmt: skip
def test_what_looks_like_a_secret(key, secret):
    assert looks_secret(key) is secret


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://u:p@h/", True),
        ("http://u@h/", False),
        ("/a:b@c", False),
        ("http://[::1", False),
        ("plain", False),
    ],
)
def test_passwords_in_urls(url, found):
    assert has_url_password(url) is found


def test_the_schema_describes_every_key():
    schema = ConfigFile.model_json_schema()
    for section in (schema, *schema["$defs"].values()):
        for name, field in section["properties"].items():
            assert field.get("description"), name
    assert json.dumps(schema)


@pytest.mark.parametrize("name", ["default", "my liver", 'a"b\\c', "é\x7f\n"])
def test_the_starter_profile_is_valid_and_holds_what_was_given(write, name):
    given = {
        "host": "ssh",
        "address": 'ssh -i "/my key" root@h -p 22',
        "models": "a, b",
        "studies": "/with space",
    }
    chosen, profile = select(load(write(starter_text(name, given))), None)
    assert chosen == name
    assert profile.ssh is not None
    assert profile.ssh.address == given["address"]
    assert profile.server.models == ("a", "b")
    assert profile.server.studies == "/with space"


def test_the_comments_of_the_starter_profile_are_the_defaults(write):
    text = starter_text("x", {"host": "local"})
    uncommented = "\n".join(
        line[2:]
        if line.startswith("# ") and " = " in line and "..." not in line and not line.endswith(".")
        else line
        for line in text.splitlines()
    )
    assert select(load(write(uncommented)), None)[1] == select(load(write(text)), None)[1]
    assert uncommented != text


def test_a_profiles_ssh_command_with_an_option_that_is_not_followed_names_option_and_command(
    tmp_path: Path,
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        '[profiles.x]\nhost = "ssh"\n[profiles.x.ssh]\naddress = "ssh -L 80:a:80 -p 22 root@pod"\n'
    )
    with pytest.raises(Misused) as caught:
        load(path)
    assert f"{path}:4: profiles.x.ssh.address" in caught.value.problem.message
    assert "-L 80:a:80 is not needed" in caught.value.problem.message
    assert "write: ssh -p 22 root@pod" in caught.value.problem.message


@pytest.mark.parametrize("address", ["root@pod:99999", "", "a b"])
def test_an_address_that_is_none_is_named_with_its_line(tmp_path, address):
    path = tmp_path / "config.toml"
    path.write_text(f'[profiles.a]\nhost = "ssh"\n[profiles.a.ssh]\naddress = "{address}"\n')
    with pytest.raises(Misused) as caught:
        load(path)
    message = caught.value.problem.message
    assert f"{path}:4: profiles.a.ssh.address: {address!r} is not an SSH address" in message
    assert "user@host:port" in message
