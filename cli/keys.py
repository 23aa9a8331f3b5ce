"""`hongyan keys create --name N --role R`: API keys. A key is shown once; only its hash is kept."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from cli.console import UsageError, say
from cli.parts import opened
from engine.store.keys import ROLES


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    create = actions.add_parser("create", help="a new key, printed once", allow_abbrev=False)
    create.add_argument("--name", metavar="N", required=True, help="who or what will use it")
    create.add_argument("--role", choices=ROLES, required=True, help="what it may do")
    create.add_argument("--test", action="store_true", help="for the environment that captures instead of sending")
    create.add_argument("--personal", action="store_true", help="a viewer who may see phone numbers")


def run(args: Namespace) -> int:
    """Print the key, and nothing else, on standard output."""
    if not args.name.strip():
        raise UsageError("--name must say who or what will use it")
    if args.personal and args.role != "viewer":
        raise UsageError("--personal is for the role viewer (admin sees numbers anyway, others never)")
    with opened() as service:
        token = service.create_key(args.name.strip(), args.role, args.test, args.personal)
    print(token)
    say("This key is shown only now.")
    return 0
