"""A trace and a verdict's facts show why, but no secret and no whole number."""

from __future__ import annotations

from engine.core.compile import compile_book
from engine.core.facts import Event
from engine.core.outcomes import Verdict
from engine.core.trace import Trace
from engine.simulate.simulation import Simulation
from engine.simulate.trace_lines import trace_dict
from rules.checking import check

BOOK = """
events:
  made:
    data:
      code: {type: string, secret: true}
      place: {type: string, personal: true}
      staff_phone: phone
      store: string
rules:
  r:
    on: made
    when:
      any:
        - {event.code: "7788"}
        - {event.place: 南京西路一号}
        - {event.staff_phone: {starts_with: "+8615"}}
        - {user.phone: {starts_with: "+8615"}}
        - {event.store: 二号店}
    send: {type: notification, sms: 好}
  s:
    on: made
    when: {event.code: "7788"}
    send: {type: notification, sms: 您好}
"""


def test_secret_and_personal_values_are_masked_where_a_judgement_is_told() -> None:
    checked = check({"book.yaml": BOOK})
    assert checked.book is not None, checked.findings
    traces: list[Trace] = []
    simulation = Simulation(compile_book(checked.book), traces=traces)
    simulation.add_user("u1", {"phone": "+8613800138000"})
    data = {"code": "123456", "place": "北京东路二号", "staff_phone": "+8613911112222", "store": "一号店"}
    event = Event("e1", "made", 1_780_000_000_000_000, data, user="u1")

    told = [one for page in simulation.run([event]) for one in page]

    verdicts = {one.rule: dict(one.detail) for one in told if isinstance(one, Verdict)}
    shown = str([trace_dict(trace) for trace in traces]) + str(verdicts)
    assert verdicts["s"]["actual"] == "******"
    assert "一号店" in shown
    for hidden in ("123456", "北京东路二号", "13911112222", "13800138000"):
        assert hidden not in shown
