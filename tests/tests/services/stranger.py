"""A client that knows nothing but AMQP: it asks rightly, repeats itself, and misbehaves. Exits with 1 and says what was not right."""
import json
import os
import sys
import time
import uuid

import msgpack
import pika

PREFIX = os.environ["CANDOR_PREFIX"]
JSON, MSGPACK = "application/json", "application/msgpack"
connection = pika.BlockingConnection(pika.URLParameters(os.environ["CANDOR_AMQP_URL"]))
channel = connection.channel()
mine = channel.queue_declare("", exclusive=True).method.queue
got, wrong = {}, []


def take(_channel, _method, properties, body):
    got.setdefault(properties.correlation_id, []).append((properties.content_type, properties.type, body))


channel.basic_consume(mine, take, auto_ack=True)


def send(body, content_type=JSON, reply_to=mine, **properties):
    correlation = str(uuid.uuid4())
    if not isinstance(body, bytes):
        body = json.dumps(body).encode() if content_type != MSGPACK else msgpack.packb(body)
    properties = {"message_id": correlation, "delivery_mode": 2, **properties}
    properties = pika.BasicProperties(content_type=content_type, reply_to=reply_to, correlation_id=correlation, **properties)
    channel.basic_publish("", f"{PREFIX}.jobs", body, properties)
    return correlation


def reply(correlation, seconds=60):
    end = time.monotonic() + seconds
    while correlation not in got and time.monotonic() < end:
        connection.process_data_events(0.1)
    if correlation not in got:
        return None, None
    content_type, kind, body = got[correlation][0]
    return (json.loads(body) if content_type == JSON else msgpack.unpackb(body)), (content_type, kind)


def check(what, holds):
    if not holds:
        wrong.append(what)


def refused(what, code, *arguments, **properties):
    body, _ = reply(send(*arguments, **properties))
    check(f"{what}: {body}", body is not None and body.get("error", {}).get("code") == code and body["error"]["message"])
    return body


FLOW = {"name": "flow", "tasks": [{"id": "a", "run": "echo forty-two"}], "outputs": {"said": "${{ tasks.a.outputs.stdout }}"}}

for content_type in (JSON, MSGPACK):
    body, how = reply(send({"workflow": FLOW}, content_type))
    check(f"an answer in {content_type}: {body}", body and body["outputs"] == {"said": "forty-two\n"} and how == (content_type, "job.answer.v1"))
body, how = reply(send({"workflow": FLOW}, content_type=None))
check(f"JSON without a content type: {body}", body and body["result"] == "complete" and how[0] == JSON)
body, how = reply(send({"workflow": FLOW}, content_type="text/plain; charset=utf-8", type="job.request.v1", headers={"x": "y"}))
check(f"JSON under another content type: {body}", body and body["result"] == "complete")
body, _ = reply(send({"workflow": FLOW, "unknown": {"field": 1}}))
check(f"an unknown field: {body}", body and body["result"] == "complete")

keyed = {"workflow": FLOW, "idempotency_key": "k"}
first, second = reply(send(keyed))[0], reply(send(keyed))[0]
check("the same key is the same job", first and second and (first["job"], first["digest"]) == (second["job"], second["digest"]))
refused("the same key with another body", "job_exists", {"workflow": dict(FLOW, name="other"), "idempotency_key": "k"})
refused("a job id that is used", "job_exists", {"workflow": dict(FLOW, name="other"), "job": first["job"]})

body = refused("diagnostics", "invalid_workflow", {"workflow": {"name": "bad", "tasks": [{"id": "a", "uses": "nope"}, {"id": "b", "needs": "x", "run": "y"}]}})
check(f"two diagnostics with their places: {body}", body and len(body["diagnostics"]) == 2 and all(d["line"] > 1 for d in body["diagnostics"]))
refused("wrong inputs", "invalid_inputs", {"workflow": dict(FLOW, inputs={"n": {"type": "integer", "required": True}})})
refused("both", "workflow_and_request", {"workflow": FLOW, "request": "words"})
refused("neither", "empty_request", {})
refused("words", "no_model", {"request": "make me rich"})
refused("broken JSON", "unreadable", b"{ this is not json")
refused("broken MessagePack", "unreadable", b"\xc1\xff\x00", MSGPACK)
refused("wrong types", "unreadable", {"workflow": 7})
refused("a list", "unreadable", b"[1, 2]")
refused("not UTF-8", "unreadable", b'{"workflow": "\xff\xfe"}')
refused("deep nesting", "unreadable", b'{"workflow": ' + b"[" * 5000 + b"]" * 5000 + b"}")
refused("1 MiB + 1", "unreadable", b'{"workflow": "' + b"x" * (1024 * 1024) + b'"}')
refused("an unknown major version", "unreadable", {"workflow": FLOW}, type="job.request.v9")
refused("no id at all", "no_job_id", {"workflow": FLOW}, message_id=None)

before = channel.queue_declare(f"{PREFIX}.assembler.0", passive=True).method.message_count
for queue in (f"{PREFIX}.assembler.0", f"{PREFIX}.jobs", "nobody.has.this.queue", "x" * 255):
    send({"workflow": FLOW}, reply_to=queue)
body, _ = reply(send({"workflow": {"name": "failing", "tasks": [{"id": "a", "run": "exit 9"}]}}))
check(f"a failed job is answered: {body}", body and body["result"] == "failed")

many = [send({"workflow": dict(FLOW, name=f"many{number}")}) for number in range(200)]
for correlation in many:
    reply(correlation, 120)
check("200 at once are answered, each once", all(len(got.get(correlation, [])) == 1 for correlation in many))

print("\n".join(wrong) or "all is right")
sys.exit(1 if wrong else 0)
