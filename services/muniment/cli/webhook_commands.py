"""`muniment webhooks …`: the flags of its commands, and what they call."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from muniment.cli import options
from muniment.cli.flags import with_flags

if TYPE_CHECKING:
    from muniment.cli.deliveries import Deliveries
    from muniment.runtime.settings import Settings

webhooks: Final = typer.Typer(
    name="webhooks",
    help="Look after webhooks.",
    epilog="The password of --user comes from MUNIMENT_PASSWORD, or is asked for.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Bucket = Annotated[str, typer.Argument(help="Id of the bucket.")]
Webhook = Annotated[str, typer.Argument(help="Id of the webhook.")]
Server = Annotated[
    str, typer.Option("--server", metavar="URL", help="Where Muniment is, without `/v1`.")
]
User = Annotated[str, typer.Option("--user", help="Who asks: a name, for Basic credentials.")]

SERVER: Final = "http://127.0.0.1:8888"


def _of_bucket(bucket: Bucket, *, user: User, server: Server = SERVER) -> "Deliveries":
    from muniment.cli.deliveries import Deliveries  # noqa: PLC0415 - slow

    return Deliveries(server, user, bucket)


def _of_webhook(
    bucket: Bucket, webhook: Webhook, *, user: User, server: Server = SERVER
) -> "Deliveries":
    from muniment.cli.deliveries import Deliveries  # noqa: PLC0415 - slow

    return Deliveries(server, user, bucket, webhook)


@webhooks.command("secret")
def secret(
    bucket: Bucket,
    collection: Annotated[
        str | None, typer.Argument(help="Id of the collection, if it has a URL of its own.")
    ] = None,
    *,
    webhook: Annotated[str | None, typer.Option("--webhook", help="Id of a webhook.")] = None,
    user: Annotated[
        str | None, typer.Option("--user", help="With --webhook: who asks, by name.")
    ] = None,
    server: Server = SERVER,
    output: options.Output = "table",
    data_dir: options.DataDir = None,
    config: options.Config = None,
    assignments: options.Set = None,
) -> None:
    """Print what a receiver verifies with.

    A collection's is made from the settings; the keys of a webhook, newest first, are asked of
    the server by --user, who may write the webhook.
    """
    if (collection is None) == (webhook is None) or (webhook is not None) != (user is not None):
        raise typer.BadParameter("give a collection, or --webhook and --user")
    if webhook is not None and user is not None:
        asyncio.run(_of_webhook(bucket, webhook, user=user, server=server).show_keys(output))
        return
    from muniment.cli.webhooks import print_secret  # noqa: PLC0415 - slow

    settings = options.read_settings(assignments, data_dir=data_dir, config=config)
    print_secret(settings, bucket, collection or "", output)


@webhooks.command("rekey")
@with_flags(options.settings_at_database)
def rekey(settings: "Settings") -> None:
    """Seal all secret texts with the newest key.

    That is the first of the `sealing_keys`. It takes the settings of the services, while they run.
    When it is done, the other keys can go.
    """
    from muniment.cli.rekeying import seal_all_anew  # noqa: PLC0415 - slow

    seal_all_anew(settings)


@webhooks.command("list")
@with_flags(_of_bucket)
def list_webhooks(deliveries: "Deliveries", *, output: options.Output = "table") -> None:
    """List a bucket's webhooks, and how they do."""
    asyncio.run(deliveries.show_all(output))


@webhooks.command("days")
@with_flags(_of_webhook)
def show_days(
    deliveries: "Deliveries",
    *,
    since: Annotated[str | None, typer.Option("--since", help="2026-11-21, the first day.")] = None,
    output: options.Output = "table",
) -> None:
    """Show what became of each day's attempts."""
    asyncio.run(deliveries.show_days(since, output))


@webhooks.command("test")
@with_flags(_of_webhook)
def send_sample(
    deliveries: "Deliveries",
    *,
    type_: Annotated[str, typer.Option("--type", help="Type of the sample.")] = "webhook.ping",
) -> None:
    """Send a ping or a sample, and print the answer."""
    asyncio.run(deliveries.send({"type": type_}))


@webhooks.command("resend")
@with_flags(_of_webhook)
def resend(
    deliveries: "Deliveries",
    message: Annotated[str, typer.Argument(help="`evt_…`, as in the header webhook-id.")],
) -> None:
    """Send the message of a past event once more."""
    asyncio.run(deliveries.send({"message_id": message}))


@webhooks.command("replay")
@with_flags(_of_webhook)
def replay(
    deliveries: "Deliveries",
    *,
    start: Annotated[
        str,
        typer.Option(
            "--from", help="beginning, snapshot, offset=N, sequence=N or time=2026-11-01T00:00:00Z."
        ),
    ],
    until: Annotated[str | None, typer.Option("--until", help="In the same way; now.")] = None,
    query: Annotated[
        str | None, typer.Option("--filter", help="As a webhook's: `status=paid`.")
    ] = None,
    events: Annotated[list[str] | None, typer.Option("--event", help="`record.created`…")] = None,
    rate: Annotated[float | None, typer.Option("--rate", help="Events a second.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count only.")] = False,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Show the progress until it is over.")
    ] = True,
) -> None:
    """Send a part of the past again."""
    from muniment.cli.deliveries import bound  # noqa: PLC0415 - slow

    asked = {
        "from": bound(start),
        "until": None if until is None else bound(until),
        "filter": query,
        "events": events or None,
        "rate": rate,
        "dry_run": dry_run,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    asyncio.run(deliveries.replay(given, waits=wait and not dry_run))


@webhooks.command("listen")
@with_flags(_of_webhook)
def listen(
    deliveries: "Deliveries",
    *,
    forward: Annotated[
        str | None, typer.Option("--forward", metavar="URL", help="POST each one there, signed.")
    ] = None,
    after: Annotated[int | None, typer.Option("--after", help="Begin after this offset.")] = None,
) -> None:
    """Print what a webhook is told, and forward it.

    Nothing has to reach this machine from outside: the messages come as a stream from the server,
    and are signed with the webhook's keys and sent on from here. The webhook may be switched off.
    """
    asyncio.run(deliveries.listen(forward, after))


@webhooks.command("verify")
def verify(
    request: Annotated[
        Path,
        typer.Argument(
            help="File with the request as it came, headers and body; `-` for input.",
            exists=True,
            dir_okay=False,
            allow_dash=True,
        ),
    ],
    *,
    secret: Annotated[
        str,
        typer.Option("--secret", envvar="MUNIMENT_WEBHOOK_SECRET", help="`whsec_…` or `whpk_…`."),
    ],
    id_: Annotated[
        str | None, typer.Option("--id", help="The header webhook-id, if not in the file.")
    ] = None,
    timestamp: Annotated[
        str | None, typer.Option("--timestamp", help="The header webhook-timestamp, likewise.")
    ] = None,
    signature: Annotated[
        str | None, typer.Option("--signature", help="The header webhook-signature, likewise.")
    ] = None,
    ignore_time: Annotated[
        bool, typer.Option("--ignore-time", help="Also what was sent more than 5 minutes ago.")
    ] = False,
) -> None:
    """Say whether a saved request is genuine, or why not.

    With --id, --timestamp and --signature the file holds the body alone.
    """
    from muniment.cli.verifying import verify_request  # noqa: PLC0415 - slow

    given = {"webhook-id": id_, "webhook-timestamp": timestamp, "webhook-signature": signature}
    headers = {name: text for name, text in given.items() if text is not None}
    verify_request(request, secret=secret, headers=headers, ignores_time=ignore_time)
