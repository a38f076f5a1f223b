"""A database connection has timeouts."""

import os
import socket

import pytest
import sqlalchemy as sa

from node.jobs.engine import open_engine


def options_of(connection: sa.Connection) -> dict[int, int]:
    """Return the options of the socket of a connection."""
    wire = connection.connection.driver_connection
    assert wire is not None
    with socket.socket(fileno=os.dup(wire.fileno())) as sock:
        names = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
        return {name: sock.getsockopt(socket.IPPROTO_TCP, name) for name in names} | {
            socket.TCP_USER_TIMEOUT: sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT),
            socket.SO_KEEPALIVE: sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
        }


@pytest.mark.tools("initdb", "postgres")
def test_a_vanished_host_is_noticed_within_half_a_minute(postgres_url: str) -> None:
    """Keep-alives limit an idle connection, and TCP_USER_TIMEOUT limits a running statement."""
    with open_engine(postgres_url).connect() as connection:
        options = options_of(connection)
    assert options[socket.SO_KEEPALIVE] == 1
    idle = (
        options[socket.TCP_KEEPIDLE] + options[socket.TCP_KEEPINTVL] * options[socket.TCP_KEEPCNT]
    )
    assert 0 < idle <= 30
    assert 0 < options[socket.TCP_USER_TIMEOUT] <= 30_000


@pytest.mark.tools("initdb", "postgres")
def test_options_in_the_url_take_precedence(postgres_url: str) -> None:
    url = sa.make_url(postgres_url).update_query_dict({"keepalives_idle": "99"})
    with open_engine(url.render_as_string(hide_password=False)).connect() as connection:
        options = options_of(connection)
    assert options[socket.TCP_KEEPIDLE] == 99
    assert options[socket.TCP_USER_TIMEOUT] == 30_000
