"""A task that hands one finished mail to a mail server."""

from __future__ import annotations

import os
import smtplib

from celery import Celery

app = Celery("bare", broker=os.environ["CELERY_BROKER_URL"])
app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True, worker_hijack_root_logger=False)


@app.task(name="bare.send")
def send(port: int, sender: str, recipient: str, mail: str) -> None:
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.sendmail(sender, [recipient], mail)
