"""The sealing keys change while the services run, and nobody notices but the log."""

import os
import subprocess
import sys
from collections.abc import Mapping

import asyncpg
import orjson

from muniment.domain.webhooks.sealing import Unopenable
from muniment.domain.webhooks.stored import sealed_texts
from muniment.runtime.sealing import AesSivSealer
from tests.support.cluster import Cluster, Service, client_of, wait_until_ready
from tests.support.stack import new_name

HOOK = {"url": "https://receiver.example/", "headers": {"Authorization": "Bearer hush"}}
NEW_KEY = {"sealing_keys": "the-newest"}


def muniment(
    cluster: Cluster, *arguments: str, **settings: str
) -> "subprocess.CompletedProcess[str]":
    """The command line with the settings of the cluster's services."""
    given = {
        "secret_key": "of the test",
        "postgres_url": cluster.stack.postgres_url,
        "data_dir": str(cluster.folder),
        **settings,
    }
    variables = {f"MUNIMENT_{name.upper()}": value for name, value in given.items()}
    return subprocess.run(
        [sys.executable, "-m", "muniment", *arguments],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


async def stored(cluster: Cluster) -> Mapping[str, tuple[str, ...]]:
    """The sealed texts of each webhook by its URI."""
    connection = await asyncpg.connect(cluster.stack.postgres_url)
    try:
        rows = await connection.fetch(
            "SELECT b.id AS bucket, w.id, w.data FROM read_model.webhook w"
            " JOIN read_model.bucket b ON b.uid = w.parent"
        )
    finally:
        await connection.close()
    return {
        f"/buckets/{row['bucket']}/webhooks/{row['id']}": sealed_texts(orjson.loads(row["data"]))
        for row in rows
    }


def opened(texts: Mapping[str, tuple[str, ...]], *keys: bytes) -> list[str]:
    """What these keys alone can open."""
    sealer, found = AesSivSealer(keys, master=b""), list[str]()
    for uri, sealed in sorted(texts.items()):
        for text in sealed:
            try:
                found.append(sealer.unseal(text, uri))
            except Unopenable:
                continue
    return found


async def test_all_secrets_are_sealed_with_another_key_while_services_run(lone: Cluster) -> None:
    lone.start("projector", "projector")
    first = lone.start("api", "first")
    paths = [f"/buckets/b{new_name()}/webhooks/w" for _ in range(3)]
    async with client_of(first) as nadia:
        await wait_until_ready(nadia)
        for path in paths:
            assert (await nadia("PUT", path.removesuffix("/webhooks/w"))).status == 201
            assert (await nadia("PUT", path, {"data": HOOK})).status == 201
        before = [(await nadia("GET", f"{path}/secrets")).data for path in paths]
    old = await stored(lone)
    assert len(opened(old, b"of the test")) == 6
    first.stop()
    second = lone.start("api", "second", settings=NEW_KEY)
    async with client_of(second) as nadia:
        await wait_until_ready(nadia)
        between = [(await nadia("GET", f"{path}/secrets")).data for path in paths]

        done = muniment(lone, "webhooks", "rekey", **NEW_KEY)
        again = muniment(lone, "webhooks", "rekey", **NEW_KEY)

        assert (done.returncode, done.stdout) == (0, "Sealed anew: 3 webhooks.\n"), done.stderr
        assert (again.returncode, again.stdout) == (0, "Sealed anew: 0 webhooks.\n")
        after = [(await nadia("GET", f"{path}/secrets")).data for path in paths]
    assert before == between == after
    new = await stored(lone)
    assert opened(new, b"the-newest") == opened(old, b"of the test")
    assert opened(new, b"of the test") == []


async def test_what_cannot_be_sealed_anew_is_named(lone: Cluster) -> None:
    """With other settings than those of the services, or without the key that sealed it."""
    lone.start("projector", "projector")
    service = lone.start("api", "one")
    await made(service)

    other = muniment(lone, "webhooks", "rekey", secret_key="another", **NEW_KEY)

    assert other.returncode == 1
    assert "/webhooks/w (no key of the settings opens it)" in other.stderr
    assert len(opened(await stored(lone), b"of the test")) == 2


async def test_the_keys_of_a_webhook_are_printed(lone: Cluster) -> None:
    lone.start("projector", "projector")
    service = lone.start("api", "one")
    bucket_id, secret = await made(service)
    asked = ("webhooks", "secret", bucket_id, "--webhook", "w", "--server", service.origin)

    printed = muniment(lone, *asked, "--user", "nadia", password="password")
    refused = muniment(lone, *asked, "--user", "omar", password="password")
    nonsense = muniment(lone, *asked, "tides", "--user", "nadia")

    assert (printed.returncode, printed.stdout) == (0, f"{secret}\n"), printed.stderr
    assert (refused.returncode, refused.stdout) == (2, "")
    assert (nonsense.returncode, nonsense.stdout) == (2, "")


async def made(service: Service) -> tuple[str, str]:
    """A bucket with a webhook, and the webhook's secret."""
    bucket_id = f"b{new_name()}"
    async with client_of(service) as nadia:
        await wait_until_ready(nadia)
        assert (await nadia("PUT", f"/buckets/{bucket_id}")).status == 201
        path = f"/buckets/{bucket_id}/webhooks/w"
        assert (await nadia("PUT", path, {"data": HOOK})).status == 201
        [key] = (await nadia("GET", f"{path}/secrets")).data
    return bucket_id, key["secret"]
