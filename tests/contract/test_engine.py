"""How a database is spoken to: what a host that vanishes may cost."""

import os
import socket

import pytest
import sqlalchemy as sa

from node.jobs.engine import open_engine


def options_of(connection: sa.Connection) -> dict[int, int]:
    """Return what the operating system was told about a connection's socket."""
    wire = connection.connection.driver_connection
    assert wire is not None
    with socket.socket(fileno=os.dup(wire.fileno())) as sock:
        names = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        return {name: sock.getsockopt(socket.IPPROTO_TCP, name) for name in names} | {
            socket.TCP_USER_TIMEOUT: sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
            socket.SO_KEEPALIVE: sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
        }


@pytest.mark.tools("initdb", "postgres")
def test_a_host_that_vanishes_is_given_up_within_half_a_minute(postgres_url: str) -> None:
    """With nothing on the way by keep-alives, with a statement on the way by its time-out."""
    with open_engine(postgres_url).connect() as connection:
        told = options_of(connection)
    assert told[socket.SO_KEEPALIVE] == 1
    silent = told[socket.TCP_KEEPIDLE] + told[socket.TCP_KEEPINTVL] * told[socket.TCP_KEEPCNT]
    assert 0 < silent <= 30
    assert 0 < told[socket.TCP_USER_TIMEOUT] <= 30_000


@pytest.mark.tools("initdb", "postgres")
def test_the_urls_own_word_goes_first(postgres_url: str) -> None:
    url = sa.make_url(postgres_url).update_query_dict({"keepalives_idle": "99"})
    with open_engine(url.render_as_string(hide_password=False)).connect() as connection:
        told = options_of(connection)
    assert told[socket.TCP_KEEPIDLE] == 99
    assert told[socket.TCP_USER_TIMEOUT] == 30_000
