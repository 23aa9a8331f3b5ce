"""Rounds of kills under load, for the tests and for a long run by hand."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from random import Random

from engine.core.zones import format_instant
from tests.faults import checker, world
from tests.faults.moods import Moods
from tests.faults.processes import PATIENCE_SECONDS, Client, Installation, Receipts, free_port, kill, until
from tests.providers.conftest import Smsc

CROWD = 800  # people of a campaign: more than are judged at once


def kill_servers(folder: Path, url: str, kills: int, seed: int, smsc: Smsc | None = None) -> checker.Report:
    """`hongyan serve` is killed so many times: after a while, after some answers, or while it starts. Then all must be in order."""
    chance = Random(seed)
    installation = Installation(folder, url, smsc=smsc)
    clients = [Client(installation, name, seed) for name in ("a", "b")]
    others = _others(installation, seed)
    for thread in (*clients, *others):
        thread.start()
    try:
        for _ in range(kills):
            process = installation.start("serve")
            try:
                way = chance.choice(("time", "answers", "answers", "start"))
                if way == "start":
                    time.sleep(chance.uniform(0.2, 4))
                else:
                    installation.ready(process)
                    if way == "time":
                        time.sleep(chance.uniform(0, 2.5))
                    else:
                        wanted = sum(client.answers for client in clients) + chance.randint(1, 60)
                        until(lambda wanted=wanted: sum(client.answers for client in clients) >= wanted, "answers")
            finally:
                kill(process)
        process = installation.start("serve")  # what was not answered is posted again, and all comes to its end
        installation.ready(process)
        for client in clients:
            answers = client.answers
            until(lambda client=client, answers=answers: client.answers > answers, "an answer")
    finally:
        _stop(*clients, *others)
        kill(process)
    return _settled(installation, clients)


def kill_several(folder: Path, url: str, kills: int, seed: int, smsc: Smsc | None = None) -> checker.Report:
    """Two `hongyan serve` that both take events, a `hongyan worker` and a `hongyan dispatch` share a PostgreSQL database; any of them is
    killed, and comes again, while the others go on."""
    chance = Random(seed)
    installation = Installation(folder, url, smsc=smsc)
    ports = {"serve-1": installation.port, "serve-2": free_port()}
    clients = [Client(installation, name, seed, port=port) for name, port in ports.items()]
    others = _others(installation, seed)

    def start(name: str) -> subprocess.Popen[bytes]:
        return installation.start(name.partition("-")[0], port=ports.get(name))

    processes = {name: start(name) for name in (*ports, "worker", "dispatch")}
    try:
        for name, port in ports.items():
            installation.ready(processes[name], port)
        for thread in (*clients, *others):
            thread.start()
        for _ in range(kills):
            wanted = sum(client.answers for client in clients) + chance.randint(1, 60)
            until(lambda wanted=wanted: sum(client.answers for client in clients) >= wanted, "answers")
            time.sleep(chance.uniform(0, 1))
            name = chance.choice(tuple(processes))
            kill(processes[name])
            processes[name] = start(name)
        for name, port in ports.items():
            installation.ready(processes[name], port)
        for client in clients:
            answers = client.answers
            until(lambda client=client, answers=answers: client.answers > answers, "an answer")
    finally:
        for thread in (*clients, *others):
            thread.stopping.set()
        for process in processes.values():
            kill(process)
        _stop(*clients, *others)
    return _settled(installation, clients, one_order=False)


def kill_parts(folder: Path, url: str, kills: int, seed: int, smsc: Smsc | None = None) -> checker.Report:
    """`hongyan worker` and `hongyan dispatch` are killed by turns, while a process that only takes events goes on."""
    chance = Random(seed)
    installation = Installation(folder, url, smsc=smsc)
    others = _others(installation, seed) if smsc is not None else []
    for thread in others:
        thread.start()
    intake = installation.service()  # posts from this process: neither of its threads is started
    parts = {command: installation.start(command) for command in ("worker", "dispatch")}
    story = world.Story("p", chance)
    accepted: list[str] = []
    try:
        for _ in range(kills):
            deadline = time.monotonic() + chance.uniform(0.3, 3.5)
            while time.monotonic() < deadline:
                answers = intake.accept("live", story.lines(time.time_ns() // 1000, chance.randint(1, 8)))
                assert {one.status for one in answers} == {"accepted"}
                accepted += [one.id for one in answers if one.id is not None]
                time.sleep(chance.uniform(0, 0.05))
            command = chance.choice(tuple(parts))
            kill(parts[command])
            parts[command] = installation.start(command)
    finally:
        for process in parts.values():
            kill(process)
        _stop(*others)
        intake.close()
    installation.rest()
    store = installation.service().store
    try:
        return checker.check(store, accepted, installation.captured, one_order="sqlite" in url, smsc=installation.smsc_log())
    finally:
        store.close()


def kill_campaigns(folder: Path, url: str, kills: int, seed: int) -> checker.Report:
    """`hongyan serve` is killed while it pages broadcasts to more people than are judged at once."""
    chance = Random(seed)
    installation = Installation(folder, url, people=CROWD)
    intake = installation.service()
    sales = []
    for number in range(2):
        line = {
            "id": f"s{number}",
            "type": "sale.announced",
            "time": format_instant(time.time_ns() // 1000),
            "data": {"sale_id": f"S{number}"},
        }
        assert intake.accept("live", [line])[0].status == "accepted"
        sales.append(f"s{number}")
    intake.close()
    for _ in range(kills):
        process = installation.start("serve")
        try:
            installation.ready(process)
            time.sleep(chance.uniform(0, 1))
        finally:
            kill(process)
    installation.rest()
    service = installation.service()
    try:
        return checker.check_campaigns(service.store, sales, CROWD, installation.captured)
    finally:
        service.close()


def _others(installation: Installation, seed: int) -> list[Receipts | Moods]:
    """Who has a part in it besides those who post."""
    return [Receipts(installation, seed) if installation.smsc is None else Moods(installation.smsc, seed)]


def _stop(*threads: Client | Receipts | Moods) -> None:
    for thread in threads:
        thread.stopping.set()
    for thread in threads:
        if thread.ident is not None:
            thread.join(PATIENCE_SECONDS)


def _settled(installation: Installation, clients: list[Client], *, one_order: bool = True) -> checker.Report:
    for client in clients:
        assert not client.refused, client.refused[:3]
    installation.rest()
    service = installation.service()
    try:
        accepted = [id for client in clients for id in client.accepted]
        assert accepted
        return checker.check(service.store, accepted, installation.captured, one_order=one_order, smsc=installation.smsc_log())
    finally:
        service.close()
