#!/usr/bin/env node
// Hands a job request to Candor and prints the answer: submit.mjs job-request.json (needs amqplib; CANDOR_AMQP_URL says where).
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import amqp from "amqplib";

const connection = await amqp.connect(process.env.CANDOR_AMQP_URL);
const channel = await connection.createConfirmChannel(); // the broker says when it has the request: from then on it is accepted
const { queue: replies } = await channel.assertQueue("", { exclusive: true });
const correlationId = randomUUID();

const answered = new Promise((resolve, reject) => {
  channel.consume(replies, (message) => {
    if (message?.properties.correlationId === correlationId) resolve(JSON.parse(message.content));
  }, { noAck: true });
  // An error instead of silence where no planner was ever started.
  channel.on("return", () => reject(new Error("nobody takes requests: start a planner")));
});
channel.sendToQueue(`${process.env.CANDOR_PREFIX ?? "candor"}.jobs`, readFileSync(process.argv[2]), {
  contentType: "application/json",
  type: "job.request.v1",
  persistent: true,
  mandatory: true,
  messageId: randomUUID(),
  correlationId,
  replyTo: replies,
});
await channel.waitForConfirms();
const answer = await answered;
await connection.close();
console.log(JSON.stringify(answer, null, 2));
process.exit(["complete", "complete_with_gaps"].includes(answer.result) ? 0 : 1);
