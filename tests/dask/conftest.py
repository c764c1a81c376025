import warnings

import pytest
from distributed import Client, LocalCluster


@pytest.fixture(scope="session")
def _client():
    """A client of two workers with one thread each."""
    with warnings.catch_warnings():
        # Of the ports and sockets of distributed, which are not ours.
        warnings.simplefilter("ignore")
        with (
            LocalCluster(
                n_workers=2,
                threads_per_worker=1,
                dashboard_address=None,
                memory_limit=None,
            ) as local,
            Client(local, set_as_default=False) as client,
        ):
            yield client


@pytest.fixture
def cluster(_client):
    """The client of a cluster, which is the current one for a test."""
    with _client.as_current():
        yield _client
