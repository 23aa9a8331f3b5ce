"""What wakes the worker: an event that came in, the next due instant (APScheduler), and a look once a second for a clock that steps."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

from apscheduler.schedulers.background import BackgroundScheduler

LOOK_SECONDS = 1.0


class Alarm:
    """Rings at an instant or when somebody rings. It holds nothing that matters: what is due stands in the database."""

    def __init__(self) -> None:
        self._bell = threading.Event()
        self._scheduler = BackgroundScheduler(timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True})
        self._scheduler.start()

    def ring(self) -> None:
        """Wake whoever waits, now or at the next `wait`."""
        self._bell.set()

    def wait(self, due: int | None, now: int) -> None:
        """Until it rings, `due` has come, or a second has passed."""
        if due is not None and due - now < LOOK_SECONDS * 1_000_000:
            at = datetime.fromtimestamp(due / 1_000_000, UTC)
            self._scheduler.add_job(self._bell.set, "date", run_date=at, id="due", replace_existing=True)
        self._bell.wait(LOOK_SECONDS)
        self._bell.clear()

    def close(self) -> None:
        """Stop the scheduler's thread."""
        self._scheduler.shutdown(wait=False)
