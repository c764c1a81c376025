import warnings

import pytest

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="session")
def cluster():
    """The client of two workers with one thread each."""
    with warnings.catch_warnings():
        # Of the ports and sockets of distributed, which are not ours.
        warnings.simplefilter("ignore")
        with (
            distributed.LocalCluster(
                n_workers=2,
                threads_per_worker=1,
                dashboard_address=None,
                memory_limit=None,
            ) as local,
            distributed.Client(local) as client,
        ):
            yield client
