#!/usr/bin/env python3
"""Hands a job request to Candor and prints the answer: submit.py job-request.json (needs pika; CANDOR_AMQP_URL says where)."""
import json, os, sys, uuid
import pika

connection = pika.BlockingConnection(pika.URLParameters(os.environ["CANDOR_AMQP_URL"]))
channel = connection.channel()
channel.confirm_delivery()  # the broker says when it has the request: from then on it is accepted
replies = channel.queue_declare("", exclusive=True).method.queue
correlation = str(uuid.uuid4())
answer = None


def take(channel, method, properties, body):
    global answer
    if properties.correlation_id == correlation:
        answer = json.loads(body)
        channel.stop_consuming()


channel.basic_consume(replies, take, auto_ack=True)
with open(sys.argv[1], "rb") as request:
    channel.basic_publish(
        exchange="",
        routing_key=os.environ.get("CANDOR_PREFIX", "candor") + ".jobs",
        body=request.read(),
        mandatory=True,  # an error instead of silence where no planner was ever started
        properties=pika.BasicProperties(
            content_type="application/json", type="job.request.v1", delivery_mode=2,
            message_id=str(uuid.uuid4()), correlation_id=correlation, reply_to=replies,
        ),
    )
channel.start_consuming()
connection.close()
print(json.dumps(answer, indent=2))
sys.exit(0 if answer.get("result") in ("complete", "complete_with_gaps") else 1)
