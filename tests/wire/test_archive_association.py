"""The node opens associations to a PACS and requests storage commitment."""

import socket
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset
from pydicom.uid import SecondaryCaptureImageStorage
from pynetdicom import evt
from pynetdicom.sop_class import Verification

from node.domain.errors import Permanent, Transient, Unreachable
from node.domain.workflow.delivery import CommitmentReport
from node.pacs.association import open_archive
from node.pacs.commitment import PUSH_MODEL, PUSH_MODEL_INSTANCE
from tests.peers.waiting import free_port
from tests.support.films import make_film, write_film
from tests.wire.conftest import StartPacs, answering, make_destination

OBJECTS = [("1.2.840.10008.5.1.4.1.1.7", "2.25.2")]


class TestOpen:
    def test_a_pacs_that_answers(self, pacs: StartPacs) -> None:
        """The PACS receives the configured AE titles, and a release at the end."""
        titles: list[tuple[str, str]] = []
        ended: list[str] = []

        def on_requested(event: evt.Event) -> None:
            request = event.assoc.requestor.primitive
            titles.append((request.calling_ae_title, request.called_ae_title))

        destination = pacs(
            [
                (evt.EVT_REQUESTED, on_requested),
                (evt.EVT_RELEASED, lambda _: ended.append("released")),
                (evt.EVT_ABORTED, lambda _: ended.append("aborted")),
            ]
        )
        with open_archive(destination, "OSTEOSCREEN") as archive:
            archive.echo()
        assert titles == [("OSTEOSCREEN", "PACS")]
        assert ended == ["released"]

    def test_it_is_released_after_an_error_too(self, pacs: StartPacs, tmp_path: Path) -> None:
        """A refused object leaves no open association."""
        heatmap = write_film(make_film(SecondaryCaptureImageStorage), tmp_path / "heatmap.dcm")
        ended: list[str] = []
        handlers = [*answering(0xC000), (evt.EVT_RELEASED, lambda _: ended.append("released"))]
        with (
            pytest.raises(Permanent),
            open_archive(pacs(handlers), "OSTEOSCREEN") as archive,
        ):
            archive.store(heatmap)
        assert ended == ["released"]

    @pytest.mark.parametrize("required", ["require_called_aet", "require_calling_aet"])
    def test_a_rejection_points_to_the_titles(self, pacs: StartPacs, required: str) -> None:
        """Wrong AE titles are the most common fault of a new installation."""
        destination = pacs(**{required: True if required == "require_called_aet" else ["OTHER"]})
        destination = destination.model_copy(update={"ae_title": "NOBODY"})
        with (
            pytest.raises(Unreachable, match=r"^NOBODY at 127\.0\.0\.1:\d+ rejected .*AE titles"),
            open_archive(destination, "OSTEOSCREEN"),
        ):
            pytest.fail("an association was opened")

    def test_a_closed_port_points_to_host_and_port(self) -> None:
        """The error asks whether the PACS runs."""
        port = free_port()
        with (
            pytest.raises(Unreachable, match=rf"^PACS at 127\.0\.0\.1:{port} does not answer; .*"),
            open_archive(make_destination(port), "OSTEOSCREEN"),
        ):
            pytest.fail("an association was opened")

    def test_an_unknown_name_points_to_the_host(self) -> None:
        """If the host name is unknown, the error is Unreachable, which pauses the destination."""
        with (
            pytest.raises(Unreachable, match=r"^pacs\.invalid: .*; check the host name$"),
            open_archive(make_destination(104, host="pacs.invalid"), "OSTEOSCREEN"),
        ):
            pytest.fail("an association was opened")

    def test_a_pacs_that_aborts(self, pacs: StartPacs) -> None:
        """The error is Unreachable, and the caller tries again later."""
        destination = pacs([(evt.EVT_REQUESTED, lambda event: event.assoc.abort())])
        with (
            pytest.raises(Unreachable, match=r"^PACS at 127\.0\.0\.1:\d+ "),
            open_archive(destination, "OSTEOSCREEN"),
        ):
            pytest.fail("an association was opened")

    def test_something_else_on_the_port(self) -> None:
        """A program accepts the connection, but does not answer before the timeout."""
        with socket.create_server(("127.0.0.1", 0)) as mute:
            destination = make_destination(mute.getsockname()[1], timeout=0.3)
            with (
                pytest.raises(Unreachable, match="does not answer"),
                open_archive(destination, "OSTEOSCREEN"),
            ):
                pytest.fail("an association was opened")


class TestCommitment:
    def test_a_report_on_the_same_association_is_returned(self, pacs: StartPacs) -> None:
        """Some PACS report immediately, on the association of the commitment request."""
        requests: list[Dataset] = []

        def on_action(event: evt.Event) -> tuple[int, None]:
            assert (event.action_type, event.request.RequestedSOPInstanceUID) == (
                1,
                PUSH_MODEL_INSTANCE,
            )
            requests.append(event.action_information)
            return 0x0000, None

        def on_sent(event: evt.Event) -> None:
            if type(event.message).__name__ == "N_ACTION_RSP":
                report(event.assoc, requests[0])

        destination = pacs([(evt.EVT_N_ACTION, on_action), (evt.EVT_DIMSE_SENT, on_sent)])
        with open_archive(destination, "OSTEOSCREEN") as archive:
            commitment = archive.request_commitment("2.25.77", OBJECTS)
        assert commitment == CommitmentReport("2.25.77", committed=("2.25.2",), failed={})
        [item] = requests[0].ReferencedSOPSequence
        assert (item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID) == OBJECTS[0]

    def test_without_an_immediate_report_the_result_is_none(self, pacs: StartPacs) -> None:
        """The PACS reports later, on an association that it opens."""
        destination = pacs([(evt.EVT_N_ACTION, lambda _: (0x0000, None))])
        with open_archive(destination, "OSTEOSCREEN") as archive:
            assert archive.request_commitment("2.25.77", OBJECTS) is None

    def test_a_request_that_fails_is_an_error(self, pacs: StartPacs) -> None:
        """Without the commitment request, no report would follow."""
        destination = pacs([(evt.EVT_N_ACTION, lambda _: (0x0110, None))])
        with (
            open_archive(destination, "OSTEOSCREEN") as archive,
            pytest.raises(Transient, match="0x0110"),
        ):
            archive.request_commitment("2.25.77", OBJECTS)

    def test_a_pacs_without_the_service_is_permanent(self, pacs: StartPacs) -> None:
        """The error contains the setting to change."""
        destination = pacs(classes=(Verification, SecondaryCaptureImageStorage))
        with (
            open_archive(destination, "OSTEOSCREEN") as archive,
            pytest.raises(Permanent, match="set commitment: false"),
        ):
            archive.request_commitment("2.25.77", OBJECTS)


def report(assoc: Any, request: Dataset) -> None:
    """Report all requested objects as committed, on the association of the request."""
    for context in assoc.accepted_contexts:
        context._as_scu = context._as_scp = True
    information = Dataset()
    information.TransactionUID = request.TransactionUID
    information.ReferencedSOPSequence = request.ReferencedSOPSequence
    assoc.send_n_event_report(information, 1, PUSH_MODEL, PUSH_MODEL_INSTANCE)
