"""Which settings take effect while the node runs, and which are named as waiting for a restart."""

import json
from pathlib import Path

import pytest

from node.audit.lifecycle import settings
from node.config.settings import Config, load
from node.domain.config_change import Change, Changes, difference
from node.runtime.reload.reloadable_settings import packed, taken_up, unpacked
from tests.docs.test_config_documented import CONFIG, with_examples

BASE = """
policy: {threshold: 0.4}
dicom: {callers: [{network: 10.0.0.0/8}]}
destinations:
  - {name: pacs, ae_title: PACS, host: pacs, port: 104}
  - {name: web, url: "https://archive.example/dicom-web"}
"""


def configuration(folder: Path, text: str) -> Config:
    file = folder / "config.yaml"
    file.write_text(text)
    return load(file)


def changes(folder: Path, text: str) -> Changes:
    """Return what comes of it when the base is replaced by this text while the node runs."""
    before = configuration(folder, BASE)
    wanted = configuration(folder, text)
    now = taken_up(before, wanted)
    return difference(settings(before), settings(now), settings(wanted))


@pytest.mark.parametrize(
    ("was", "becomes", "key"),
    [
        ("{threshold: 0.4}", "{threshold: 0.5}", "policy.threshold"),
        ("{threshold: 0.4}", "{threshold: youden}", "policy.threshold"),
        ("0.4}", "0.4, overrides: [{threshold: 0.1, sex: F}]}", "policy.overrides"),
        ("0.4}", "0.4, admit: {min_age: 40}}", "policy.admit.min_age"),
        ("10.0.0.0/8", "10.20.0.0/16", "dicom.callers"),
        ("\npolicy", "\nretention: {films: 1d}\npolicy", "retention.films"),
        ("\npolicy", "\nresults: {sr_class: comprehensive}\npolicy", "results.sr_class"),
        ("\npolicy", "\nresults: {series_number_text: 9}\npolicy", "results.series_number_text"),
        ("\npolicy", "\nlog: {level: error}\npolicy", "log.level"),
        ("port: 104", "port: 104, when: flagged", "destinations.pacs.when"),
        ("port: 104", "port: 104, send: [text]", "destinations.pacs.send"),
        ("port: 104", "port: 104, sr_class: comprehensive", "destinations.pacs.sr_class"),
        ("port: 104", "port: 104, shadow: true", "destinations.pacs.shadow"),
        ("0.4}", "0.4, shadow: true}", "policy.shadow"),
        ("web,", "web, when: flagged,", "destinations.web.when"),
    ],
)
def test_what_takes_effect_at_once(tmp_path: Path, was: str, becomes: str, key: str) -> None:
    """What the file and the model's card alone tell to be sound."""
    found = changes(tmp_path, BASE.replace(was, becomes, 1))
    assert (found.keys, found.waiting) == ((key,), ())


def test_a_challenger_waits_for_a_restart(tmp_path: Path) -> None:
    """Its process starts with the others, and its bundle has to be loaded."""
    found = changes(tmp_path, BASE + "challenger: {bundle: ./next, share: 0.5}\n")
    assert found.keys == ()
    assert {"challenger.bundle", "challenger.share"} <= set(found.waiting)


@pytest.mark.parametrize(
    ("was", "becomes", "key"),
    [
        ("dicom: {", "dicom: {port: 104, ", "dicom.port"),
        ("dicom: {", "dicom: {ae_title: OTHER, ", "dicom.ae_title"),
        ("dicom: {", "dicom: {max_associations: 3, ", "dicom.max_associations"),
        ("\npolicy", "\ndatabase: {url: 'sqlite:///other.db'}\npolicy", "database.url"),
        ("\npolicy", "\nspool: {min_free: 2GiB}\npolicy", "spool.min_free"),
        ("\npolicy", "\nmodel: {bundle: ./other}\npolicy", "model.bundle"),
        ("\npolicy", "\nresults: {language: zh}\npolicy", "results.language"),
        ("\npolicy", "\nqueue: {lease: 30}\npolicy", "queue.lease"),
        ("\npolicy", "\nschedule: {purge: 60}\npolicy", "schedule.purge"),
        ("\npolicy", "\naudit: {source: other}\npolicy", "audit.source"),
        ("\npolicy", "\ndrift: {films: 100}\npolicy", "drift.films"),
        ("\npolicy", "\nlog: {format: console}\npolicy", "log.format"),
        ("port: 104", "port: 11112", "destinations.pacs.port"),
        ("archive.example", "other.example", "destinations.web.url"),
    ],
)
def test_what_waits_for_a_restart(tmp_path: Path, was: str, becomes: str, key: str) -> None:
    """What needs something opened before it is known to work; it is named, not its value."""
    found = changes(tmp_path, BASE.replace(was, becomes, 1))
    assert found == Changes((), (key,))


def test_the_rest_of_a_file_takes_effect_though_a_part_waits(tmp_path: Path) -> None:
    text = BASE.replace("0.4", "0.5").replace("port: 104", "port: 11112, when: flagged")
    found = changes(tmp_path, text)
    assert found.keys == ("destinations.pacs.when", "policy.threshold")
    assert found.waiting == ("destinations.pacs.port",)


def test_a_destination_that_comes_or_goes_waits(tmp_path: Path) -> None:
    """One that is not named any more is sent results until then, so that none is lost."""
    renamed = changes(tmp_path, BASE.replace("name: pacs", "name: new"))
    assert renamed.keys == ()
    assert {"destinations.new.port", "destinations.pacs.port"} <= set(renamed.waiting)


def test_a_change_tells_both_values(tmp_path: Path) -> None:
    [change] = changes(tmp_path, BASE.replace("0.4", "youden")).applied
    assert change == Change("policy.threshold", "0.4", '"youden"')
    assert str(change) == 'policy.threshold from 0.4 to "youden"'


def test_what_came_or_went_is_told_as_absent() -> None:
    [gone, new] = difference({"a": "1"}, {"b": "2"}, {"b": "2"}).applied
    assert (str(gone), str(new)) == ("a from 1 to absent", "b from absent to 2")


def test_a_configuration_survives_its_way_to_another_process(tmp_path: Path) -> None:
    """Every kind of value, as in the shipped file with its examples."""
    text = with_examples(CONFIG.read_text(encoding="utf-8"))
    config = configuration(tmp_path, text)
    assert unpacked(json.loads(json.dumps(packed(config)))) == config
