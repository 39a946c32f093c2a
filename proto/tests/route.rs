//! Every queue and exchange of a deployment, with every argument.

use std::collections::BTreeMap;

use candor_proto::route::{
    Argument, DELIVERIES_MAX, ExchangeKind, Lifetime, PRIVATE_LENGTH_MAX, QUEUE_LENGTH_MAX, Queue, Routes,
    TASK_DELIVERIES_MAX,
};

fn shown(queue: &Queue) -> String {
    let arguments: BTreeMap<_, _> = queue.arguments.iter().map(|(name, value)| (*name, value)).collect();
    assert_eq!(arguments.len(), queue.arguments.len(), "no argument of {} is given twice", queue.name);
    let arguments: Vec<_> = arguments
        .into_iter()
        .map(|(name, value)| match value {
            Argument::Text(text) => format!("{name}={text}"),
            Argument::Number(number) => format!("{name}={number}"),
            Argument::Flag(flag) => format!("{name}={flag}"),
        })
        .collect();
    let lifetime = match queue.lifetime {
        Lifetime::Durable => "durable",
        Lifetime::Connection => "connection",
    };
    format!("{} {lifetime} {}", queue.name, arguments.join(" "))
}

#[test]
fn the_topology_of_a_small_deployment_is_this() {
    let topology = Routes::default().topology(2, &["default".into(), "wide".into()]);
    let shown: Vec<String> = topology.queues.iter().map(shown).collect();
    let dead_letters =
        "x-dead-letter-exchange= x-dead-letter-routing-key=candor.dead x-dead-letter-strategy=at-least-once";
    let length = "x-max-length=1000000 x-overflow=reject-publish x-queue-type=quorum";
    assert_eq!(
        shown,
        [
            format!("candor.dead durable x-delivery-limit=1000000 {length}"),
            format!("candor.jobs durable {dead_letters} x-delivery-limit=1000000 {length}"),
            format!(
                "candor.assembler.0 durable {dead_letters} x-delivery-limit=1000000 {length} x-single-active-consumer=true"
            ),
            format!(
                "candor.assembler.1 durable {dead_letters} x-delivery-limit=1000000 {length} x-single-active-consumer=true"
            ),
            format!("candor.tasks.default durable {dead_letters} x-delivery-limit=5 {length}"),
            format!("candor.tasks.wide durable {dead_letters} x-delivery-limit=5 {length}"),
            format!("candor.quarantine durable {dead_letters} x-delivery-limit=5 {length}"),
            format!("candor.escalations durable {dead_letters} x-delivery-limit=5 {length}"),
        ],
    );
    let exchanges: Vec<_> = topology.exchanges.iter().map(|exchange| (exchange.name.as_str(), exchange.kind)).collect();
    assert_eq!(exchanges, [("candor.events", ExchangeKind::Topic), ("candor.control", ExchangeKind::Fanout)]);
}

#[test]
fn every_queue_says_type_length_overflow_and_deliveries_itself() {
    let routes = Routes::new("x");
    let mut queues = routes.topology(16, &["default".into()]).queues;
    assert_eq!(queues.len(), 1 + 1 + 16 + 1 + 1 + 1);
    for queue in &queues {
        assert!(matches!(queue.number("x-delivery-limit"), Some(TASK_DELIVERIES_MAX | DELIVERIES_MAX)), "{queue:?}");
        assert_eq!(queue.number("x-max-length"), Some(QUEUE_LENGTH_MAX));
    }
    queues.push(routes.private(routes.worker("w1")));
    for queue in &queues {
        let names: Vec<_> = queue.arguments.iter().map(|(name, _)| *name).collect();
        for name in ["x-queue-type", "x-max-length", "x-overflow"] {
            assert!(names.contains(&name), "{name} of {}", queue.name);
        }
        assert_eq!(queue.single_active(), queue.name.starts_with("x.assembler."), "{}", queue.name);
        assert_eq!(queue.number("x-queue-type"), None, "a text is no number");
    }
}

#[test]
fn a_private_queue_goes_with_its_connection() {
    let routes = Routes::default();
    let queue = routes.private(routes.replies("a1"));
    let length = PRIVATE_LENGTH_MAX;
    let wanted =
        format!("candor.replies.a1 connection x-max-length={length} x-overflow=reject-publish x-queue-type=classic");
    assert_eq!(shown(&queue), wanted);
}

#[test]
fn every_name_lies_under_the_prefix_and_is_owned() {
    let routes = Routes::new("our.candor-2");
    assert_eq!(routes.prefix(), "our.candor-2");
    let topology = routes.topology(3, &["default".into(), "gpu".into()]);
    let mut names: Vec<String> = topology.queues.into_iter().map(|queue| queue.name).collect();
    names.extend(topology.exchanges.into_iter().map(|exchange| exchange.name));
    names.extend([routes.worker("w1"), routes.replies("a1")]);
    for name in &names {
        assert!(name.starts_with("our.candor-2."), "{name}");
        assert!(routes.owns(name), "{name}");
    }
    let different: std::collections::BTreeSet<_> = names.iter().collect();
    assert_eq!(different.len(), names.len(), "no name is used twice");
}

#[test]
fn only_what_begins_with_the_whole_prefix_is_ours() {
    let routes = Routes::default();
    for ours in ["candor", "candor.", "candor.assembler.0", "candor.anything"] {
        assert!(routes.owns(ours), "{ours}");
    }
    for foreign in ["", "candors", "candor-replies", "my.candor.jobs", "amq.gen-1", "Candor.jobs"] {
        assert!(!routes.owns(foreign), "{foreign}");
    }
    assert_eq!(Routes::default(), Routes::new("candor"));
}
