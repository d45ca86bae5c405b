"""Settings that can be used but should make one think; said at the start and by `config check`."""

import ipaddress

from muniment.runtime.settings.model import Settings


def doubts(settings: Settings) -> tuple[str, ...]:
    """Answer with a sentence for each thing that is risky where others can reach the server."""
    policies = settings.auth_policies
    found: list[str] = []
    if {"account", "basicauth"} <= set(policies):
        found.append(
            "auth_policies has both account and basicauth: a wrong password of an account "
            "still gets in, as a basicauth user."
        )
    if _is_loopback(settings.http_bind_host):
        return tuple(found)
    if "basicauth" in policies and not settings.userid_hmac_secret.get_secret_value():
        found.append(
            "basicauth takes any password, and with an empty userid_hmac_secret its user ids "
            "can be guessed."
        )
    if settings.flush_enabled:
        found.append("flush_enabled lets anyone who reaches the server remove all data.")
    if policies and _default_bucket_ids_are_open(settings):
        found.append(
            "default_bucket_hmac_secret is empty: the ids of users' default buckets can be worked "
            "out, and taken before they come."
        )
    if "openid" in policies and "*" in (settings.openid_callback_origins or settings.cors_origins):
        found.append(
            "openid_callback_origins is open to all: a link to a login can have the token sent "
            "anywhere."
        )
    return tuple(found)


def _default_bucket_ids_are_open(settings: Settings) -> bool:
    secret = settings.default_bucket_hmac_secret.get_secret_value()
    return settings.default_bucket_enabled and not secret


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
