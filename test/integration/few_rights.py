"""A server with a user who may use consumers alone, beside one who may do everything and needs no name."""

_FEW = '{user: few, password: p, permissions: {publish: ["$JS.API.CONSUMER.>", "$JS.ACK.>"], subscribe: ["_INBOX.>"]}}'
CONFIG = f"jetstream {{ store_dir: $STORE_DIR }}\nno_auth_user: all\naccounts {{ A {{ jetstream: enabled, users: [{{user: all, password: p}}, {_FEW}] }} }}"


def url(server) -> str:
    """The server's URL for the user who may use consumers alone."""
    return server.url.replace("nats://", "nats://few:p@")
