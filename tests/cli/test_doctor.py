"""`backstride doctor` as a person and a script see it; what it finds is tested with the service."""

import json

from backstride.cli.exits import Exit


def _write(directory, port):
    secret = directory / "password"
    secret.write_text("hunter2\n")
    secret.chmod(0o640)
    file = directory / "backstride.toml"
    file.write_text(
        f'[broker]\nhost = "127.0.0.1"\nport = {port}\nuser = "home"\npassword_file = "{secret}"\n'
        f'[service]\nstate_directory = "{directory}"\n[[treadmill]]\nid = "home"\nvirtual = "ideal"\n'
    )
    return file


def test_a_problem_is_told_with_its_remedy_and_ends_with_1(run, tmp_path):
    done = run("doctor", "--config", _write(tmp_path, 1))
    assert (done.code, done.err) == (Exit.REFUSED, "")
    assert "problem 127.0.0.1:1 cannot be reached" in done.out
    # In one line, however long: it is copied.
    assert "→ sudo apt install mosquitto && sudo systemctl enable --now mosquitto\n" in done.out
    assert "\n1 problem, " in done.out
    assert "hunter2" not in done.out


def test_json_says_the_same_and_without_a_problem_it_ends_with_0(run, home, tmp_path):
    done = run("doctor", "--json", "--config", _write(tmp_path, home.port))
    said = json.loads(done.out)
    assert (done.code, said["counts"]["problem"]) == (Exit.OK, 0)
    assert {
        "subject": "broker",
        "level": "ok",
        "what": "home: we may write and read below backstride/home",
        "remedy": None,
    } in said["findings"]
    assert "hunter2" not in done.out


def test_a_wrong_configuration_is_a_finding(run):
    done = run("doctor", "--config", "/nowhere.toml")
    assert done.code == Exit.REFUSED
    assert "→ correct it and look: backstride check /nowhere.toml" in done.out
