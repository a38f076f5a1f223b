"""The configuration is read strictly, and every refusal names the key and the remedy."""

import os
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from pydantic import ValidationError

from node.config.peers import Destination, WebDestination
from node.config.settings import Config, ConfigError, load
from node.domain.admission.header_rules import PixelRule
from node.domain.workflow.delivery import ResultKind
from node.policies import admission_policy

PACS = "{name: %s, ae_title: PACS, host: pacs.example, port: 104}"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Delete environment variables of OsteoScreen, and change to an empty working folder."""
    for name in os.environ:
        if name.startswith("OSTEOSCREEN__"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def read(tmp_path: Path, text: str) -> Config:
    path = tmp_path / "site" / "config.yaml"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    return load(path)


def refusal(tmp_path: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    return str(caught.value)


class TestDefaults:
    def test_no_file_is_needed(self) -> None:
        """Without a configuration file, the node listens on loopback only and sends nothing."""
        config = load(None)
        assert config.dicom.bind == "127.0.0.1"
        assert config.dicom.callers == ()
        assert config.destinations == ()
        assert config.retention.films == timedelta(days=7)

    def test_an_empty_file_gives_the_defaults(self, tmp_path: Path) -> None:
        assert read(tmp_path, "# nothing\n").dicom == load(None).dicom

    def test_it_cannot_be_changed(self) -> None:
        with pytest.raises(ValidationError):
            load(None).dicom.port = 104  # type: ignore[misc]


class TestValues:
    @pytest.mark.parametrize(
        ("value", "rule"),
        [("off", "off"), ('"off"', "off"), ("confirm", "confirm"), ("overrule", "overrule")],
    )
    def test_off_is_a_text(self, value: str, rule: str, tmp_path: Path) -> None:
        """YAML reads an unquoted `off` as false, but the configuration reads it as a text."""
        config = read(tmp_path, f"policy: {{admit: {{pixels: {value}}}}}\n")
        assert config.policy.admit.pixels == rule
        assert admission_policy(config).pixels is PixelRule(rule)

    @pytest.mark.parametrize("value", ["on", "0", "maybe"])
    def test_other_texts_are_refused(self, value: str, tmp_path: Path) -> None:
        """The refusal of a wrong text names the key and the allowed texts."""
        refused = refusal(tmp_path, f"policy: {{admit: {{pixels: {value}}}}}\n")
        assert "policy.admit.pixels" in refused
        assert "'off', 'confirm' or 'overrule'" in refused

    def test_sizes_durations_networks_and_lists_are_parsed(self, tmp_path: Path) -> None:
        config = read(
            tmp_path,
            "dicom: {max_object: 1GiB, callers: [{network: 10.0.0.0/8}]}\n"
            "retention: {films: 3d}\n"
            "destinations: [{name: a, ae_title: ' PACS ', host: h, port: 104, send: [report]}]\n",
        )
        assert config.dicom.max_object == 1024**3
        assert config.dicom.callers[0].network == ip_network("10.0.0.0/8")
        assert config.dicom.callers[0].ae_title == "*"
        assert config.retention.films == timedelta(days=3)
        assert config.destinations[0].send == (ResultKind.REPORT,)
        assert config.destinations[0].ae_title == "PACS"

    @pytest.mark.parametrize("threshold", [0.0, 0.35, 1.0, "youden"])
    def test_a_threshold_is_a_number_or_an_operating_point(
        self, tmp_path: Path, threshold: float | str
    ) -> None:
        config = read(tmp_path, f"policy: {{threshold: {threshold}}}")
        assert config.policy.threshold == threshold

    def test_paths_are_relative_to_the_file(self, tmp_path: Path) -> None:
        config = read(
            tmp_path,
            "spool: {path: films}\ndatabase: {url: 'sqlite:///jobs.db'}\nmodel: {bundle: ./mine}",
        )
        site = tmp_path.resolve() / "site"
        assert config.spool.path == site / "films"
        assert config.database.url == f"sqlite:///{site / 'jobs.db'}"
        assert Path(config.model.bundle) == site / "mine"

    def test_absolute_paths_and_names_are_not_changed(self, tmp_path: Path) -> None:
        url = "postgresql://osteoscreen@db/osteoscreen"
        config = read(tmp_path, f"spool: {{path: /srv/films}}\ndatabase: {{url: '{url}'}}")
        assert config.spool.path == Path("/srv/films")
        assert config.database.url == url
        assert config.model.bundle == "demo"
        assert config.challenger is None

    def test_the_challengers_bundle_is_relative_to_the_file(self, tmp_path: Path) -> None:
        config = read(tmp_path, "challenger: {bundle: ./next}")
        assert config.challenger is not None
        assert Path(config.challenger.bundle) == tmp_path / "site" / "next"

    def test_an_absolute_sqlite_path_is_not_changed(self, tmp_path: Path) -> None:
        """SQLAlchemy writes an absolute SQLite path with four slashes."""
        config = read(tmp_path, "database: {url: 'sqlite:////srv/jobs.db'}")
        assert config.database.url == "sqlite:////srv/jobs.db"

    def test_without_a_file_paths_are_relative_to_the_working_folder(self, tmp_path: Path) -> None:
        assert load(None).spool.path == tmp_path.resolve() / "var" / "spool"


class TestEnvironment:
    def test_a_variable_overrides_the_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An environment variable changes one key and keeps the other keys of the file."""
        monkeypatch.setenv("OSTEOSCREEN__DICOM__PORT", "11115")
        config = read(tmp_path, "dicom: {port: 104, ae_title: BONES}")
        assert config.dicom.port == 11115
        assert config.dicom.ae_title == "BONES"

    def test_a_variable_can_set_a_nested_key(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Two underscores in a variable's name separate the levels of a nested key."""
        monkeypatch.setenv("OSTEOSCREEN__POLICY__ADMIT__MIN_AGE", "40")
        assert load(None).policy.admit.min_age == 40.0

    @pytest.mark.parametrize(
        ("name", "value", "message"),
        [
            ("OSTEOSCREEN__DICOM__PORT", "many", "dicom.port"),
            ("OSTEOSCREEN__DICOM__PROT", "104", "dicom.prot: unknown key"),
            ("OSTEOSCREEN__DIKOM__PORT", "104", "no section 'dikom'"),
            ("OSTEOSCREEN__DICOM", "104", "dicom"),
        ],
    )
    def test_a_wrong_variable_is_refused(
        self, monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
    ) -> None:
        """A mistyped environment variable must not lead to a default value."""
        monkeypatch.setenv(name, value)
        with pytest.raises(ConfigError, match=message):
            load(None)


class TestDestinations:
    def test_a_destination_with_a_url_receives_by_dicomweb(self, tmp_path: Path) -> None:
        file = tmp_path / "config.yaml"
        file.write_text(
            "destinations: [" + PACS % "a" + ", {name: w, url: 'https://x:8443/dicom'}]"
        )
        dimse, web = load(file).destinations
        assert isinstance(dimse, Destination)
        assert isinstance(web, WebDestination)
        assert str(web.url) == "https://x:8443/dicom"

    def test_files_of_destinations_are_relative_to_the_configuration(self, tmp_path: Path) -> None:
        file = tmp_path / "config.yaml"
        file.write_text(
            "destinations: [{name: w, url: 'https://x', token_file: secrets/token,"
            " tls: {ca: ca.pem}}]"
        )
        (web,) = load(file).destinations
        assert isinstance(web, WebDestination)
        assert web.token_file == tmp_path / "secrets" / "token"
        assert web.tls is not None
        assert web.tls.ca == tmp_path / "ca.pem"


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "key", "reason"),
        [
            ("dicom: {prot: 104}", "dicom.prot", "unknown key"),
            ("dikom: {port: 104}", "dikom", "unknown key"),
            ("dicom: {port: 0}", "dicom.port", "greater than or equal to 1"),
            ("dicom: {port: many}", "dicom.port", "'many'"),
            ("dicom: {ae_title: SEVENTEEN_LETTERS}", "dicom.ae_title", "1 to 16"),
            ("dicom: {ae_title: 'A\\B'}", "dicom.ae_title", "no backslash"),
            ("dicom: {callers: [{network: here}]}", "dicom.callers[0].network", "'here'"),
            (
                "dicom: {callers: [{network: 10.0.0.1, assume_charset: BIG5}]}",
                "dicom.callers[0].assume_charset",
                "'BIG5' is not a DICOM character set",
            ),
            ("dicom: {max_object: huge}", "dicom.max_object", "'huge'"),
            ("dicom: 104", "dicom", "104"),
            ("destinations: [{name: a, host: h, port: 1}]", "destinations[0].ae_title", "required"),
            ("destinations: [" + PACS % "a b" + "]", "destinations[0].name", "'a b'"),
            ("policy: {threshold: 1.5}", "policy.threshold", "1.5"),
            ("policy: {overrides: [{threshold: 2}]}", "policy.overrides[0].threshold", "2"),
            ("model: {device: tpu}", "model.device", "'tpu'"),
            ("challenger: {share: 0.5}", "challenger.bundle", "required key is missing"),
            ("challenger: {bundle: next, share: 0}", "challenger.share", "greater than 0"),
            (
                "challenger: {bundle: next, share: 10}",
                "challenger.share",
                "less than or equal to 1",
            ),
            ("queue: {poll: 0}", "queue.poll", "greater than 0"),
            ("retention: {films: soon}", "retention.films", "'soon'"),
            (
                "destinations: [{name: w, url: 'https://x/dicom', commitment: true}]",
                "destinations[0].commitment",
                "unknown key",
            ),
            ("destinations: [{name: w, url: nowhere}]", "destinations[0].url", "'nowhere'"),
            (
                "destinations: [{name: w, url: 'https://x', user: me}]",
                "destinations[0]",
                "user and password_file belong together",
            ),
            (
                "destinations: [{name: w, url: 'https://x', tls: {key: k.pem}}]",
                "destinations[0].tls",
                "key without certificate",
            ),
            ("log: {level: loud}", "log.level", "'debug'"),
            ("drift: {time_zone: Mars/Base}", "drift.time_zone", "invalid timezone"),
            ("results: {series_number_text: 9901}", "results", "must differ from each other"),
        ],
    )
    def test_a_wrong_value_is_refused(
        self, tmp_path: Path, text: str, key: str, reason: str
    ) -> None:
        """The message names the file, the key and the fault."""
        message = refusal(tmp_path, text)
        assert message.startswith(f"config.yaml: {key}")
        assert reason in message

    def test_every_fault_is_reported(self, tmp_path: Path) -> None:
        """Each fault of the configuration has its own line in the message."""
        message = refusal(tmp_path, "dicom: {port: 0, prot: 1}\nlog: {level: loud}")
        assert len(message.splitlines()) == 3

    def test_two_destinations_with_the_same_name_are_refused(self, tmp_path: Path) -> None:
        """Deliveries store the name of their destination, so a name must be unique."""
        twice = ", ".join([PACS % "pacs"] * 2)
        assert "same name" in refusal(tmp_path, f"destinations: [{twice}]")

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("dicom: [", "not valid YAML"),
            ("- dicom", "contains a list"),
            ("dicom: !!python/object:os.system {}", "not valid YAML"),
            ("a: &a [x]\ndicom: *a", "an alias (*name) is not allowed"),
            ("[a, b]: 1", "not valid YAML"),
            ("dicom: 2024-99-99", "not valid YAML: ValueError in a value"),
            ("{a: " * 3000, "nested too deep"),
        ],
    )
    def test_a_file_that_is_not_a_configuration_is_refused(
        self, tmp_path: Path, text: str, reason: str
    ) -> None:
        """The message has the path of the file, and YAML tags create no Python objects."""
        message = refusal(tmp_path, text)
        assert message.startswith(str(tmp_path / "site" / "config.yaml"))
        assert reason in message

    def test_a_long_value_is_shortened(self, tmp_path: Path) -> None:
        message = refusal(tmp_path, f"dicom: {{port: {'x' * 60000}}}")
        assert message.startswith("config.yaml: dicom.port: ")
        assert len(message) < 400

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        """A missing configuration file is an error, and the defaults do not replace the file."""
        with pytest.raises(ConfigError, match=r"nowhere\.yaml: No such file.*--config"):
            load(tmp_path / "nowhere.yaml")

    def test_text_in_another_encoding_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "config.yaml"
        path.write_bytes(b"dicom: {ae_title: \xff\xfe}")
        with pytest.raises(ConfigError, match="not valid YAML"):
            load(path)

    def test_messages_name_no_library(self, tmp_path: Path) -> None:
        """Administrators read these messages, so no message mentions a Python library."""
        message = refusal(tmp_path, "dicom: {port: many}\npolicy: {threshold: 7}\nspol: {}")
        for word in ("pydantic", "Traceback", "ValidationError", "http"):
            assert word not in message
