//! Where messages go: every queue and exchange, with every argument, as data.
//!
//! Arguments are explicit so that RabbitMQ 3.10 and 4.x behave alike.

/// The names of a deployment, all under one prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Routes {
    prefix: String,
}

impl Default for Routes {
    fn default() -> Self {
        Self::new("candor")
    }
}

impl Routes {
    /// The names under this prefix.
    pub fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    /// The prefix.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether a queue is one of ours, so that nobody may have answers sent there.
    pub fn owns(&self, queue: &str) -> bool {
        queue.strip_prefix(&self.prefix).is_some_and(|rest| rest.starts_with('.') || rest.is_empty())
    }

    /// Submissions: to the planner.
    pub fn jobs(&self) -> String {
        format!("{}.jobs", self.prefix)
    }

    /// Everything about the jobs of one partition: to the assembler.
    pub fn assembler(&self, partition: u32) -> String {
        format!("{}.assembler.{partition}", self.prefix)
    }

    /// Assignments of a pool.
    pub fn tasks(&self, pool: &str) -> String {
        format!("{}.tasks.{pool}", self.prefix)
    }

    /// Grants and revocations of one worker.
    pub fn worker(&self, instance: &str) -> String {
        format!("{}.worker.{instance}", self.prefix)
    }

    /// What assemblers say to each other, as one of them hears it.
    pub fn assemblers(&self, instance: &str) -> String {
        format!("{}.assemblers.{instance}", self.prefix)
    }

    /// Replies to one process: `Planned` to a planner, answers to a command.
    pub fn replies(&self, instance: &str) -> String {
        format!("{}.replies.{instance}", self.prefix)
    }

    /// Suspects after the delivery limit.
    pub fn quarantine(&self) -> String {
        format!("{}.quarantine", self.prefix)
    }

    /// Cases of escalation.
    pub fn escalations(&self) -> String {
        format!("{}.escalations", self.prefix)
    }

    /// Dead letters and unreadable messages.
    pub fn dead(&self) -> String {
        format!("{}.dead", self.prefix)
    }

    /// The topic exchange of progress.
    pub fn events(&self) -> String {
        format!("{}.events", self.prefix)
    }

    /// The fan-out exchange of control.
    pub fn control(&self) -> String {
        format!("{}.control", self.prefix)
    }

    /// Everything that exists from the first start on, for these pools.
    pub fn topology(&self, partitions: u32, pools: &[String]) -> Topology {
        let mut queues = vec![self.dead_queue(), self.durable(self.jobs(), false, None)];
        for partition in 0..partitions {
            queues.push(self.durable(self.assembler(partition), true, None));
        }
        for pool in pools {
            queues.push(self.durable(self.tasks(pool), false, Some(TASK_DELIVERIES_MAX)));
        }
        queues.push(self.durable(self.quarantine(), false, Some(TASK_DELIVERIES_MAX)));
        queues.push(self.durable(self.escalations(), false, Some(TASK_DELIVERIES_MAX)));
        Topology {
            queues,
            exchanges: vec![
                Exchange { name: self.events(), kind: ExchangeKind::Topic },
                Exchange { name: self.control(), kind: ExchangeKind::Fanout },
            ],
        }
    }

    /// A queue of one process: gone with its connection.
    pub fn private(&self, name: String) -> Queue {
        Queue {
            name,
            lifetime: Lifetime::Connection,
            arguments: vec![
                ("x-queue-type", Argument::Text("classic".into())),
                ("x-max-length", Argument::Number(PRIVATE_LENGTH_MAX)),
                ("x-overflow", Argument::Text("reject-publish".into())),
            ],
        }
    }

    fn durable(&self, name: String, single_active: bool, delivery_limit: Option<i64>) -> Queue {
        let mut arguments = vec![
            ("x-queue-type", Argument::Text("quorum".into())),
            ("x-overflow", Argument::Text("reject-publish".into())),
            ("x-dead-letter-exchange", Argument::Text(String::new())),
            ("x-dead-letter-routing-key", Argument::Text(self.dead())),
            ("x-dead-letter-strategy", Argument::Text("at-least-once".into())),
            ("x-max-length", Argument::Number(QUEUE_LENGTH_MAX)),
        ];
        if single_active {
            arguments.push(("x-single-active-consumer", Argument::Flag(true)));
        }
        // Without a limit 3.10 redelivers for ever and 4.x stops at 20: say a number on both.
        arguments.push(("x-delivery-limit", Argument::Number(delivery_limit.unwrap_or(DELIVERIES_MAX))));
        Queue { name, lifetime: Lifetime::Durable, arguments }
    }

    fn dead_queue(&self) -> Queue {
        Queue {
            name: self.dead(),
            lifetime: Lifetime::Durable,
            arguments: vec![
                ("x-queue-type", Argument::Text("quorum".into())),
                ("x-delivery-limit", Argument::Number(DELIVERIES_MAX)),
                ("x-max-length", Argument::Number(QUEUE_LENGTH_MAX)),
                ("x-overflow", Argument::Text("reject-publish".into())),
            ],
        }
    }
}

/// Deliveries of an assignment before it counts as a suspect.
pub const TASK_DELIVERIES_MAX: i64 = 5;
/// Deliveries of anything else: takeovers and restarts count too, so this is far away.
pub const DELIVERIES_MAX: i64 = 1_000_000;
/// Messages in a durable queue before publishers are refused.
pub const QUEUE_LENGTH_MAX: i64 = 1_000_000;
/// Messages in a process's own queue before publishers are refused.
pub const PRIVATE_LENGTH_MAX: i64 = 100_000;

/// Every queue and exchange of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology {
    /// The queues.
    pub queues: Vec<Queue>,
    /// The exchanges.
    pub exchanges: Vec<Exchange>,
}

/// A queue to declare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// How long it lives.
    pub lifetime: Lifetime,
    /// Its arguments by name.
    pub arguments: Vec<(&'static str, Argument)>,
}

impl Queue {
    /// The number given for an argument.
    pub fn number(&self, argument: &str) -> Option<i64> {
        self.arguments.iter().find_map(|(name, value)| match value {
            Argument::Number(number) if *name == argument => Some(*number),
            Argument::Number(_) | Argument::Text(_) | Argument::Flag(_) => None,
        })
    }

    /// Whether only one consumer at a time gets deliveries.
    pub fn single_active(&self) -> bool {
        self.arguments.iter().any(|(name, value)| *name == "x-single-active-consumer" && *value == Argument::Flag(true))
    }
}

/// How long a queue lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lifetime {
    /// For ever, over restarts of the broker.
    Durable,
    /// As long as the connection that declared it (exclusive, auto-delete).
    Connection,
}

/// The value of a queue's argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    /// A text.
    Text(String),
    /// A whole number.
    Number(i64),
    /// A truth value.
    Flag(bool),
}

/// An exchange to declare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Its name.
    pub name: String,
    /// How it passes messages on.
    pub kind: ExchangeKind,
}

/// How an exchange passes messages on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExchangeKind {
    /// By patterns of the routing key.
    Topic,
    /// To every bound queue.
    Fanout,
}
