"""`hongyan accounts create --name N --role R`: who signs in to the console. The first admin is made here, others in the console."""

from __future__ import annotations

import getpass
import secrets
import sys
from argparse import ArgumentParser, Namespace

from cli.console import UsageError, say
from cli.parts import opened
from engine.runtime.accounts import ROLES
from engine.runtime.errors import ServiceError

BY = "hongyan accounts"


def arguments(parser: ArgumentParser) -> None:
    """Declare the options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    create = actions.add_parser("create", help="a new account", allow_abbrev=False)
    create.add_argument("--name", metavar="N", required=True, help="what the person signs in with")
    create.add_argument("--role", choices=ROLES, required=True, help="what they may do")
    create.add_argument("--personal", action="store_true", help="a viewer who may see phone numbers")
    create.add_argument("--phone", metavar="NUMBER", help="to which samples of templates go")
    password = actions.add_parser("password", help="another password for an account", allow_abbrev=False)
    password.add_argument("--name", metavar="N", required=True, help="whose")


def run(args: Namespace) -> int:
    """The password is asked for on a terminal, or read from standard input; an empty one: a new one is made, and printed."""
    given = getpass.getpass("password (empty: make one): ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    password = given or secrets.token_urlsafe(12)
    with opened() as service:
        try:
            if args.action == "create":
                service.accounts.create(args.name, args.role, password, personal=args.personal, phone=args.phone, by=BY)
            else:
                service.accounts.set_password(args.name, password, by=BY)
        except ServiceError as error:
            raise UsageError(str(error)) from error
    if not given:
        print(password)
        say("This password is shown only now.")
    return 0
