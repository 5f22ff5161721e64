"""Mends asynchronous invocation in LocalStack 4.14.0.

A function's poller asks an internal queue with a long poll of two seconds. When the function is updated, the poller of the
old version may be in such a call: it takes the next event, sees that it is shut down and drops it, and the event comes back
only when its visibility timeout is over, the function's timeout plus 60 seconds. Here it is put back at once.
"""

import threading
from typing import Any

from localstack.services.lambda_.invocation import event_manager
from localstack.utils.patch import patch

LONG_POLL_SECONDS = 2
ERROR_PAUSE_SECONDS = 1.0


def install() -> None:
    @patch(event_manager.Poller.run)
    def run(_original: Any, self: Any, *_args: Any, **_options: Any) -> None:
        function = self.version_manager.function_version
        queue = event_manager.get_sqs_client(function, client_config=event_manager.CLIENT_CONFIG)
        while not self._shutdown_event.is_set():
            try:
                answer = queue.receive_message(
                    QueueUrl=self.event_queue_url,
                    WaitTimeSeconds=LONG_POLL_SECONDS,
                    MaxNumberOfMessages=10,
                    VisibilityTimeout=function.config.timeout + 60,
                )
                for message in answer.get("Messages") or ():
                    if self._shutdown_event.is_set():
                        queue.send_message(QueueUrl=self.event_queue_url, MessageBody=message["Body"])
                        queue.delete_message(QueueUrl=self.event_queue_url, ReceiptHandle=message["ReceiptHandle"])
                    else:
                        self.invoker_pool.submit(self.handle_message, message)
            except Exception:
                if self._shutdown_event.is_set():
                    return
                event_manager.LOG.exception("asynchronous events of %s could not be read", function.qualified_arn)
                threading.Event().wait(ERROR_PAUSE_SECONDS)
